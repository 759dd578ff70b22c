//! Typed questions to a survey: what the report asks, as functions of a connection, so that no SQL stands elsewhere.
//!
//! **Adding one.** A function here (or in a file of its subject) that takes the connection and what it asks for, and gives
//! a struct whose fields are documented; an `ORDER BY` down to a name wherever rows can tie.

mod health;

pub use health::{Lost, is_synthetic, lost, servers_at_two_ports};
