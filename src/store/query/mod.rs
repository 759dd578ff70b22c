//! Typed questions to a survey: what the report asks, as functions of a connection, so that no SQL stands elsewhere.
//!
//! **Adding one.** A function in the file of its subject that takes the connection and what it asks for, and gives a
//! struct whose fields are documented, or hands rows to a closure where they are many; an `ORDER BY` down to a name
//! wherever rows can tie; parameters by name where they are more than two.

pub mod card;
pub mod compare;
mod domains;
mod health;
mod hops;
mod mail;
mod policies;
mod runs;
mod servers;
mod tell;

pub use domains::*;
pub use health::{Cautions, NotLearned, cautions, is_synthetic, lost, servers_at_two_ports};
pub use hops::*;
pub use mail::*;
pub use policies::*;
pub use runs::*;
pub use servers::*;
pub use tell::*;
