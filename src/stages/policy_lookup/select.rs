//! Names in the input of policy-lookup: plain ones, and those of `domain` records.

use std::borrow::Cow;

use serde::Deserialize;

use crate::dns::list::DomainList;
use crate::dns::name::Name;
use crate::driver::{Found, Key, Select, Subject, Taken};
use crate::ndjson::{Line, NotARecord};
use crate::record::Reason;
use crate::stages::names::{ListedNames, domain_of, unreadable};

/// Finds names in the input: plain ones, and those of `domain` records.
pub struct PolicySelect(ListedNames);

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
        Self(ListedNames::new(list, source))
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
                    Taken::Passed
                }
                Err(error) => Taken::Refused(unreadable(&error)),
            },
            Ok(_) => Taken::Passed,
            Err(spread @ (NotARecord::Spread | NotARecord::Array)) => {
                Taken::Refused(spread.to_string())
            }
            Err(_) => self.0.read(line, found, |text| subject(text, None)),
        }
    }

    fn complaint(&self) -> Option<String> {
        self.0.complaint()
    }

    fn begin_file(&mut self) -> Option<String> {
        self.0.begin_file()
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        let domain = domain_of(line)?;
        Ok(domain.map(|domain| subject(domain.as_bytes(), None).key))
    }
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
