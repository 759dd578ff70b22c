//! What programs say to people.

use std::io::{self, Write as _};

use crate::ndjson::printable;

/// A line for people on standard error, without anything that a terminal would obey, and whole: programs of one pipe that
/// say something at the same time do not write into each other's lines. Nobody there to read it is no reason to stop.
pub fn say(program: &str, text: &str) {
    // One call: standard error has no buffer, and `writeln!` would write every piece of its own.
    let line = format!("{program}: {}\n", printable(text));
    let _ = io::stderr().write_all(line.as_bytes());
}
