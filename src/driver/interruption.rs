//! Why the loop of the driver ended before its end.

use std::io;

use crate::program::output::Gone;

/// Why the loop ended before its end.
pub(super) enum Interruption {
    /// The reader of our output is gone.
    Gone,
    Error(anyhow::Error),
}

impl From<Gone> for Interruption {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<anyhow::Error> for Interruption {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl From<io::Error> for Interruption {
    fn from(error: io::Error) -> Self {
        Self::Error(error.into())
    }
}
