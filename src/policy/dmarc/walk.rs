//! The tree walk (RFC 9989 §4.10): the records at a name and above it, and the organisational domain that they make.

use super::record::{DmarcRecord, is_record};
use crate::dns::name::Name;
use crate::policy::lookup::{FoundRecords, Lookup, LookupAnswer, Txt};
use crate::record::{DmarcPsd, Outcome};

/// A name of so many labels or more is cut to one less after the first question.
const LONG: usize = 8;

/// The records at a name and above, from the name up.
#[derive(Clone, Debug)]
pub struct TreeWalk {
    /// Where it began.
    pub start: Name,
    /// What was found at each name, the longest first.
    pub steps: Vec<TreeStep>,
}

/// What there is at a name.
#[derive(Clone, Debug)]
pub struct TreeStep {
    /// The name, without `_dmarc`.
    pub name: Name,
    /// The record, if there is one and no more.
    pub found: Records,
}

/// The DMARC records at a name.
#[derive(Clone, Debug)]
pub enum Records {
    /// None; beside them texts that are nearly records.
    None(Vec<Txt>),
    /// One, and its text.
    One(Box<DmarcRecord>, Txt),
    /// More than one, all of which are discarded.
    Multiple(Vec<Txt>),
    /// Not known.
    Failed(Outcome),
}

impl TreeWalk {
    /// Walks from a domain up to its top-level domain, or to the first record that says `psd=n` or `psd=y`. Eight
    /// questions at most.
    pub async fn of_domain<L: Lookup>(lookup: &L, domain: &Name) -> Self {
        let mut steps = Vec::new();
        let mut name = domain.clone();
        loop {
            let found = records_at(lookup, &name).await;
            let is_last =
                matches!(&found, Records::One(record, _) if record.tags.psd != DmarcPsd::Unknown);
            let labels = name.labels().count();
            let next = match labels {
                LONG.. => name.above(labels - (LONG - 1)),
                _ => name.above(1),
            };
            steps.push(TreeStep { name, found });
            if is_last || labels <= 1 {
                break;
            }
            name = next;
        }
        Self {
            start: domain.clone(),
            steps,
        }
    }

    /// The organisational domain; `None` where a question failed on which it hangs.
    pub fn organization(&self) -> Option<Name> {
        let mut fewest = None;
        for step in &self.steps {
            match &step.found {
                Records::Failed(_) => return None,
                Records::One(record, _) => match record.tags.psd {
                    DmarcPsd::No => return Some(step.name.clone()),
                    DmarcPsd::Yes if step.name != self.start => {
                        // One label more, of the name that was asked for.
                        let below = step.name.labels().count() + 1;
                        return Some(self.start.above(self.start.labels().count() - below));
                    }
                    _ => fewest = Some(step.name.clone()),
                },
                Records::None(_) | Records::Multiple(_) => {}
            }
        }
        Some(fewest.unwrap_or_else(|| self.start.clone()))
    }

    /// The record at a name that was asked.
    pub fn record(&self, name: &Name) -> Option<&DmarcRecord> {
        let step = self.steps.iter().find(|step| step.name == *name)?;
        match &step.found {
            Records::One(record, _) => Some(record),
            _ => None,
        }
    }

    /// The record that holds for the start, and whose it is: its own, else that of its organisation, else that of its
    /// public suffix (RFC 9989 §4.10.1). An error where that is not known.
    pub fn applying(&self) -> Result<Option<(&Name, &DmarcRecord)>, &Outcome> {
        let first = self.steps.first();
        match first.map(|step| &step.found) {
            Some(Records::One(record, _)) => return Ok(Some((&self.start, record))),
            Some(Records::Failed(outcome)) => return Err(outcome),
            _ => {}
        }
        let Some(organization) = self.organization() else {
            return match self.failure() {
                Some(outcome) => Err(outcome),
                None => Ok(None),
            };
        };
        let at = |name: &Name| self.steps.iter().find(|step| step.name == *name);
        let own = at(&organization).filter(|step| matches!(step.found, Records::One(..)));
        let suffix = || {
            self.steps.iter().find(|step| {
                matches!(&step.found, Records::One(record, _) if record.tags.psd == DmarcPsd::Yes)
            })
        };
        Ok(own.or_else(suffix).and_then(|step| match &step.found {
            Records::One(record, _) => Some((&step.name, &**record)),
            _ => None,
        }))
    }

    /// The walk as those take it who stop at more than one record (RFC 7489 §6.6.3); `None` where nothing is so.
    pub fn stopped(&self) -> Option<Self> {
        let end =
            (self.steps.iter()).position(|step| matches!(step.found, Records::Multiple(_)))?;
        Some(Self {
            start: self.start.clone(),
            steps: self.steps[..end].to_vec(),
        })
    }

    /// The first question that failed.
    pub fn failure(&self) -> Option<&Outcome> {
        self.steps.iter().find_map(|step| match &step.found {
            Records::Failed(outcome) => Some(outcome),
            _ => None,
        })
    }
}

/// The DMARC records at a name.
pub async fn records_at<L: Lookup>(lookup: &L, name: &Name) -> Records {
    match name.under(&["_dmarc"]) {
        Some(place) => select(&lookup.txt(&place).await),
        // No name can stand there.
        None => Records::None(Vec::new()),
    }
}

fn select(answer: &LookupAnswer<Txt>) -> Records {
    if let FoundRecords::Failed(outcome) = &answer.found {
        return Records::Failed(outcome.clone());
    }
    // Nearly always: no lists for it.
    if let [text] = answer.records()
        && is_record(text)
    {
        return Records::One(Box::new(DmarcRecord::parse(text)), text.clone());
    }
    let (mut records, others): (Vec<Txt>, Vec<Txt>) =
        (answer.records().iter().cloned()).partition(|text| is_record(text));
    match records.len() {
        0 => Records::None(
            others
                .into_iter()
                .filter(|text| is_near_miss(text))
                .collect(),
        ),
        1 => {
            let text = records.remove(0);
            Records::One(Box::new(DmarcRecord::parse(&text)), text)
        }
        _ => Records::Multiple(records),
    }
}

/// Whether a text looks as if it was meant to be a record.
fn is_near_miss(text: &[u8]) -> bool {
    let begin: Vec<u8> = (text.iter().take(100).copied())
        .filter(|octet| octet.is_ascii_alphanumeric() || *octet == b'=')
        .take(7)
        .collect();
    begin.eq_ignore_ascii_case(b"v=DMARC")
}
