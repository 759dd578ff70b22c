//! Names in the input of policy-lookup: plain ones, and those of `domain` records.

use std::borrow::Cow;

use serde::Deserialize;

use crate::dns::beginning::Beginning;
use crate::dns::list::{self, DomainList, DomainListItem};
use crate::dns::name::Name;
use crate::driver::{Found, Key, Select, Subject, Taken};
use crate::ndjson::{Line, NotARecord};
use crate::record::{Listed, Reason};

/// Finds names in the input: plain ones, and those of `domain` records.
pub struct PolicySelect {
    list: DomainList,
    source: String,
    beginning: Beginning,
}

/// A name with its exchanges, or what is no name.
pub type PolicyJob = Result<PolicyDomain, (String, String)>;

/// A domain whose policies are wanted.
#[derive(Debug)]
pub struct PolicyDomain {
    pub(super) name: Name,
    /// The exchanges, where the input knows them; empty: it takes no mail.
    pub(super) exchanges: Option<Vec<Name>>,
}

/// What is read of a `domain` record.
#[derive(Deserialize)]
struct DomainLine<'a> {
    #[serde(borrow)]
    domain: Cow<'a, str>,
    outcome: Option<OutcomeLine>,
    #[serde(default, borrow)]
    mx: Vec<ExchangeLine<'a>>,
}

#[derive(Deserialize)]
struct OutcomeLine {
    reason: Reason,
}

#[derive(Deserialize)]
struct ExchangeLine<'a> {
    #[serde(borrow)]
    exchange: Cow<'a, str>,
}

impl DomainLine<'_> {
    /// The exchanges, where the record is certain of them.
    fn exchanges(&self) -> Option<Vec<Name>> {
        let reason = self.outcome.as_ref()?.reason;
        let is_known = matches!(
            reason,
            Reason::Ok | Reason::NullMx | Reason::Nxdomain | Reason::NoAddress
        );
        let names = (self.mx.iter()).filter_map(|mx| Name::parse(mx.exchange.as_bytes()).ok());
        is_known.then(|| names.collect())
    }
}

impl PolicySelect {
    /// Names of `list`, which is called `source`.
    pub fn new(list: DomainList, source: String) -> Self {
        Self {
            list,
            source,
            beginning: Beginning::default(),
        }
    }

    /// An entry of the list itself.
    fn entry(&mut self, text: &[u8], rank: u64, found: &mut Found<'_, PolicyJob>) {
        let subject = subject(text, None);
        let entry = subject.job.as_ref().map(|_| ());
        self.beginning
            .note(entry.map_err(|(text, _)| text.as_str()));
        if !found.is_first_listed(&subject.key) {
            return;
        }
        found.record(&Listed {
            source: self.source.clone(),
            domain: match &subject.job {
                Ok(wanted) => wanted.name.text(),
                Err((text, _)) => text.clone(),
            },
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
}

impl Select for PolicySelect {
    type Job = PolicyJob;

    const OWN: &'static [&'static str] = &["policy"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, PolicyJob>,
    ) -> Taken {
        match kind {
            Ok("domain") => match serde_json::from_slice::<DomainLine<'_>>(&line.bytes) {
                Ok(domain) => {
                    let exchanges = domain.exchanges();
                    found.subject(subject(domain.domain.as_bytes(), exchanges));
                    return Taken::Passed;
                }
                Err(error) => return Taken::Refused(unreadable(&error)),
            },
            Ok(_) => return Taken::Passed,
            Err(spread @ (NotARecord::Spread | NotARecord::Array)) => {
                return Taken::Refused(spread.to_string());
            }
            Err(_) => {}
        }
        match self.list.read(&line.bytes, line.number) {
            DomainListItem::Nothing => Taken::Consumed,
            DomainListItem::Refused(why) => Taken::Refused(why.into()),
            DomainListItem::Entry(text, rank) => {
                self.entry(&text, rank, found);
                Taken::Consumed
            }
            DomainListItem::Entries(texts, rank) => {
                for (text, rank) in texts.iter().zip(rank..) {
                    self.entry(text, rank, found);
                }
                Taken::Consumed
            }
        }
    }

    fn complaint(&self) -> Option<String> {
        let stranger = self.beginning.complaint();
        stranger.or_else(|| self.list.end().map(str::to_owned))
    }

    fn begin_file(&mut self) -> Option<String> {
        self.list.begin_file().map(str::to_owned)
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        let domain = list::domain_of(&line.bytes).map_err(|error| unreadable(&error))?;
        Ok(domain.map(|domain| subject(domain.as_bytes(), None).key))
    }
}

fn unreadable(error: &serde_json::Error) -> String {
    format!(
        "its domain cannot be read: {}",
        crate::ndjson::describe(error)
    )
}

/// The longest invalid name that is written whole, octets.
const ECHO_LIMIT: usize = 1024;

fn subject(text: &[u8], exchanges: Option<Vec<Name>>) -> Subject<PolicyJob> {
    let job = match Name::parse(text) {
        Ok(name) => Ok(PolicyDomain { name, exchanges }),
        Err(why) => {
            let shown = &text[..text.len().min(ECHO_LIMIT)];
            Err((String::from_utf8_lossy(shown).into_owned(), why.to_string()))
        }
    };
    let key = match &job {
        Ok(wanted) => wanted.name.text(),
        Err((text, _)) => text.clone(),
    };
    Subject {
        key: Key::Policy(key.into()),
        place: None,
        names: Vec::new(),
        job,
    }
}
