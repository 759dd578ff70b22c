//! Whether an input is what a stage reads at all: a list given to a stage that wants records passes through without a word else.

use super::stage::Select;
use crate::ndjson::Line;
use crate::program::runs::Runs;
use crate::program::unfamiliar::Unfamiliar;

/// What the first lines of an input were.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    /// Something of it was what the stage reads.
    is_known: bool,
    others: Unfamiliar,
}

impl Familiar {
    /// Looks at a line of the input of the stage `S`, which named a subject or not; says what to tell.
    pub(super) fn look<S: Select>(
        &mut self,
        line: &Line,
        names_one: bool,
        runs: &Runs,
    ) -> Option<String> {
        if S::READS.is_empty() || !self.is_open() || line.is_blank() {
            return None;
        }
        let kind = line.tag();
        let is_read = |kind: &str| S::READS.contains(&kind) || S::OWN.contains(&kind);
        match kind.as_deref() {
            _ if names_one => self.is_known = true,
            Ok("run") => {
                let mut writers = S::READS.iter().flat_map(|kind| writers(kind));
                self.is_known |= writers.any(|stage| runs.has_begun(stage));
            }
            Ok(kind) if is_read(kind) => self.is_known = true,
            kind => return self.others.pass(kind.ok(), &line.bytes),
        }
        None
    }

    /// Whether there is something to find out yet.
    fn is_open(&self) -> bool {
        !self.is_known && !self.others.is_told()
    }

    /// What to tell at the end of an input, if nothing of it was known.
    pub(super) fn tell(&mut self) -> Option<String> {
        match self.is_known {
            true => None,
            false => self.others.tell(),
        }
    }

    /// Whether it was told.
    pub(super) fn is_told(&self) -> bool {
        self.others.is_told()
    }
}

/// The program that writes records of a type.
fn writers(kind: &str) -> &'static [&'static str] {
    match kind {
        "domain" => &["mx-lookup"],
        "policy" => &["policy-lookup"],
        "sts" => &["policy-fetch"],
        "smtp" => &["smtp-probe"],
        "tls" | "cert" => &["tls-inspect", "smtp-probe"],
        _ => &[],
    }
}
