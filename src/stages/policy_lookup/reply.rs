//! What became of a question, as it is kept: read once, however many domains it answers.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;

use crate::dns::chain::AliasChain;
use crate::dns::message::Question;
use crate::dns::name::Name;
use crate::dns::resolve::Resolve;
use crate::policy::denial;
use crate::policy::lookup::{CaaProperty, Denial, FoundRecords, LookupAnswer, Txt};
use crate::record::{Dnssec, Outcome};

/// Failures in a row after which the next domain that wants a shared name asks at once; from then on there is a pause.
pub(super) const FREE_FAILURES: u32 = 2;
/// The first pause; each further failure doubles it.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_LIMIT: Duration = Duration::from_secs(600);
/// What became of a question.
#[derive(Debug)]
pub(super) struct KeptReply {
    found: ReplyFound,
    cname: Vec<Name>,
    dnssec: Option<Dnssec>,
    denial: Vec<Denial>,
    /// Packets sent for it.
    pub(super) sent: u32,
    /// Its size in memory, octets.
    pub(super) octets: usize,
    /// Of a failure.
    pub(super) again: Option<Again>,
}

/// [`FoundRecords`] of any type.
#[derive(Debug)]
enum ReplyFound {
    Records(ReplyRecords),
    NoData,
    Nxdomain,
    Failed(Outcome),
}

/// Records of the type that was asked for, in the order of the answer; one at least.
#[derive(Debug)]
pub(super) enum ReplyRecords {
    Txt(Arc<[Txt]>),
    Ipv4(Arc<[Ipv4Addr]>),
    Ipv6(Arc<[Ipv6Addr]>),
    Mx(Arc<[(u16, Name)]>),
    Ptr(Arc<[Name]>),
    Caa(Arc<[CaaProperty]>),
}

/// When a question that failed is asked again: one server's bad moment is not the answer for all who share the name, and a
/// name that is dead must not cost each of them a time-out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Again {
    /// How often in a row it has failed.
    failures: u32,
    due: Instant,
}

impl KeptReply {
    /// Asks, through CNAMEs to their end.
    pub(super) async fn ask(
        resolver: &dyn Resolve,
        question: &Question,
        allowance: Duration,
    ) -> Self {
        let chain = AliasChain::follow_question(resolver, question, allowance, false).await;
        let last = chain.cname.last().unwrap_or(&question.name);
        let denials = chain.denial.iter().filter_map(|record| {
            let data = record.data.to_bytes().ok()?;
            let owner = Name::from(&record.name);
            denial::read(&owner, record.record_type().into(), &data, last)
        });
        let denial = denials.collect();
        let mut octets = 128;
        let found = match chain.end {
            Ok(end) if end.nxdomain => ReplyFound::Nxdomain,
            Ok(end) => {
                octets += end.data.iter().map(size).sum::<usize>();
                match ReplyRecords::read(question.kind, &end.data) {
                    Some(records) => ReplyFound::Records(records),
                    None => ReplyFound::NoData,
                }
            }
            Err(failure) => ReplyFound::Failed(failure.outcome()),
        };
        Self {
            found,
            cname: chain.cname,
            dnssec: chain.dnssec,
            denial,
            sent: chain.sent,
            octets,
            again: None,
        }
    }

    /// With the count of failures, those of the `stale` reply among them.
    pub(super) fn after(mut self, stale: Option<Again>, now: Instant) -> Self {
        self.again = matches!(self.found, ReplyFound::Failed(_)).then(|| {
            let failures = stale.map_or(0, |again| again.failures).saturating_add(1);
            Again {
                failures,
                due: now + pause(failures),
            }
        });
        self
    }

    /// It failed, and the question may be asked again.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.again.is_some_and(|again| again.due <= now)
    }

    /// As the evaluators have it; `pick` chooses the records of the type that was asked for.
    pub(super) fn answer<T>(
        &self,
        pick: impl Fn(&ReplyRecords) -> Option<&Arc<[T]>>,
    ) -> LookupAnswer<T> {
        let found = match &self.found {
            ReplyFound::Records(records) => match pick(records) {
                Some(records) => FoundRecords::Records(Arc::clone(records)),
                None => FoundRecords::NoData,
            },
            ReplyFound::NoData => FoundRecords::NoData,
            ReplyFound::Nxdomain => FoundRecords::Nxdomain,
            ReplyFound::Failed(outcome) => FoundRecords::Failed(outcome.clone()),
        };
        LookupAnswer {
            found,
            cname: self.cname.clone(),
            dnssec: self.dnssec,
            denial: self.denial.clone(),
        }
    }
}

impl ReplyRecords {
    /// Those of `kind` among the data; `None` where there are none.
    fn read(kind: RecordType, data: &[RData]) -> Option<Self> {
        Some(match kind {
            RecordType::TXT => Self::Txt(each(data, |data| match data {
                RData::TXT(text) => Some(joined(text)),
                _ => None,
            })?),
            RecordType::A => Self::Ipv4(each(data, |data| match data {
                RData::A(address) => Some(address.0),
                _ => None,
            })?),
            RecordType::AAAA => Self::Ipv6(each(data, |data| match data {
                RData::AAAA(address) => Some(address.0),
                _ => None,
            })?),
            RecordType::MX => Self::Mx(each(data, |data| match data {
                RData::MX(mx) => Some((mx.preference, Name::from(&mx.exchange))),
                _ => None,
            })?),
            RecordType::PTR => Self::Ptr(each(data, |data| match data {
                RData::PTR(target) => Some(Name::from(&target.0)),
                _ => None,
            })?),
            RecordType::CAA => Self::Caa(each(data, |data| match data {
                RData::CAA(property) => Some(CaaProperty {
                    flags: property.flags(),
                    tag: property.tag.as_bytes().into(),
                    value: property.value.as_slice().into(),
                }),
                _ => None,
            })?),
            _ => return None,
        })
    }
}

fn each<T>(data: &[RData], read: impl Fn(&RData) -> Option<T>) -> Option<Arc<[T]>> {
    // Nearly every answer has one record: no list on the way to it.
    if let [only] = data {
        return read(only).map(|record| Arc::from([record]));
    }
    let records: Vec<_> = data.iter().filter_map(read).collect();
    (!records.is_empty()).then(|| records.into())
}

/// The strings of a record with nothing between them.
fn joined(text: &TXT) -> Txt {
    match &text.txt_data[..] {
        [only] => Arc::from(&only[..]),
        strings => strings.concat().into(),
    }
}

/// How long a question rests that has failed so often in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(FREE_FAILURES) {
        None | Some(0) => Duration::ZERO,
        Some(more) => (PAUSE.saturating_mul(1 << (more - 1).min(16))).min(PAUSE_LIMIT),
    }
}

fn size(data: &RData) -> usize {
    match data {
        RData::TXT(text) => {
            let strings = text.txt_data.iter();
            strings.map(|string| string.len() + 16).sum::<usize>() + 32
        }
        RData::CAA(property) => property.value.len() + property.tag.len() + 64,
        _ => 300,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Phase, Reason};

    #[test]
    fn a_dead_name_is_asked_for_ever_less_often_and_never_given_up() {
        let failed = |stale, now| {
            let reply = KeptReply {
                found: ReplyFound::Failed(Outcome::new(Phase::Dns, Reason::Servfail)),
                cname: Vec::new(),
                dnssec: None,
                denial: Vec::new(),
                sent: 1,
                octets: 128,
                again: None,
            };
            reply.after(stale, now)
        };
        let start = Instant::now();
        let mut reply = failed(None, start);
        let mut asked = Vec::new();
        // An hour, a domain in each second; the first one is the second to fail.
        for second in 0..3600 {
            let now = start + Duration::from_secs(second);
            if reply.is_due(now) {
                reply = failed(reply.again, now);
                asked.push(second);
            }
        }
        let should = [
            0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1624, 2224, 2824, 3424,
        ];
        assert_eq!(asked, should);
        assert_eq!(pause(u32::MAX), PAUSE_LIMIT);
    }
}
