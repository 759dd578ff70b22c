//! How a domain stands in a survey, in few bytes: the answers to all measures, what becomes of mail, what is published.
//! Domains that stand alike share a number, so that a million of them are compared as some thousands of pairs.

use std::collections::HashMap;
use std::hash::Hash;

use super::super::measure::{MEASURES, Measure};
use super::super::survey::{DomainState, Survey, SurveyVerdict};
use super::super::words::DistinctTexts;
use super::by::CompareBy;
use crate::judge::delivery::{Fate, PROFILES};
use crate::judge::{Rule, Truth};
use crate::store::query::{self, PublishedPolicies};

/// The number of a state; [`UNKNOWN`] is what was not learned.
pub(super) type State = u16;

/// Not learned.
pub(super) const UNKNOWN: State = 0;
/// Not in the base of a measure, and known not to be.
const OUTSIDE: &str = "outside";
/// The domain takes no mail.
const NO_MAIL: &str = "no_mail";

/// What is compared of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Whether it takes mail, by its records.
    Mail,
    /// A measure of the overall picture.
    Measure(&'static Measure),
    /// A part of what it publishes, by its place in [`PARTS`].
    Published(usize),
    /// What becomes of a message, by the place of the sender in [`PROFILES`].
    Fate(usize),
}

/// Something that is compared of every domain.
#[derive(Clone, Debug)]
pub(super) struct Aspect {
    /// Its word in data.
    pub word: String,
    /// For people.
    pub label: String,
    pub kind: Kind,
}

/// Everything that is compared, in the order in which a change is looked for: what follows from another comes behind it.
pub(super) fn aspects() -> Vec<Aspect> {
    let aspect = |word: &str, label: &str, kind| Aspect {
        word: word.to_owned(),
        label: label.to_owned(),
        kind,
    };
    let mut all = vec![aspect("mail", "Takes mail", Kind::Mail)];
    all.extend(
        MEASURES
            .iter()
            .map(|it| aspect(it.word, it.label, Kind::Measure(it))),
    );
    all.extend(
        PARTS
            .iter()
            .enumerate()
            .map(|(at, part)| aspect(part.word, part.label, Kind::Published(at))),
    );
    all.extend(PROFILES.iter().enumerate().map(|(at, profile)| Aspect {
        word: format!("delivery_{}", profile.word),
        label: format!("Mail from {}", profile.word.replace('_', " ")),
        kind: Kind::Fate(at),
    }));
    all
}

/// A part of what a domain publishes.
struct Part {
    word: &'static str,
    label: &'static str,
    /// Its state in a word; none: it was not asked for, or not learned.
    state: fn(&PublishedPolicies) -> Option<String>,
}

const PARTS: [Part; 8] = [
    Part {
        word: "spf",
        label: "SPF",
        state: |it| match it.spf.as_deref()? {
            "ok" => Some(format!("ok, {}", it.spf_all.as_deref().unwrap_or("no all"))),
            state => known(state),
        },
    },
    Part {
        word: "dmarc",
        label: "DMARC",
        state: |it| known(it.dmarc.as_deref()?),
    },
    Part {
        word: "dmarc_policy",
        label: "DMARC policy (RFC 9989)",
        state: |it| known(it.dmarc_9989.as_deref()?),
    },
    Part {
        word: "dkim",
        label: "DKIM",
        state: |it| known(it.dkim.as_deref()?),
    },
    Part {
        word: "mta_sts",
        label: "MTA-STS",
        state: |it| match it.mta_sts.as_deref()? {
            "ok" => match it.sts.as_deref()? {
                "ok" => known(it.sts_mode.as_deref()?),
                "unknown" => None,
                _ => Some("no policy".to_owned()),
            },
            "absent" => Some("absent".to_owned()),
            "unknown" => None,
            fault => Some(format!("record {fault}")),
        },
    },
    Part {
        word: "tls_rpt",
        label: "TLS-RPT",
        state: |it| known(it.tls_rpt.as_deref()?),
    },
    Part {
        word: "caa",
        label: "CAA",
        state: |it| known(it.caa.as_deref()?),
    },
    Part {
        word: "bimi",
        label: "BIMI",
        state: |it| known(it.bimi.as_deref()?),
    },
];

fn known(word: &str) -> Option<String> {
    (word != "unknown").then(|| word.to_owned())
}

/// How a domain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Standing {
    status: DomainState,
    /// By measure, two bits and a bit for its base.
    measures: [State; MEASURES.len()],
    /// What becomes of mail: a number of [`Standings::fates`]; 0: not judged.
    fates: u32,
    /// What is published: a number of [`Standings::published`]; 0: not asked.
    published: u32,
}

/// Values that share a number; 0 is nobody's.
#[derive(Debug)]
struct Numbered<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            numbers: HashMap::new(),
        }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, value: T) -> u32 {
        if let Some(&known) = self.numbers.get(&value) {
            return known;
        }
        self.values.push(value.clone());
        let number = self.values.len() as u32;
        self.numbers.insert(value, number);
        number
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)
    }
}

/// The ways in which domains stand in two surveys.
#[derive(Debug)]
pub(super) struct Standings {
    pub aspects: Vec<Aspect>,
    words: DistinctTexts,
    standings: Numbered<Standing>,
    fates: Numbered<Vec<State>>,
    published: Numbered<Vec<State>>,
}

impl Standings {
    pub fn new() -> Self {
        let mut words = DistinctTexts::default();
        // The first number is [`UNKNOWN`].
        words.number("unknown");
        Self {
            aspects: aspects(),
            words,
            standings: Numbered::default(),
            fates: Numbered::default(),
            published: Numbered::default(),
        }
    }

    /// How many numbers of standings there are, 0 included.
    pub fn count(&self) -> usize {
        self.standings.values.len() + 1
    }

    /// The word of a state.
    pub fn word(&self, state: State) -> &str {
        self.words.words().get(usize::from(state))
    }

    fn state(&mut self, word: &str) -> State {
        // Words are those of vocabularies; were there more, they would be one.
        State::try_from(self.words.number(word)).unwrap_or(State::MAX)
    }

    /// How every domain of a survey stands, by row of `name`; 0: no domain of the survey.
    pub fn read(&mut self, survey: &Survey, by: CompareBy<'_>) -> rusqlite::Result<Vec<u32>> {
        let verdicts = survey.verdicts()?;
        let fates = self.fates(survey, verdicts.len())?;
        let mut published = vec![0; verdicts.len()];
        query::published(&survey.connection, None, |domain, it| {
            let states = PARTS.iter().map(|part| (part.state)(&it));
            let states: Vec<Option<String>> = states.collect();
            let states = states
                .iter()
                .map(|word| word.as_deref().map_or(UNKNOWN, |word| self.state(word)))
                .collect();
            if let Some(place) = published.get_mut(domain as usize) {
                *place = self.published.number(states);
            }
        })?;
        let mut standings = vec![0; verdicts.len()];
        for (row, verdict) in verdicts.iter().enumerate() {
            if verdict.status == DomainState::NotLookedUp && published[row] == 0 {
                continue;
            }
            let mut measures = [UNKNOWN; MEASURES.len()];
            for (state, measure) in measures.iter_mut().zip(&MEASURES) {
                *state = self.measured(verdict, measure, by.rule);
            }
            standings[row] = self.standings.number(Standing {
                status: verdict.status,
                measures,
                fates: fates[row],
                published: published[row],
            });
        }
        Ok(standings)
    }

    /// What becomes of mail to every domain.
    fn fates(&mut self, survey: &Survey, rows: usize) -> rusqlite::Result<Vec<u32>> {
        let mut vectors: HashMap<u32, Vec<State>> = HashMap::new();
        query::delivery_vectors(&survey.connection, |vector, row| {
            let state = match Fate::from(row.fate.as_str()) {
                Fate::Unknown | Fate::Other => UNKNOWN,
                fate => self.state(fate.word()),
            };
            let states = vectors
                .entry(vector)
                .or_insert_with(|| vec![UNKNOWN; PROFILES.len()]);
            let place = PROFILES.iter().position(|it| it.id == row.profile);
            if let Some(place) = place {
                states[place] = state;
            }
        })?;
        let numbers: HashMap<u32, u32> = vectors
            .into_iter()
            .map(|(vector, states)| (vector, self.fates.number(states)))
            .collect();
        let mut fates = vec![0; rows];
        query::deliveries(&survey.connection, |domain, vector| {
            if let Some(place) = fates.get_mut(domain as usize) {
                *place = numbers.get(&vector).copied().unwrap_or(0);
            }
        })?;
        Ok(fates)
    }

    /// The answer to a measure, or why the domain is not in its base.
    fn measured(&mut self, verdict: &SurveyVerdict, measure: &Measure, rule: Rule) -> State {
        match verdict.status {
            DomainState::NotLookedUp => return UNKNOWN,
            status if !status.takes_mail() => return self.state(NO_MAIL),
            _ => {}
        }
        match measure.among.map(|among| verdict.truth(among, rule)) {
            None | Some(Truth::Yes) => match verdict.truth(measure.fact, rule) {
                Truth::Unknown => UNKNOWN,
                truth => self.state(truth.word()),
            },
            Some(Truth::Unknown) => UNKNOWN,
            Some(Truth::No | Truth::Mixed) => self.state(OUTSIDE),
        }
    }

    /// The states of all aspects of a standing.
    pub fn states(&mut self, number: u32) -> Vec<State> {
        let Some(&standing) = self.standings.get(number) else {
            return vec![UNKNOWN; self.aspects.len()];
        };
        let mail = match standing.status {
            DomainState::NotLookedUp | DomainState::Dns => UNKNOWN,
            status if status.takes_mail() => self.state("takes_mail"),
            status => self.state(status.word()),
        };
        let place = |list: Option<&Vec<State>>, at: usize| {
            list.and_then(|list| list.get(at))
                .copied()
                .unwrap_or(UNKNOWN)
        };
        let fates = self.fates.get(standing.fates);
        let published = self.published.get(standing.published);
        let mut measures = standing.measures.iter();
        (self.aspects.iter())
            .map(|aspect| match aspect.kind {
                Kind::Mail => mail,
                Kind::Measure(_) => measures.next().copied().unwrap_or(UNKNOWN),
                Kind::Published(at) => place(published, at),
                Kind::Fate(at) => place(fates, at),
            })
            .collect()
    }

    /// What became of the domains that stand so.
    pub fn status(&self, number: u32) -> DomainState {
        let standing = self.standings.get(number);
        standing.map_or(DomainState::NotLookedUp, |it| it.status)
    }

    /// Whether a part of what such a domain publishes was learned, by its word.
    pub fn is_published_known(&self, number: u32, word: &str) -> bool {
        let standing = self.standings.get(number);
        let states = standing.and_then(|it| self.published.get(it.published));
        let place = PARTS.iter().position(|part| part.word == word);
        states
            .zip(place)
            .is_some_and(|(states, place)| states[place] != UNKNOWN)
    }

    /// The answer to a measure of the domains that stand so, by the word of its fact; none: not learned.
    pub fn is_measured(&self, number: u32, word: &str) -> bool {
        let standing = self.standings.get(number);
        let place = MEASURES.iter().position(|measure| measure.word == word);
        standing
            .zip(place)
            .is_some_and(|(standing, place)| standing.measures[place] != UNKNOWN)
    }
}
