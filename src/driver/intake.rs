//! The batches of the input, and what the lines of one bring.

use std::io;

use tokio::sync::mpsc::Receiver;

use crate::ndjson::{LINE_LIMIT, Line, NotARecord};
use crate::net::pacing::Place;
use crate::program::input::LineBatch;
use crate::program::runs::Runs;

/// Batches of the input.
pub(super) type Batches = Receiver<io::Result<LineBatch>>;

/// The next batch; `None` at the end of the input, and behind that it waits for ever.
pub(super) async fn read(batches: &mut Option<Batches>) -> Option<io::Result<LineBatch>> {
    match batches {
        Some(batches) => batches.recv().await,
        None => std::future::pending().await,
    }
}

/// What a batch of lines brought: written first, then begun.
pub(super) struct Brought<J> {
    pub(super) lines: Vec<u8>,
    pub(super) jobs: Vec<(J, Option<Place>)>,
}

impl<J> Default for Brought<J> {
    fn default() -> Self {
        Self {
            lines: Vec::new(),
            jobs: Vec::new(),
        }
    }
}

impl<J> Brought<J> {
    /// The line itself.
    pub(super) fn pass(&mut self, line: &mut Line) {
        self.lines.append(&mut line.bytes);
        self.lines.push(b'\n');
    }
}

/// The bound on a line is the same where it is written as where it is read: what the next program would refuse is named here.
pub(super) fn leave_out_what_nobody_reads(lines: &mut Vec<u8>, runs: &mut Runs) {
    // Records are bounded one by one, so that nearly no answer is longer than one line may be.
    if lines.len() <= LINE_LIMIT {
        return;
    }
    let whole = std::mem::take(lines);
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        if line.len() > LINE_LIMIT {
            runs.complain_of(&"a record", &NotARecord::TooLong);
        } else {
            lines.extend_from_slice(line);
        }
    }
}
