//! Lists of addresses, leaked or not, as users for each mail domain: bytes in, domains and numbers out.
//!
//! The way of a line: a piece of the input (`read`) is cut into address fields by its layout (`delimited`, `csv`,
//! `json`, `any`; [`format`] names them, `guess` finds them in a `sample`), a field gives its domain (`address`) to the sums of the
//! thread (`tally`), and these go into those of the list (`census`). Nearly every line takes the short way through
//! `fast` instead.
//!
//! What leaves this module are names of domains, numbers, line numbers and causes. An address, a part of one before the `@`,
//! a password or a line that could not be read never does.

mod address;
mod aliases;
mod any;
mod census;
mod count;
mod csv;
mod delimited;
mod distinct;
mod fast;
mod format;
mod guess;
mod input;
mod json;
mod names;
#[cfg(test)]
mod obvious;
mod read;
mod sample;
mod scan;
mod short;
mod tally;
mod watch;

pub use address::NotCounted;
pub use aliases::{Aliases, BadAlias};
pub use count::{CountSettings, CountedList, count};
pub use format::{AddressColumn, LeakFormat, Unreadable, Wish};
pub use input::{CountError, Input, InputProblem, LeakList, Reading, lists};
pub use watch::Watch;
