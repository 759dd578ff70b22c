//! What happened: the changes of all domains, taken together by operator and cause, so that what one hoster did is one
//! event.

use std::cmp::Reverse;

use hashbrown::HashMap;

use super::operators::ALL_OWN;
use super::standing::{Aspect, Kind, Standings, State, UNKNOWN};
use super::weigh::Weighed;
use crate::judge::Fact;
use crate::record::words::vocabulary;

vocabulary! {
    /// Why a domain changed, as far as two surveys can tell.
    strict ChangeCause {
        /// Another operator runs its exchanges.
        Moved = "moved",
        /// It names other exchanges of the same operator.
        Exchanges = "exchanges",
        /// It takes mail now, or takes none any more.
        Mail = "mail",
        /// Its servers speak SMTP otherwise.
        Smtp = "smtp",
        /// STARTTLS was turned on or off.
        Starttls = "starttls",
        /// The TLS handshake succeeds, or fails, since.
        Handshake = "handshake",
        /// The certificate is another, or has expired.
        Certificate = "certificate",
        /// TLSA records came, went, or match otherwise.
        Dane = "dane",
        /// What the domain publishes is different.
        Policy = "policy",
        /// Only what becomes of mail is different.
        Delivery = "delivery",
    }
}

impl ChangeCause {
    /// The cause where this aspect is the first that changed.
    fn from_aspect(kind: Kind) -> Self {
        match kind {
            Kind::Mail => Self::Mail,
            Kind::Published(_) => Self::Policy,
            Kind::Fate(_) => Self::Delivery,
            Kind::Measure(measure) => match measure.fact {
                Fact::Esmtp => Self::Smtp,
                Fact::Advertised | Fact::Accepted => Self::Starttls,
                Fact::Tls => Self::Handshake,
                Fact::Valid | Fact::NamesExchange | Fact::Trusted | Fact::NamesDomain => {
                    Self::Certificate
                }
                Fact::Dane => Self::Dane,
            },
        }
    }
}

/// An aspect that went from a known state to another.
pub(super) type Step = (u16, State, State);

/// What two standings of one domain differ in.
#[derive(Clone, Debug, Default)]
pub(super) struct Shift {
    /// All that changed, in the order of the aspects.
    pub steps: Vec<Step>,
    /// Aspects that were not learned then or now.
    pub unknown: Vec<u16>,
    /// Of the steps, the first of servers or of delivery.
    served: Option<Step>,
    /// Of the steps, those of what is published.
    published: Vec<Step>,
}

impl Shift {
    pub fn new(aspects: &[Aspect], then: &[State], now: &[State]) -> Self {
        let mut shift = Self::default();
        for (at, (&from, &to)) in then.iter().zip(now).enumerate() {
            let at = at as u16;
            if from == UNKNOWN || to == UNKNOWN {
                shift.unknown.push(at);
            } else if from != to {
                shift.steps.push((at, from, to));
            }
        }
        let kind = |step: &Step| aspects[usize::from(step.0)].kind;
        shift.published = (shift.steps.iter())
            .filter(|step| matches!(kind(step), Kind::Published(_)))
            .copied()
            .collect();
        // What becomes of mail follows from what is published too.
        shift.served = (shift.steps.iter())
            .find(|step| match kind(step) {
                Kind::Published(_) => false,
                Kind::Fate(_) => shift.published.is_empty(),
                Kind::Mail | Kind::Measure(_) => true,
            })
            .copied();
        shift
    }
}

/// What makes changes of several domains one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    cause: ChangeCause,
    operator: u32,
    /// Whose domains they were, where they moved.
    from_operator: u32,
    /// The first thing that changed; none where only exchanges did.
    step: Option<Step>,
}

/// What is counted of an event.
#[derive(Clone, Debug, Default)]
struct Sum {
    weighed: Weighed,
    /// The first domain by name: its place in the walk.
    first: u32,
}

/// Events while they are counted.
#[derive(Debug, Default)]
pub(super) struct Events {
    numbers: HashMap<Key, u32>,
    sums: Vec<(Key, Sum)>,
    /// Domains by event and shift.
    shifts: HashMap<(u32, u32), u64>,
}

/// A domain that was compared.
pub(super) struct Compared<'a> {
    /// Its place in the walk by name.
    pub place: u32,
    /// Its operator then and now; 0: not known.
    pub operators: (u32, u32),
    /// It ran its own mail then: those that did and went to one operator are one event.
    pub was_own: bool,
    /// Its exchanges are the same; none: not known.
    pub same_exchanges: Option<bool>,
    /// The number of its shift, and the shift.
    pub shift: (u32, &'a Shift),
    /// Its users.
    pub users: &'a [u64],
}

impl Events {
    /// Takes what happened to a domain into account.
    pub fn add(&mut self, aspects: &[Aspect], domain: &Compared<'_>) {
        let (then, now) = domain.operators;
        let (number, shift) = domain.shift;
        let operator = if now == 0 { then } else { now };
        let key = |cause, step| Key {
            cause,
            operator,
            from_operator: 0,
            step,
        };
        let is_moved = then != 0 && now != 0 && then != now;
        let served = if is_moved {
            Some(Key {
                from_operator: if domain.was_own { ALL_OWN } else { then },
                ..key(ChangeCause::Moved, None)
            })
        } else if domain.same_exchanges == Some(false) && then != 0 && now != 0 {
            Some(key(ChangeCause::Exchanges, shift.served))
        } else {
            shift.served.map(|step| {
                let kind = aspects[usize::from(step.0)].kind;
                key(ChangeCause::from_aspect(kind), Some(step))
            })
        };
        let published = shift.published.iter();
        let published = published.map(|&step| key(ChangeCause::Policy, Some(step)));
        for key in served.into_iter().chain(published) {
            let event = *self.numbers.entry(key).or_insert_with(|| {
                let sum = Sum {
                    first: domain.place,
                    ..Sum::default()
                };
                self.sums.push((key, sum));
                self.sums.len() as u32 - 1
            });
            self.sums[event as usize].1.weighed.add(domain.users);
            *self.shifts.entry((event, number)).or_default() += 1;
        }
    }

    /// The events, largest first: by domains, then users, then operator, cause and step.
    pub fn told(
        self,
        standings: &Standings,
        shifts: &[Shift],
        operator: impl Fn(u32) -> (String, String),
        name: impl Fn(u32) -> String,
    ) -> Vec<ChangeEvent> {
        let told = |step: Step| Told::new(standings, step);
        let mut steps: Vec<HashMap<Step, u64>> = vec![HashMap::new(); self.sums.len()];
        for (&(event, shift), &domains) in &self.shifts {
            let (key, _) = &self.sums[event as usize];
            for step in also(key, &shifts[shift as usize]) {
                *steps[event as usize].entry(step).or_default() += domains;
            }
        }
        let sums = self.sums.into_iter().zip(steps);
        let mut events: Vec<ChangeEvent> = sums
            .map(|((key, sum), steps)| {
                let ((id, role), (from, _)) = (operator(key.operator), operator(key.from_operator));
                let mut also: Vec<(Step, u64)> = steps.into_iter().collect();
                also.sort_by_key(|&(step, domains)| (Reverse(domains), step));
                ChangeEvent {
                    cause: key.cause,
                    operator: (!id.is_empty()).then_some(id),
                    role,
                    from_operator: (!from.is_empty()).then_some(from),
                    step: key.step.map(told),
                    also: (also.into_iter())
                        .map(|(step, domains)| (told(step), domains))
                        .collect(),
                    such_as: name(sum.first),
                    weighed: sum.weighed,
                }
            })
            .collect();
        events.sort_by_cached_key(|it| {
            let size = (it.weighed.domains, it.weighed.most_users());
            let operators = (it.operator.clone(), it.from_operator.clone());
            (Reverse(size), operators, it.cause, it.step.clone())
        });
        events
    }
}

/// What else changed at a domain of an event; of policies nothing is told, since each part is an event of its own.
fn also(key: &Key, shift: &Shift) -> Vec<Step> {
    if key.cause == ChangeCause::Policy {
        return Vec::new();
    }
    let steps = shift.steps.iter();
    let others = steps.filter(|&step| Some(*step) != key.step && !shift.published.contains(step));
    others.copied().collect()
}

/// A step in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    /// The word of what changed.
    pub measure: String,
    /// The same for people.
    pub label: String,
    /// From which state, as a word.
    pub from: String,
    /// To which state.
    pub to: String,
}

impl Told {
    pub(super) fn new(standings: &Standings, (at, from, to): Step) -> Self {
        let aspect = &standings.aspects[usize::from(at)];
        Self {
            measure: aspect.word.clone(),
            label: aspect.label.clone(),
            from: standings.word(from).to_owned(),
            to: standings.word(to).to_owned(),
        }
    }
}

/// Something that happened to several domains at once.
#[derive(Clone, Debug)]
pub struct ChangeEvent {
    /// Why.
    pub cause: ChangeCause,
    /// Who runs their mail now (or ran it, where nobody does now); none: not known.
    pub operator: Option<String>,
    /// As what, in the words of the rules for providers.
    pub role: String,
    /// Who ran it before, where they moved.
    pub from_operator: Option<String>,
    /// The first thing that changed.
    pub step: Option<Told>,
    /// What else did, each with its number of domains.
    pub also: Vec<(Told, u64)>,
    /// Domains and users.
    pub weighed: Weighed,
    /// The first of the domains by name.
    pub such_as: String,
}
