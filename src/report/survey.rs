//! A survey at hand for questions: the verdict of every domain and the entries of every list, read once, in memory.

use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use rusqlite::Connection;

use super::operators::Operators;
use super::providers::Providers;
use super::words::Words;
use crate::judge::{Fact, Rule, Truth, unpack};
use crate::store::{self, query};

/// What became of a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DomainState {
    /// On a list, and no `domain` record says more.
    #[default]
    NotLookedUp,
    /// A server answered.
    Answered,
    /// Servers said to come again.
    Deferred,
    /// No server could be reached.
    Unreachable,
    /// No server was asked.
    NotProbed,
    /// Exchanges or addresses could not be learned.
    Dns,
    /// A null MX.
    NullMx,
    /// No such domain.
    Nxdomain,
    /// No address to deliver to.
    NoAddress,
    /// No domain name.
    InvalidName,
}

impl DomainState {
    /// Those a domain with a record can have, in the order of the report.
    pub const ALL: [Self; 9] = [
        Self::Answered,
        Self::Deferred,
        Self::Unreachable,
        Self::NotProbed,
        Self::Dns,
        Self::NullMx,
        Self::Nxdomain,
        Self::NoAddress,
        Self::InvalidName,
    ];

    fn from_word(word: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|status| status.word() == word)
            .unwrap_or_default()
    }

    /// The word of the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotLookedUp => "not_looked_up",
            Self::Answered => "answered",
            Self::Deferred => "deferred",
            Self::Unreachable => "unreachable",
            Self::NotProbed => "not_probed",
            Self::Dns => "dns",
            Self::NullMx => "null_mx",
            Self::Nxdomain => "nxdomain",
            Self::NoAddress => "no_address",
            Self::InvalidName => "invalid_name",
        }
    }

    /// For people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::NotLookedUp => "listed, never looked up",
            Self::Answered => "a server answered EHLO or HELO",
            Self::Deferred => "no server answered; one said to come again",
            Self::Unreachable => "no server answered",
            Self::NotProbed => "no server was asked",
            Self::Dns => "exchanges or addresses could not be learned",
            Self::NullMx => "takes no mail: null MX",
            Self::Nxdomain => "takes no mail: no such domain",
            Self::NoAddress => "takes no mail: no address",
            Self::InvalidName => "no domain name",
        }
    }

    /// Whether it counts at all: domains that take no mail are outside.
    pub fn takes_mail(self) -> bool {
        matches!(
            self,
            Self::Answered | Self::Deferred | Self::Unreachable | Self::NotProbed | Self::Dns
        )
    }
}

/// A domain, judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct SurveyVerdict {
    /// What became of it.
    pub status: DomainState,
    /// A better preference was passed over.
    pub not_best: bool,
    /// Row of `tls` of the server that stands for it; 0: none with TLS.
    pub tls: u32,
    /// Row of `exchange` of that server; 0: none answered.
    pub exchange: u32,
    /// Packed facts.
    pub facts: i64,
}

impl SurveyVerdict {
    /// A fact under a rule.
    pub fn truth(&self, fact: Fact, rule: Rule) -> Truth {
        unpack(self.facts, fact, rule)
    }
}

/// A list and its entries.
#[derive(Debug)]
pub struct SurveyList {
    /// Its name.
    pub source: String,
    /// Users in all, of a counted list.
    pub of: Option<u64>,
    /// By rank; those without one last.
    pub entries: Vec<ListEntry>,
}

/// An entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListEntry {
    /// Row of `name`.
    pub domain: u32,
    /// Its rank; 0: none.
    pub rank: u32,
    /// Its users.
    pub users: u64,
}

impl SurveyList {
    /// Users by row of `name`.
    pub fn users_by_domain(&self) -> Vec<u64> {
        let last = self.entries.iter().map(|entry| entry.domain).max();
        let mut users = vec![0; last.map_or(0, |last| last as usize + 1)];
        for entry in &self.entries {
            users[entry.domain as usize] = entry.users;
        }
        users
    }

    /// The entries with most users first; those that tie by rank, then by name.
    pub fn by_users(&self, names: &Words) -> Vec<ListEntry> {
        let mut entries = self.entries.clone();
        entries.sort_by(|a, b| {
            let by_users = (b.users, a.rank).cmp(&(a.users, b.rank));
            by_users.then_with(|| {
                names
                    .get(a.domain as usize)
                    .cmp(names.get(b.domain as usize))
            })
        });
        entries
    }
}

/// The survey.
pub struct Survey {
    /// For what is not in memory.
    pub connection: Connection,
    /// By row of `name`.
    verdicts: OnceCell<Vec<SurveyVerdict>>,
    counted: OnceCell<Vec<SurveyList>>,
    uncounted: OnceCell<Vec<SurveyList>>,
    /// By row of `name`.
    names: OnceCell<Rc<Words>>,
    /// Those of the rules that were asked with last.
    operators: RefCell<Option<Rc<Operators>>>,
}

impl Survey {
    /// Opens a database; judgements that are missing (a load was cut) are made first.
    pub fn open(path: &Path) -> Result<Self, store::StoreError> {
        let connection = store::open(path)?;
        if store::is_judged(&connection)? {
            return Ok(Self::new(connection));
        }
        drop(connection);
        let mut connection = store::create(path)?;
        store::judge(&mut connection, &AtomicBool::new(false))?;
        store::close(connection)?;
        Ok(Self::new(store::open(path)?))
    }

    /// A survey on an open database with its judgements.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            verdicts: OnceCell::new(),
            counted: OnceCell::new(),
            uncounted: OnceCell::new(),
            names: OnceCell::new(),
            operators: RefCell::new(None),
        }
    }

    /// The verdicts, by row of `name`; names that are no domain of the survey are [`DomainState::NotLookedUp`].
    pub fn verdicts(&self) -> rusqlite::Result<&[SurveyVerdict]> {
        if let Some(verdicts) = self.verdicts.get() {
            return Ok(verdicts);
        }
        let last = query::last_name(&self.connection)?;
        let mut verdicts = vec![SurveyVerdict::default(); last as usize + 1];
        query::judged_domains(&self.connection, |judged| {
            if let Some(verdict) = verdicts.get_mut(judged.domain as usize) {
                *verdict = SurveyVerdict {
                    status: DomainState::from_word(judged.status),
                    not_best: judged.not_best,
                    tls: judged.tls,
                    exchange: judged.exchange,
                    facts: judged.facts,
                };
            }
        })?;
        Ok(self.verdicts.get_or_init(|| verdicts))
    }

    /// The lists, counted ones first, each by rank.
    pub fn lists(&self) -> rusqlite::Result<impl Iterator<Item = &SurveyList>> {
        let uncounted = match self.uncounted.get() {
            Some(lists) => lists,
            None => {
                let lists = self.read_lists(false)?;
                self.uncounted.get_or_init(|| lists)
            }
        };
        Ok(self.counted()?.chain(uncounted))
    }

    /// The lists that count users.
    pub fn counted(&self) -> rusqlite::Result<impl Iterator<Item = &SurveyList>> {
        let counted = match self.counted.get() {
            Some(lists) => lists,
            None => {
                let lists = self.read_lists(true)?;
                self.counted.get_or_init(|| lists)
            }
        };
        Ok(counted.iter())
    }

    fn read_lists(&self, counted: bool) -> rusqlite::Result<Vec<SurveyList>> {
        let mut lists = Vec::new();
        for row in query::lists(&self.connection, counted)? {
            let mut entries = Vec::new();
            query::entries(&self.connection, row.id, |domain, rank, users| {
                entries.push(ListEntry {
                    domain,
                    rank,
                    users,
                });
            })?;
            entries.sort_by_key(|entry| (entry.rank == 0, entry.rank, entry.domain));
            lists.push(SurveyList {
                source: row.source,
                of: row.of,
                entries,
            });
        }
        Ok(lists)
    }

    /// The names of domains and exchanges, by row of `name`.
    pub fn names(&self) -> rusqlite::Result<&Rc<Words>> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let mut names = Words::default();
        query::names(&self.connection, |id, name| {
            while names.len() < id as usize {
                names.push("");
            }
            names.push(name);
        })?;
        Ok(self.names.get_or_init(|| Rc::new(names)))
    }

    /// Who runs which exchange, by these rules.
    pub fn operators(&self, providers: &Providers) -> rusqlite::Result<Rc<Operators>> {
        if let Some(operators) = &*self.operators.borrow()
            && operators.providers() == providers
        {
            return Ok(Rc::clone(operators));
        }
        let operators = Rc::new(Operators::read(&self.connection, self.names()?, providers)?);
        *self.operators.borrow_mut() = Some(Rc::clone(&operators));
        Ok(operators)
    }

    /// The verdict of a domain.
    pub fn verdict(&self, domain: u32) -> rusqlite::Result<SurveyVerdict> {
        Ok(verdict_of(self.verdicts()?, domain))
    }

    /// A name by its row.
    pub fn name(&self, id: u32) -> rusqlite::Result<String> {
        Ok(query::name(&self.connection, id)?.unwrap_or_default())
    }
}

/// The verdict of a domain among all.
pub fn verdict_of(verdicts: &[SurveyVerdict], domain: u32) -> SurveyVerdict {
    verdicts.get(domain as usize).copied().unwrap_or_default()
}
