//! The report: questions to a survey, their answers as tables, charts and one page.

pub mod asked;
pub mod chart;
pub mod command;
pub mod explain;
pub mod figure;
mod mail;
pub mod matrix;
pub mod measure;
pub mod operators;
pub mod output;
pub mod page;
pub mod providers;
pub mod published;
pub mod questions;
pub mod render;
pub mod screen;
pub mod summary;
pub mod survey;
pub mod table;
pub mod words;
