//! What the study's numbers count, asked of a survey: each as yes, of and unknown.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use hashbrown::{HashMap, HashSet};
use serde::Deserialize;

use super::printed::{list as list_of_study, part, rows};
use crate::judge::{Fact, Rule, Truth, unpack};
use crate::report::asked::ReportSettings;
use crate::report::measure::{MEASURES, Measure};
use crate::report::questions::domains_by_provider;
use crate::report::survey::{
    DomainState, ListEntry, Survey, SurveyList, SurveyVerdict, verdict_of,
};
use crate::report::table::Tally;
use crate::store::query::{self, TlsValue};

/// Domains whose accounts are another's, by who that is.
static ACCOUNT_OPERATORS: LazyLock<BTreeMap<String, Vec<String>>> =
    LazyLock::new(|| part("account_operators"));
/// What the numbers of the study count.
static COUNTS: LazyLock<Vec<CountById>> = LazyLock::new(|| part("numbers"));

#[derive(Deserialize)]
struct CountById {
    id: String,
    count: StudyCount,
}

/// A number of the study, in words that can be counted. Ranks are those of the ranked list, users those of a counted one.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum StudyCount {
    /// Users in a list.
    Total { list: String },
    /// Domains with a record.
    LookedUp,
    /// Users at a domain, or at all domains of its operator, of all in the list.
    At {
        list: String,
        domain: String,
        #[serde(default)]
        operator: bool,
    },
    /// Users at the largest domains or operators, of all in the list.
    Largest {
        list: String,
        first: usize,
        #[serde(default)]
        operator: bool,
    },
    /// Of the named domains those for which a measure is a yes.
    Rows {
        domains: Vec<String>,
        measure: String,
    },
    /// Domains for which a measure is a yes: all, the first, or those after them.
    Domains {
        measure: String,
        first: Option<u64>,
        beyond: Option<u64>,
    },
    /// Users at domains for which a measure is a yes: of all, or of the largest domains.
    Users {
        list: String,
        measure: String,
        first: Option<usize>,
    },
    /// Suites chosen by servers.
    SuitesSeen,
    /// Domains whose server chose one of the suites, of the first N with TLS; or such servers.
    Suites {
        names: Vec<String>,
        first: Option<u64>,
        #[serde(default)]
        of: Base,
    },
    /// Domains hosted by one of the providers, of those that answered.
    Hosts { names: Vec<String> },
}

/// Of what a share is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// Of domains with TLS.
    #[default]
    Domains,
    /// Of all servers that answered.
    Servers,
}

impl StudyCount {
    /// The rank up to which it counts, where it ends at one.
    pub fn last_rank(&self) -> Option<u64> {
        match self {
            Self::Domains { first, .. } | Self::Suites { first, .. } => *first,
            _ => None,
        }
    }
}

/// A number of ours.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counted {
    /// What is counted.
    pub yes: f64,
    /// Of how many; a count of its own has none.
    pub of: Option<f64>,
    /// Not learned, and in neither.
    pub unknown: f64,
}

impl Counted {
    fn count(yes: u64) -> Self {
        Self {
            yes: yes as f64,
            ..Self::default()
        }
    }

    fn share(yes: u64, of: u64) -> Self {
        Self {
            yes: yes as f64,
            of: Some(of as f64),
            unknown: 0.0,
        }
    }

    /// Percent, or the count itself; none where nothing was counted.
    pub fn value(&self) -> Option<f64> {
        match self.of {
            None => (self.yes > 0.0).then_some(self.yes),
            Some(of) => (of > 0.0).then(|| 100.0 * self.yes / of),
        }
    }
}

impl From<Tally> for Counted {
    fn from(tally: Tally) -> Self {
        Self {
            unknown: tally.unknown as f64,
            ..Self::share(tally.yes, tally.decided())
        }
    }
}

/// A survey, ready to be counted as the study counted.
pub struct StudySurvey<'a> {
    pub survey: &'a Survey,
    pub rule: Rule,
    pub verdicts: &'a [SurveyVerdict],
    /// The list whose ranks count: one without users, else the first with ranks.
    pub ranked: Option<&'a SurveyList>,
    lists: HashMap<String, Users<'a>>,
    /// Suite of each row of `tls`, by OpenSSL's name.
    suites: HashMap<u32, String>,
    /// Domains by provider, once somebody asks.
    hosts: OnceCell<HashMap<String, f64>>,
    asked: &'a ReportSettings,
    /// Row of `name` of a domain that the study names → its operator's own domain.
    operators: HashMap<u32, u32>,
}

/// A counted list.
struct Users<'a> {
    of: u64,
    /// Largest first.
    entries: Vec<ListEntry>,
    list: &'a SurveyList,
}

impl<'a> StudySurvey<'a> {
    /// Reads what all counts need.
    pub fn new(survey: &'a Survey, asked: &'a ReportSettings) -> rusqlite::Result<Self> {
        let lists = survey.lists()?;
        let has_ranks =
            |list: &&SurveyList| list.entries.first().is_some_and(|entry| entry.rank > 0);
        let ranked = lists.filter(has_ranks);
        let mut counted = HashMap::new();
        for list in survey.counted()? {
            let users = Users {
                of: list.of.unwrap_or(0),
                entries: list.by_users(survey.names()?),
                list,
            };
            // A list of the study is known by any name that has its own in it; a second one keeps its name.
            let name = list_of_study(&list.source).filter(|name| !counted.contains_key(*name));
            counted.insert(name.unwrap_or(&list.source).to_owned(), users);
        }
        let mut suites = HashMap::new();
        query::tls_values(&survey.connection, TlsValue::Cipher, |tls, suite| {
            suites.insert(tls, suite.to_owned());
        })?;
        let mut census = Self {
            survey,
            rule: asked.rule,
            verdicts: survey.verdicts()?,
            ranked: ranked.min_by_key(|list| list.of.is_some()),
            lists: counted,
            suites,
            hosts: OnceCell::new(),
            asked,
            operators: HashMap::new(),
        };
        for (operator, domains) in &*ACCOUNT_OPERATORS {
            let Some(own) = census.domain(operator)? else {
                continue;
            };
            for domain in domains {
                let row = census.domain(domain)?;
                census.operators.extend(row.map(|row| (row, own)));
            }
        }
        Ok(census)
    }

    /// The row of a name.
    pub fn domain(&self, name: &str) -> rusqlite::Result<Option<u32>> {
        query::number(&self.survey.connection, name)
    }

    /// The counted lists by the study's names, in order.
    pub fn lists(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.lists.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }

    /// Domains or operators of a list with their users, largest first; an operator has the row of its own domain.
    pub fn largest(&self, list: &str, operator: bool) -> Vec<(u32, u64)> {
        let Some(users) = self.lists.get(list) else {
            return Vec::new();
        };
        let alone = users
            .entries
            .iter()
            .map(|entry| (entry.domain, entry.users));
        if !operator {
            return alone.collect();
        }
        let mut sums: HashMap<u32, u64> = HashMap::new();
        for (domain, users) in alone {
            *sums.entry(self.operator(domain)).or_default() += users;
        }
        let mut sums: Vec<(u32, u64)> = sums.into_iter().collect();
        sums.sort_by_key(|&(domain, users)| (std::cmp::Reverse(users), domain));
        sums
    }

    /// Whose accounts a domain's are.
    pub fn operator(&self, domain: u32) -> u32 {
        self.operators.get(&domain).copied().unwrap_or(domain)
    }

    /// Users in a list.
    pub fn users_in(&self, list: &str) -> u64 {
        self.lists.get(list).map_or(0, |users| users.of)
    }

    /// The suite that the server of a domain chose.
    pub fn suite(&self, verdict: &SurveyVerdict) -> Option<&str> {
        self.suites.get(&verdict.tls).map(String::as_str)
    }

    /// Every suite that a server chose, with the domains for which it stands.
    pub fn suites(&self) -> Vec<(&str, u64)> {
        let mut domains: HashMap<&str, u64> =
            self.suites.values().map(|suite| (&**suite, 0)).collect();
        for suite in self
            .verdicts
            .iter()
            .filter_map(|verdict| self.suite(verdict))
        {
            *domains.entry(suite).or_default() += 1;
        }
        let mut domains: Vec<(&str, u64)> = domains.into_iter().collect();
        domains.sort_by_key(|&(suite, domains)| (std::cmp::Reverse(domains), suite));
        domains
    }

    /// Whether a domain has what a measure asks for.
    pub fn truth(&self, domain: &str, fact: Fact) -> rusqlite::Result<Truth> {
        let verdict = self
            .domain(domain)?
            .map(|row| verdict_of(self.verdicts, row));
        Ok(match verdict {
            Some(verdict) if verdict.status.takes_mail() => verdict.truth(fact, self.rule),
            _ => Truth::Unknown,
        })
    }

    /// Entries of the ranked list, by rank.
    pub fn by_rank(&self) -> impl Iterator<Item = &'a ListEntry> {
        let entries = self.ranked.iter().flat_map(|list| &list.entries);
        entries.filter(|entry| entry.rank > 0)
    }

    /// A measure among the first domains, those after them, or all of the survey.
    pub fn domains(&self, measure: &Measure, first: Option<u64>, beyond: Option<u64>) -> Tally {
        let mut tally = Tally::default();
        let mut add = |verdict: &SurveyVerdict| {
            if let Some(truth) = measure.truth(verdict, self.rule) {
                tally.add(truth, 1);
            }
        };
        if first.is_none() && beyond.is_none() {
            self.verdicts.iter().for_each(add);
            return tally;
        }
        let (from, to) = (beyond.unwrap_or(0), first.unwrap_or(u64::MAX));
        self.by_rank()
            .filter(|entry| (from + 1..=to).contains(&entry.rank.into()))
            .for_each(|entry| add(&verdict_of(self.verdicts, entry.domain)));
        tally
    }

    /// A measure by users, of the largest domains or of all of a list.
    pub fn users(&self, list: &str, measure: &Measure, first: Option<usize>) -> Tally {
        let mut tally = Tally::default();
        let entries = self.lists.get(list).map_or(&[][..], |users| &users.entries);
        for entry in entries.iter().take(first.unwrap_or(usize::MAX)) {
            if let Some(truth) = measure.truth(&verdict_of(self.verdicts, entry.domain), self.rule)
            {
                tally.add(truth, entry.users);
            }
        }
        tally
    }

    /// Of the domains with TLS up to a rank, or of all, those with one of some suites.
    pub fn with_suite(&self, names: &[String], first: Option<u64>) -> Counted {
        let (mut yes, mut of) = (0, 0);
        let mut add = |verdict: &SurveyVerdict| {
            if verdict.tls != 0 {
                of += 1;
                let suite = self.suite(verdict);
                yes += u64::from(suite.is_some_and(|suite| names.iter().any(|name| name == suite)));
            }
        };
        match first {
            None => self.verdicts.iter().for_each(add),
            Some(first) => self
                .by_rank()
                .take_while(|entry| u64::from(entry.rank) <= first)
                .for_each(|entry| add(&verdict_of(self.verdicts, entry.domain))),
        }
        Counted::share(yes, of)
    }

    fn servers_with_suite(&self, names: &[String]) -> rusqlite::Result<Counted> {
        let mut yes = 0;
        self.servers_with_tls(|tls| {
            let suite = self.suites.get(&tls);
            yes += u64::from(suite.is_some_and(|suite| names.contains(suite)));
        })?;
        let of = query::answered_count(&self.survey.connection)?;
        Ok(Counted::share(yes, of))
    }

    /// The row of `tls` of every server with TLS.
    pub fn servers_with_tls(&self, mut each: impl FnMut(u32)) -> rusqlite::Result<()> {
        query::handshakes(&self.survey.connection, |tls, facts| {
            if unpack(facts, Fact::Tls, Rule::Preferred) == Truth::Yes {
                each(tls);
            }
        })
    }

    /// The study's own query: of all domains of a list with the same number of users one is added, and names that begin
    /// with a digit are lost.
    pub fn as_the_study_added(
        &self,
        list: &str,
        measure: &Measure,
        first: Option<usize>,
    ) -> rusqlite::Result<Tally> {
        let mut tally = Tally::default();
        let Some(users) = self.lists.get(list) else {
            return Ok(tally);
        };
        let mut before = None;
        let mut kept = 0;
        for entry in &users.entries {
            let Some(truth) = measure.truth(&verdict_of(self.verdicts, entry.domain), self.rule)
            else {
                continue;
            };
            if before == Some(entry.users)
                || truth == Truth::Unknown
                || (self.survey.name(entry.domain)?).starts_with(|c: char| c.is_ascii_digit())
            {
                continue;
            }
            before = Some(entry.users);
            kept += 1;
            if first.is_some_and(|first| kept > first) {
                break;
            }
            tally.add(truth, entry.users);
        }
        Ok(tally)
    }

    /// Domains that stand for their number of users in the study's query, of those that answered.
    pub fn distinct_counts(&self, list: &str) -> (u64, u64) {
        let entries = self
            .lists
            .get(list)
            .map_or(&[][..], |users| &users.list.entries);
        let answered = entries.iter().filter(|entry| {
            verdict_of(self.verdicts, entry.domain).status == DomainState::Answered
        });
        let mut counts = HashSet::new();
        let mut of = 0;
        for entry in answered {
            counts.insert(entry.users);
            of += 1;
        }
        (counts.len() as u64, of)
    }

    /// The last rank of the ranked list.
    pub fn last_rank(&self) -> u64 {
        self.by_rank().last().map_or(0, |entry| entry.rank.into())
    }

    /// Whether the survey is one of the made world of 2014: all servers on loopback, and the domains of table 1 there.
    pub fn is_of_2014(&self) -> rusqlite::Result<bool> {
        for domain in rows("table1_adobe") {
            if self.domain(domain)?.is_none() {
                return Ok(false);
            }
        }
        query::is_all_loopback(&self.survey.connection)
    }

    /// A number of the study, by its id.
    pub fn number(&self, id: &str) -> rusqlite::Result<Counted> {
        let named = COUNTS.iter().find(|named| named.id == id);
        named.map_or(Ok(Counted::default()), |named| self.count(&named.count))
    }

    /// A number.
    pub fn count(&self, count: &StudyCount) -> rusqlite::Result<Counted> {
        Ok(match count {
            StudyCount::Total { list } => Counted::count(self.users_in(list)),
            StudyCount::LookedUp => Counted::count(
                (self.verdicts.iter())
                    .filter(|verdict| verdict.status != DomainState::NotLookedUp)
                    .count() as u64,
            ),
            StudyCount::At {
                list,
                domain,
                operator,
            } => self.users_at(list, domain, *operator)?,
            StudyCount::Largest {
                list,
                first,
                operator,
            } => {
                let largest = self.largest(list, *operator);
                let users = largest.iter().take(*first).map(|(_, users)| users).sum();
                Counted::share(users, self.users_in(list))
            }
            StudyCount::Rows { domains, measure } => self.measured_at(domains, measure)?.into(),
            StudyCount::Domains {
                measure,
                first,
                beyond,
            } => named(measure)
                .map(|measure| self.domains(measure, *first, *beyond).into())
                .unwrap_or_default(),
            StudyCount::Users {
                list,
                measure,
                first,
            } => named(measure)
                .map(|measure| self.users(list, measure, *first).into())
                .unwrap_or_default(),
            StudyCount::SuitesSeen => Counted::count(self.suites().len() as u64),
            StudyCount::Suites { names, first, of } => match of {
                Base::Domains => self.with_suite(names, *first),
                Base::Servers => self.servers_with_suite(names)?,
            },
            StudyCount::Hosts { names } => self.hosted(names)?,
        })
    }

    /// Users of a list at a domain, or at all domains of its operator.
    fn users_at(&self, list: &str, domain: &str, operator: bool) -> rusqlite::Result<Counted> {
        let row = self.domain(domain)?;
        let users = self.lists.get(list).map_or(&[][..], |users| &users.entries);
        let counts = |entry: &&ListEntry| {
            row == Some(if operator {
                self.operator(entry.domain)
            } else {
                entry.domain
            })
        };
        let at = users.iter().filter(counts).map(|entry| entry.users).sum();
        Ok(Counted::share(at, self.users_in(list)))
    }

    /// A measure at the named domains, as far as they are in its base.
    fn measured_at(&self, domains: &[String], measure: &str) -> rusqlite::Result<Tally> {
        let mut tally = Tally::default();
        for domain in domains {
            if let (Some(row), Some(measure)) = (self.domain(domain)?, named(measure))
                && let Some(truth) = measure.truth(&verdict_of(self.verdicts, row), self.rule)
            {
                tally.add(truth, 1);
            }
        }
        Ok(tally)
    }

    /// Domains whose mail the named providers run, of those that answered.
    fn hosted(&self, names: &[String]) -> rusqlite::Result<Counted> {
        if self.hosts.get().is_none() {
            let hosts = domains_by_provider(self.survey, self.asked)?;
            self.hosts.get_or_init(|| hosts);
        }
        let hosts = self.hosts.get();
        let domains = |name| hosts.and_then(|hosts| hosts.get(name));
        let hosted = (names.iter())
            .filter_map(domains)
            .fold(0.0, |sum, it| sum + it);
        let answered = (self.verdicts.iter())
            .filter(|verdict| verdict.status == DomainState::Answered)
            .count();
        Ok(Counted {
            yes: hosted,
            ..Counted::share(0, answered as u64)
        })
    }
}

/// A measure by its word.
pub fn named(word: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.word == word)
}
