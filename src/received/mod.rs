//! The Received field (RFC 5321 §4.4): what mail that was really sent says about its way, above all whether it went
//! encrypted.
//!
//! [`mailbox`] finds header blocks in files of every form, [`header`] their Received fields, [`hop`] makes of these the
//! hops of a message. Everything below that is pure.

pub mod allow;
mod course;
pub mod date;
pub mod field;
pub mod header;
pub mod hop;
pub mod idiom;
pub mod line_ends;
pub mod mailbox;
pub mod object;
pub mod party;
pub mod peek;
pub mod protocol;
pub mod submission;
pub mod token;
pub mod tracer;
pub mod trust;
pub mod walk;
pub mod writer;
