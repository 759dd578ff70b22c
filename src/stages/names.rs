//! Names that stand in the input by themselves, as a line or in a list: mx-lookup and policy-lookup read them alike.

use crate::dns::beginning::Beginning;
use crate::dns::list::{self, DomainList, DomainListItem};
use crate::driver::{Found, Key, Subject, Taken};
use crate::ndjson::Line;
use crate::record::Listed;

/// A list of names, and what its first entries were.
pub(super) struct ListedNames {
    list: DomainList,
    source: String,
    beginning: Beginning,
}

impl ListedNames {
    /// Names of `list`, which is called `source`.
    pub(super) fn new(list: DomainList, source: String) -> Self {
        Self {
            list,
            source,
            beginning: Beginning::default(),
        }
    }

    /// Whether the list is one of objects with a domain.
    pub(super) fn reads_objects(&self) -> bool {
        self.list.reads_objects()
    }

    /// Takes a line that is no record of ours: each of its names has a `listed` line, and is looked up. `subject` reads a name.
    pub(super) fn read<T, E>(
        &mut self,
        line: &Line,
        found: &mut Found<'_, Result<T, E>>,
        subject: impl Fn(&[u8]) -> Subject<Result<T, E>>,
    ) -> Taken {
        match self.list.read(&line.bytes, line.number) {
            DomainListItem::Nothing => {}
            DomainListItem::Refused(why) => return Taken::Refused(why.into()),
            DomainListItem::Entry(text, rank) => self.entry(subject(&text), rank, found),
            DomainListItem::Entries(texts, rank) => {
                for (text, rank) in texts.iter().zip(rank..) {
                    self.entry(subject(text), rank, found);
                }
            }
        }
        Taken::Consumed
    }

    fn entry<T, E>(
        &mut self,
        subject: Subject<Result<T, E>>,
        rank: u64,
        found: &mut Found<'_, Result<T, E>>,
    ) {
        let (Key::Domain(text) | Key::Policy(text)) = &subject.key else {
            return;
        };
        let is_name = subject.job.is_ok();
        self.beginning.note(is_name.then_some(()).ok_or(text));
        if found.is_elsewhere(&subject.key, None) || !found.is_first_listed(&subject.key) {
            return;
        }
        found.record(&Listed {
            source: self.source.clone(),
            domain: text.clone().into_owned(),
            rank: Some(rank),
            users: None,
            of: None,
            share: None,
            run: None,
        });
        // One that a record has named before is no repeat of the list.
        if !found.has(&subject.key) {
            found.subject(subject);
        }
    }

    /// What is wrong with the list as a whole.
    pub(super) fn complaint(&self) -> Option<String> {
        let stranger = self.beginning.complaint();
        stranger.or_else(|| self.list.end().map(str::to_owned))
    }

    /// A file of the input begins; what was wrong with the one before.
    pub(super) fn begin_file(&mut self) -> Option<String> {
        self.list.begin_file().map(str::to_owned)
    }
}

/// The domain that a record names.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn domain_of(line: &Line) -> Result<Option<String>, String> {
    list::domain_of(&line.bytes).map_err(|error| unreadable(&error))
}

/// Why the domain of a record cannot be read.
pub(super) fn unreadable(error: &serde_json::Error) -> String {
    format!(
        "its domain cannot be read: {}",
        crate::ndjson::describe(error)
    )
}
