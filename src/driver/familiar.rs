//! Whether an input is what a stage reads at all: a list given to a stage that wants records passes through without a word else.

use super::stage::Select;
use crate::ndjson::Line;
use crate::program::runs::Runs;

/// What the first lines of an input were.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    lines: u64,
    /// Something of it was what the stage reads.
    is_known: bool,
    /// What the first line looks like.
    first: Option<String>,
    is_told: bool,
}

/// Lines that are looked at.
const BEGINNING: u64 = 1000;

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
            kind => return self.pass(kind.ok(), &line.bytes),
        }
        None
    }

    /// Whether there is something to find out yet.
    fn is_open(&self) -> bool {
        !self.is_known && !self.is_told
    }

    /// A line that is nothing to the stage; says what to tell, once there were enough of them.
    fn pass(&mut self, kind: Option<&str>, line: &[u8]) -> Option<String> {
        self.lines += 1;
        if self.first.is_none() {
            self.first = Some(match kind {
                Some(kind) => format!("`{kind}` records"),
                None => looks_like(line).to_owned(),
            });
        }
        if self.lines < BEGINNING {
            return None;
        }
        self.tell()
    }

    /// What to tell at the end of an input, if nothing of it was known.
    pub(super) fn tell(&mut self) -> Option<String> {
        let first = self.first.as_ref().filter(|_| self.is_open())?;
        self.is_told = true;
        let lines = self.lines;
        Some(format!(
            "nothing in the first {lines} lines is what it reads; they look like {first}"
        ))
    }

    /// Whether it was told.
    pub(super) fn is_told(&self) -> bool {
        self.is_told
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

fn looks_like(line: &[u8]) -> &'static str {
    let line = line.trim_ascii();
    match line.first() {
        Some(b'<') => "HTML or XML",
        Some(b'{' | b'[') => "JSON without a type",
        _ if line.contains(&0) => "binary data",
        _ if line.starts_with(b"From ") || line.starts_with(b"Received:") => "mail",
        _ if line.contains(&b',') || line.contains(&b'\t') => "a table",
        _ => "a plain list",
    }
}
