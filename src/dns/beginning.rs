//! Whether a list is one of names at all: a list of something else has no name among its first entries.

/// What the first entries of a list were.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Entries so far; no more are counted once there was a name.
    entries: u64,
    /// The first of them, if none so far is a name.
    stranger: Option<String>,
}

/// So many entries without a name among them, and the list is something else.
const BEGINNING: u64 = 1000;

impl Beginning {
    /// Takes note of an entry: a name, or the text that is none.
    pub fn note(&mut self, entry: Result<(), &str>) {
        if self.entries >= BEGINNING {
            return;
        }
        self.entries += 1;
        match (entry, self.entries) {
            (Ok(()), _) => {
                self.entries = BEGINNING;
                self.stranger = None;
            }
            (Err(text), 1) => self.stranger = Some(text.chars().take(60).collect()),
            (Err(_), _) => {}
        }
    }

    /// What is wrong with the list, if there was no name.
    pub fn complaint(&self) -> Option<String> {
        let begin = self.stranger.as_ref()?;
        Some(format!(
            "no domain name among its first {} entries, the first of which is {begin:?}; --format says what it is",
            self.entries
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_among_the_first_thousand_makes_it_a_list_of_names() {
        for (strangers, is_told) in [(0, false), (999, false), (1000, true), (5000, true)] {
            let mut beginning = Beginning::default();
            for _ in 0..strangers {
                beginning.note(Err("no name"));
            }
            beginning.note(Ok(()));
            assert_eq!(beginning.complaint().is_some(), is_told, "{strangers}");
        }
        assert_eq!(Beginning::default().complaint(), None, "an empty list");
    }
}
