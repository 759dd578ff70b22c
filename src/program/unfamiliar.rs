//! An input of which nothing is what a program reads: a list where records are awaited, records of another kind.

/// Lines that are looked at.
const BEGINNING: u64 = 1000;

/// Lines so far that were nothing to the program, and what the first of them looks like.
#[derive(Debug, Default)]
pub struct Unfamiliar {
    lines: u64,
    first: Option<String>,
    is_told: bool,
}

impl Unfamiliar {
    /// A line that is nothing to the program, of this type if it is a record; says what to tell, once there were a thousand.
    pub fn pass(&mut self, kind: Option<&str>, line: &[u8]) -> Option<String> {
        self.lines += 1;
        if self.first.is_none() {
            self.first = Some(match kind {
                Some(kind) => format!("`{kind}` records"),
                None => looks_like(line).to_owned(),
            });
        }
        match self.lines < BEGINNING {
            true => None,
            false => self.tell(),
        }
    }

    /// What to tell at the end of an input of which nothing was known; nothing where there was no line, or where it was told.
    pub fn tell(&mut self) -> Option<String> {
        let first = self.first.as_ref().filter(|_| !self.is_told)?;
        self.is_told = true;
        let lines = self.lines;
        Some(format!(
            "nothing in the first {lines} lines is what it reads; they look like {first}"
        ))
    }

    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        self.is_told
    }
}

/// What a line that is no record looks like, for people.
pub fn looks_like(line: &[u8]) -> &'static str {
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
