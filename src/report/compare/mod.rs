//! What changed between two surveys: for each measure what went from what to what, by cause and operator, new and mended
//! problems, domains and servers that came and went. Unknown then or now is no change, and is counted apart.
//!
//! Memory: some 100 bytes for each domain that either survey knows, and what differs; nothing else grows with them.

mod by;
mod events;
mod found;
mod operators;
mod problems;
mod standing;
pub mod tables;
pub mod text;
mod weigh;

use std::collections::BTreeMap;

use hashbrown::HashMap;

pub use self::by::CompareBy;
pub use self::events::{ChangeCause, ChangeEvent, Told};
use self::events::{Compared, Events, Shift};
use self::found::Findings;
pub use self::found::{CodeChange, Difference, FoundProblem};
use self::operators::OperatorNumbers;
use self::problems::{Both, Sets, Side, Troubles, differences};
use self::standing::{Kind, Standings, State};
pub use self::weigh::Weighed;
use self::weigh::Weights;
use super::measure::MEASURES;
use super::survey::{DomainState, Survey};
use super::table::Tally;
use crate::judge::Truth;
use crate::store::{label, query};

/// What changed from one survey to a later one.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// What the earlier and the later survey are called.
    pub names: [String; 2],
    /// When their measurements began and ended; none: no run says.
    pub times: [Option<(String, String)>; 2],
    /// Counted lists of either, by name.
    pub lists: Vec<String>,
    /// Domains of the earlier, of the later, and of both.
    pub domains: [u64; 3],
    /// Every measure, then and now.
    pub measures: Vec<Change>,
    /// What happened, largest first.
    pub events: Vec<ChangeEvent>,
    /// New and mended problems by code, the worst first.
    pub codes: Vec<CodeChange>,
    /// New and mended problems one by one, the worst first, then by users, then by name; accepted ones are left out.
    pub found: Vec<FoundProblem>,
    /// Domains that the later survey looked up, and the earlier did not: most users first.
    pub came: Vec<Passed>,
    /// Domains that the earlier survey looked up, and the later did not.
    pub went: Vec<Passed>,
    /// Servers of the two.
    pub servers: ServersPassed,
}

/// What became of a measure.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its word.
    pub measure: String,
    /// For people.
    pub label: String,
    /// Yes, no, mixed and unknown then and now, by domains first, then by the users of each list; none: its answers are other
    /// words.
    pub tallies: Option<[Vec<Tally>; 2]>,
    /// Domains of both surveys where it is the same.
    pub same: Weighed,
    /// Domains of both surveys where it was not learned then or is not now: no change.
    pub unknown: Weighed,
    /// From what to what, most domains first.
    pub steps: Vec<(String, String, Weighed)>,
}

/// A domain that one of two surveys has alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Its name.
    pub domain: String,
    /// Its users, by list.
    pub users: Vec<u64>,
}

/// Servers that were asked in one survey alone, and in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServersPassed {
    /// In both.
    pub both: u64,
    /// In the later alone.
    pub came: u64,
    /// In the earlier alone.
    pub went: u64,
    /// Those that came and went, by operator (registered domain of the exchange), most first, then by name.
    pub operators: Vec<(String, u64, u64)>,
}

/// What a survey is called: its label, else the day of its first measurement, else what is given.
pub fn called(survey: &Survey, otherwise: &str) -> rusqlite::Result<String> {
    if let Some(label) = label(&survey.connection)? {
        return Ok(label);
    }
    Ok(match query::times(&survey.connection)? {
        Some((first, _)) => first.chars().take(10).collect(),
        None => otherwise.to_owned(),
    })
}

/// Compares a survey with an earlier one.
pub fn compare(old: &Survey, new: &Survey, by: CompareBy<'_>) -> rusqlite::Result<Comparison> {
    let mut walk = Walk::read(old, new, by)?;
    walk.domains();
    walk.finish(old, new, by)
}

/// Everything that is counted while the domains of both surveys pass by.
struct Walk {
    /// Rows of `name` in both surveys, by name; 0: not there.
    pairs: Vec<(u32, u32)>,
    weights: Weights,
    standings: Standings,
    /// Numbers of standings by row of `name`.
    standing: [Vec<u32>; 2],
    runs: OperatorNumbers,
    run_by: [Vec<operators::RunBy>; 2],
    sets: Sets,
    troubles: [Troubles; 2],
    /// Rows of `address` in the other survey.
    others: [Vec<u32>; 2],
    servers: ServersPassed,
    /// By pair of standings: the number of its shift, and domains with users.
    shifted: HashMap<(u32, u32), (u32, Weighed)>,
    shifts: Vec<Shift>,
    /// Domains and users by standing, then and now.
    stands: [Vec<Weighed>; 2],
    events: Events,
    findings: Findings,
    came: Vec<u32>,
    went: Vec<u32>,
    domains: [u64; 3],
}

impl Walk {
    fn read(old: &Survey, new: &Survey, by: CompareBy<'_>) -> rusqlite::Result<Self> {
        let mut pairs = Vec::new();
        query::compare::paired_names(&old.connection, &new.connection, |old, new, _| {
            pairs.push((old.unwrap_or(0), new.unwrap_or(0)));
        })?;
        let mut standings = Standings::new();
        let standing = [standings.read(old, by)?, standings.read(new, by)?];
        let mut runs = OperatorNumbers::new();
        let run_by = [runs.read(old, by)?, runs.read(new, by)?];
        let mut sets = Sets::new();
        let troubles = [
            Troubles::read(old, &mut sets, standing[0].len())?,
            Troubles::read(new, &mut sets, standing[1].len())?,
        ];
        let (others, servers) = paired_servers(old, new)?;
        let stands = vec![Weighed::default(); standings.count()];
        Ok(Self {
            pairs,
            weights: Weights::read(old, new)?,
            standings,
            standing,
            runs,
            run_by,
            sets,
            troubles,
            others,
            servers,
            shifted: HashMap::new(),
            shifts: Vec::new(),
            stands: [stands.clone(), stands],
            events: Events::default(),
            findings: Findings::default(),
            came: Vec::new(),
            went: Vec::new(),
            domains: [0; 3],
        })
    }

    /// Looks at every domain of either survey.
    fn domains(&mut self) {
        let lists = self.weights.lists.len();
        let (mut users, mut before) = (Vec::with_capacity(lists), Vec::with_capacity(lists));
        for place in 0..self.pairs.len() {
            let (then, now) = self.pairs[place];
            let stood = self.standing[0].get(then as usize).copied().unwrap_or(0);
            let stands = self.standing[1].get(now as usize).copied().unwrap_or(0);
            if stood == 0 && stands == 0 {
                continue;
            }
            self.weights.now(then, now, &mut users);
            if stood != 0 {
                self.weights.then(then, &mut before);
                self.stands[0][stood as usize].add(&before);
                self.domains[0] += 1;
            }
            if stands != 0 {
                self.stands[1][stands as usize].add(&users);
                self.domains[1] += 1;
            }
            match (stood, stands) {
                (0, _) => self.came.push(place as u32),
                (_, 0) => self.went.push(place as u32),
                _ => {
                    self.domains[2] += 1;
                    self.both(place as u32, (then, now), (stood, stands), &users);
                }
            }
        }
    }

    /// A domain of both surveys.
    fn both(&mut self, place: u32, rows: (u32, u32), standing: (u32, u32), users: &[u64]) {
        let shift = self.shift(standing, users);
        let run_by = |side: usize, row: u32| {
            let run_by = self.run_by[side].get(row as usize);
            run_by.copied().unwrap_or_default()
        };
        let (then, now) = (run_by(0, rows.0), run_by(1, rows.1));
        let is_known = then.operator != 0 && now.operator != 0;
        let compared = Compared {
            place,
            operators: (then.operator, now.operator),
            was_own: self.runs.is_own(then.operator),
            same_exchanges: is_known.then_some(then.exchanges == now.exchanges),
            shift: (shift, &self.shifts[shift as usize]),
            users,
        };
        self.events.add(&self.standings.aspects, &compared);
        let [old, new] = &self.troubles;
        let [others_of_old, others_of_new] = &self.others;
        let old = Side {
            troubles: old,
            others: others_of_old,
        };
        let new = Side {
            troubles: new,
            others: others_of_new,
        };
        let both = Both {
            rows,
            standings: standing,
        };
        let findings = &mut self.findings;
        differences(
            (&old, &new),
            both,
            &self.sets,
            &self.standings,
            |became, code, severity| findings.add(place, became, code, severity, users),
        );
    }

    /// The number of what a pair of standings differs in; counts the domain there.
    fn shift(&mut self, standing: (u32, u32), users: &[u64]) -> u32 {
        if let Some((shift, weighed)) = self.shifted.get_mut(&standing) {
            weighed.add(users);
            return *shift;
        }
        let then = self.standings.states(standing.0);
        let now = self.standings.states(standing.1);
        self.shifts
            .push(Shift::new(&self.standings.aspects, &then, &now));
        let number = self.shifts.len() as u32 - 1;
        let mut weighed = Weighed::default();
        weighed.add(users);
        self.shifted.insert(standing, (number, weighed));
        number
    }

    fn finish(
        mut self,
        old: &Survey,
        new: &Survey,
        by: CompareBy<'_>,
    ) -> rusqlite::Result<Comparison> {
        let measures = self.measures();
        let (old_names, new_names) = (old.names()?, new.names()?);
        let pairs = &self.pairs;
        let name = |place: u32| match pairs[place as usize] {
            (then, 0) => old_names.get(then as usize).to_owned(),
            (_, now) => new_names.get(now as usize).to_owned(),
        };
        let operator = |number: u32| {
            let (id, role) = self.runs.told(number);
            (id.to_owned(), role.to_owned())
        };
        let run_by = |place: u32| {
            let (then, now) = pairs[place as usize];
            let of_side = |side: usize, row: u32| self.run_by[side].get(row as usize).copied();
            let now = of_side(1, now).unwrap_or_default().operator;
            let then = of_side(0, then).unwrap_or_default().operator;
            operator(if now == 0 { then } else { now }).0
        };
        let [came, went] = [&self.came, &self.went].map(|places| self.passed(places, name));
        let weights = &self.weights;
        let (codes, found) = self.findings.told(by, name, run_by, |place, users| {
            let (then, now) = pairs[place as usize];
            weights.now(then, now, users);
        });
        Ok(Comparison {
            names: [called(old, "before")?, called(new, "now")?],
            times: [
                query::times(&old.connection)?,
                query::times(&new.connection)?,
            ],
            domains: self.domains,
            measures,
            came,
            went,
            events: self
                .events
                .told(&self.standings, &self.shifts, operator, name),
            codes,
            found,
            servers: self.servers,
            lists: self.weights.lists,
        })
    }

    /// The domains at some places of the pairs, those with most users first.
    fn passed(&self, places: &[u32], name: impl Fn(u32) -> String) -> Vec<Passed> {
        let mut all: Vec<Passed> = Vec::with_capacity(places.len());
        let mut users = Vec::new();
        for &place in places {
            let (then, now) = self.pairs[place as usize];
            self.weights.now(then, now, &mut users);
            all.push(Passed {
                domain: name(place),
                users: users.clone(),
            });
        }
        // The walk is by name, and the sort keeps what ties.
        all.sort_by_key(|it| std::cmp::Reverse(it.users.iter().copied().max()));
        all
    }

    /// What became of each measure.
    fn measures(&mut self) -> Vec<Change> {
        let aspects = self.standings.aspects.clone();
        let mut all: Vec<Change> = (aspects.iter())
            .map(|aspect| Change {
                measure: aspect.word.clone(),
                label: aspect.label.clone(),
                tallies: None,
                same: Weighed::default(),
                unknown: Weighed::default(),
                steps: Vec::new(),
            })
            .collect();
        let mut steps: BTreeMap<(u16, State, State), Weighed> = BTreeMap::new();
        for (shift, weighed) in self.shifted.values() {
            let shift = &self.shifts[*shift as usize];
            for change in &mut all {
                change.same.join(weighed);
            }
            for &at in &shift.unknown {
                all[usize::from(at)].unknown.join(weighed);
            }
            for &step in &shift.steps {
                steps.entry(step).or_default().join(weighed);
            }
        }
        for (step, weighed) in steps {
            let change = &mut all[usize::from(step.0)];
            less(&mut change.same, &weighed);
            let told = Told::new(&self.standings, step);
            change.steps.push((told.from, told.to, weighed));
        }
        for change in &mut all {
            let unknown = change.unknown.clone();
            less(&mut change.same, &unknown);
            change
                .steps
                .sort_by(|a, b| b.2.domains.cmp(&a.2.domains).then_with(|| a.cmp_words(b)));
        }
        for (at, change) in all.iter_mut().enumerate() {
            if matches!(aspects[at].kind, Kind::Measure(_)) {
                change.tallies = Some([self.tallies(0, at), self.tallies(1, at)]);
            }
        }
        all
    }

    /// The answers to a measure in one of the surveys: by domains, then by the users of each list.
    fn tallies(&mut self, side: usize, aspect: usize) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); 1 + self.weights.lists.len()];
        let stands = std::mem::take(&mut self.stands[side]);
        for (number, weighed) in stands.iter().enumerate() {
            let state = self.standings.states(number as u32)[aspect];
            let truth = match self.standings.word(state) {
                "yes" => Truth::Yes,
                "no" => Truth::No,
                "mixed" => Truth::Mixed,
                "unknown" if is_in_base(&self.standings, number as u32, aspect) => Truth::Unknown,
                _ => continue,
            };
            tallies[0].add(truth, weighed.domains);
            for (list, tally) in tallies[1..].iter_mut().enumerate() {
                tally.add(truth, weighed.users_of(list));
            }
        }
        self.stands[side] = stands;
        tallies
    }
}

/// Whether a domain of which the answer was not learned is in the base of a measure all the same, as in the overall
/// picture: it takes mail, and the measure is not one among those with another.
fn is_in_base(standings: &Standings, number: u32, aspect: usize) -> bool {
    let status = standings.status(number);
    let among = match standings.aspects[aspect].kind {
        Kind::Measure(measure) => measure.among.map(|fact| fact.word()),
        _ => None,
    };
    let is_among = among.is_none_or(|word| {
        MEASURES.iter().any(|it| it.word == word) && standings.is_measured(number, word)
    });
    status != DomainState::NotLookedUp && status.takes_mail() && is_among
}

fn less(from: &mut Weighed, other: &Weighed) {
    from.domains = from.domains.saturating_sub(other.domains);
    for (users, other) in from.users.iter_mut().zip(&other.users) {
        *users = users.saturating_sub(*other);
    }
}

/// Steps that weigh the same stand in the order of their words.
trait ByWords {
    fn cmp_words(&self, other: &Self) -> std::cmp::Ordering;
}

impl ByWords for (String, String, Weighed) {
    fn cmp_words(&self, other: &Self) -> std::cmp::Ordering {
        (&self.0, &self.1).cmp(&(&other.0, &other.1))
    }
}

/// The rows of `address` in the other survey, for each of two, and how many servers came and went.
fn paired_servers(old: &Survey, new: &Survey) -> rusqlite::Result<([Vec<u32>; 2], ServersPassed)> {
    let asked = |survey: &Survey| -> rusqlite::Result<Vec<bool>> {
        let mut asked = Vec::new();
        query::compare::judged_servers(&survey.connection, |address, _, _| {
            set(&mut asked, address, true);
        })?;
        Ok(asked)
    };
    let (asked_then, asked_now) = (asked(old)?, asked(new)?);
    let is_asked = |asked: &[bool], row: Option<u32>| {
        row.is_some_and(|row| asked.get(row as usize) == Some(&true))
    };
    let (mut of_old, mut of_new) = (Vec::new(), Vec::new());
    let (mut came, mut went) = (Vec::new(), Vec::new());
    let mut servers = ServersPassed::default();
    query::compare::paired_addresses(&old.connection, &new.connection, |then, now, _| {
        if let (Some(then), Some(now)) = (then, now) {
            set(&mut of_old, then, now);
            set(&mut of_new, now, then);
        }
        match (is_asked(&asked_then, then), is_asked(&asked_now, now)) {
            (true, true) => servers.both += 1,
            (false, true) => {
                servers.came += 1;
                came.extend(now);
            }
            (true, false) => {
                servers.went += 1;
                went.extend(then);
            }
            (false, false) => {}
        }
    })?;
    let mut operators: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    each_operator(new, came, |it| operators.entry(it).or_default().0 += 1)?;
    each_operator(old, went, |it| operators.entry(it).or_default().1 += 1)?;
    servers.operators = (operators.into_iter())
        .map(|(operator, (came, went))| (operator, came, went))
        .collect();
    servers
        .operators
        .sort_by_key(|(_, came, went)| std::cmp::Reverse(came + went));
    Ok(([of_old, of_new], servers))
}

/// The operator of each of these addresses (registered domain of an exchange that leads there; of several the first by name).
fn each_operator(
    survey: &Survey,
    addresses: Vec<u32>,
    mut each: impl FnMut(String),
) -> rusqlite::Result<()> {
    let mut wanted: HashMap<u32, String> = (addresses.into_iter())
        .map(|address| (address, String::new()))
        .collect();
    query::address_operators(&survey.connection, |address, operator| {
        if let Some(known) = wanted.get_mut(&address)
            && (known.is_empty() || operator < known.as_str())
        {
            known.clear();
            known.push_str(operator);
        }
    })?;
    wanted.into_values().for_each(&mut each);
    Ok(())
}

fn set<T: Clone + Default>(all: &mut Vec<T>, row: u32, value: T) {
    if all.len() <= row as usize {
        all.resize(row as usize + 1, T::default());
    }
    all[row as usize] = value;
}
