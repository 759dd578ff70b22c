//! A survey at hand for questions: the verdict of every domain and the entries of every list, read once, in memory.

use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use rusqlite::{Connection, OptionalExtension};

use super::operators::Operators;
use super::providers::Providers;
use super::words::Words;
use crate::judge::{Fact, Rule, Truth, unpack};
use crate::store;

/// What became of a domain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
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

impl Status {
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
pub struct Verdict {
    /// What became of it.
    pub status: Status,
    /// A better preference was passed over.
    pub not_best: bool,
    /// Row of `tls` of the server that stands for it; 0: none with TLS.
    pub tls: u32,
    /// Row of `exchange` of that server; 0: none answered.
    pub exchange: u32,
    /// Packed facts.
    pub facts: i64,
}

impl Verdict {
    /// A fact under a rule.
    pub fn truth(&self, fact: Fact, rule: Rule) -> Truth {
        unpack(self.facts, fact, rule)
    }
}

/// A list and its entries.
#[derive(Debug)]
pub struct List {
    /// Its name.
    pub source: String,
    /// Users in all, of a counted list.
    pub of: Option<u64>,
    /// By rank; those without one last.
    pub entries: Vec<Entry>,
}

/// An entry of a list.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Row of `name`.
    pub domain: u32,
    /// Its rank; 0: none.
    pub rank: u32,
    /// Its users.
    pub users: u64,
}

impl List {
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
    pub fn by_users(&self, names: &Words) -> Vec<Entry> {
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
    verdicts: OnceCell<Vec<Verdict>>,
    counted: OnceCell<Vec<List>>,
    uncounted: OnceCell<Vec<List>>,
    /// By row of `name`.
    names: OnceCell<Words>,
    /// Those of the rules that were asked with last.
    operators: RefCell<Option<Rc<Operators>>>,
}

impl Survey {
    /// Opens a database; judgements that are missing (a load was cut) are made first.
    pub fn open(path: &Path) -> Result<Self, store::Error> {
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

    /// The verdicts, by row of `name`; names that are no domain of the survey are [`Status::NotLookedUp`].
    pub fn verdicts(&self) -> rusqlite::Result<&[Verdict]> {
        if let Some(verdicts) = self.verdicts.get() {
            return Ok(verdicts);
        }
        let names: u32 =
            self.connection
                .query_row("SELECT coalesce(max(id), 0) FROM name", [], |row| {
                    row.get(0)
                })?;
        let mut verdicts = vec![Verdict::default(); names as usize + 1];
        let mut statement = self.connection.prepare(
            "SELECT domain, status, not_best, coalesce(tls, 0), coalesce(exchange, 0), facts FROM judged_domain",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let domain: u32 = row.get(0)?;
            let Some(verdict) = verdicts.get_mut(domain as usize) else {
                continue;
            };
            *verdict = Verdict {
                status: Status::from_word(row.get_ref(1)?.as_str().unwrap_or_default()),
                not_best: row.get(2)?,
                tls: row.get(3)?,
                exchange: row.get(4)?,
                facts: row.get(5)?,
            };
        }
        Ok(self.verdicts.get_or_init(|| verdicts))
    }

    /// The lists, counted ones first, each by rank.
    pub fn lists(&self) -> rusqlite::Result<impl Iterator<Item = &List>> {
        let uncounted = match self.uncounted.get() {
            Some(lists) => lists,
            None => {
                let lists = self.read_lists("of IS NULL")?;
                self.uncounted.get_or_init(|| lists)
            }
        };
        Ok(self.counted()?.chain(uncounted))
    }

    /// The lists that count users.
    pub fn counted(&self) -> rusqlite::Result<impl Iterator<Item = &List>> {
        let counted = match self.counted.get() {
            Some(lists) => lists,
            None => {
                let lists = self.read_lists("of IS NOT NULL")?;
                self.counted.get_or_init(|| lists)
            }
        };
        Ok(counted.iter())
    }

    fn read_lists(&self, which: &str) -> rusqlite::Result<Vec<List>> {
        let mut lists = Vec::new();
        let mut statement = self.connection.prepare(&format!(
            "SELECT id, source, of FROM list WHERE {which} ORDER BY source"
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut list = List {
                source: row.get(1)?,
                of: row.get(2)?,
                entries: Vec::new(),
            };
            let mut statement = self.connection.prepare_cached(
                "SELECT domain, coalesce(rank, 0), coalesce(users, 0) FROM entry WHERE list = ?1",
            )?;
            let mut entries = statement.query([row.get::<_, i64>(0)?])?;
            while let Some(entry) = entries.next()? {
                list.entries.push(Entry {
                    domain: entry.get(0)?,
                    rank: entry.get::<_, i64>(1)?.try_into().unwrap_or(u32::MAX),
                    users: entry.get(2)?,
                });
            }
            list.entries
                .sort_by_key(|entry| (entry.rank == 0, entry.rank, entry.domain));
            lists.push(list);
        }
        Ok(lists)
    }

    /// The names of domains and exchanges, by row of `name`.
    pub fn names(&self) -> rusqlite::Result<&Words> {
        if let Some(names) = self.names.get() {
            return Ok(names);
        }
        let mut names = Words::default();
        let mut statement = self
            .connection
            .prepare("SELECT id, name FROM name ORDER BY id")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: u32 = row.get(0)?;
            while names.len() < id as usize {
                names.push("");
            }
            names.push(row.get_ref(1)?.as_str().unwrap_or_default());
        }
        Ok(self.names.get_or_init(|| names))
    }

    /// Who runs which exchange, by these rules.
    pub fn operators(&self, providers: &Providers) -> rusqlite::Result<Rc<Operators>> {
        if let Some(operators) = &*self.operators.borrow()
            && operators.providers() == providers
        {
            return Ok(Rc::clone(operators));
        }
        let operators = Rc::new(Operators::read(self, providers)?);
        *self.operators.borrow_mut() = Some(Rc::clone(&operators));
        Ok(operators)
    }

    /// The verdict of a domain.
    pub fn verdict(&self, domain: u32) -> rusqlite::Result<Verdict> {
        Ok(at(self.verdicts()?, domain))
    }

    /// A name by its row.
    pub fn name(&self, id: u32) -> rusqlite::Result<String> {
        let name = self
            .connection
            .prepare_cached("SELECT name FROM name WHERE id = ?1")?
            .query_row([id], |row| row.get(0))
            .optional()?;
        Ok(name.unwrap_or_default())
    }
}

/// The verdict of a domain among all.
pub fn at(verdicts: &[Verdict], domain: u32) -> Verdict {
    verdicts.get(domain as usize).copied().unwrap_or_default()
}
