//! TLSA records of an exchange, by the rules of DANE for SMTP (RFC 7672 §2.2).

use std::time::Duration;

use hickory_proto::rr::{RData, RecordType};

use super::chain::AliasChain;
use super::mx::TLSA_LIMIT;
use super::name::Name;
use super::resolve::Resolve;
use crate::record::{Dnssec, Outcome, Phase, Reason, Tlsa, TlsaSet};

/// Looks `_25._tcp` up below the name that `exchange` expands to, then, if nothing secure is there, below `exchange`
/// itself (§2.2.3). A question that fails ends the search: the host is unusable, there is no fallback (§2.1.2). The
/// second value is the number of packets sent.
pub async fn look_up(
    resolver: &dyn Resolve,
    exchange: &Name,
    cname: &[Name],
    allowance: Duration,
) -> (TlsaSet, u32) {
    let expanded = match cname.last() {
        Some(name) => Some(records_at(resolver, name, allowance).await),
        None => None,
    };
    let (sent, spent) = match expanded {
        Some(Found { set, sent, .. }) if !falls_back(&set) => return (set, sent),
        Some(Found { sent, spent, .. }) => (sent, spent),
        None => (0, Duration::ZERO),
    };
    let own = records_at(resolver, exchange, allowance.saturating_sub(spent)).await;
    (own.set, sent + own.sent)
}

/// The set of an exchange whose addresses are not signed: nobody asks for it, since it would not count (§2.2.2). That there
/// is no DANE is known.
pub fn unsigned(exchange: &Name) -> TlsaSet {
    TlsaSet {
        base: exchange.to_string(),
        outcome: Outcome::new(Phase::Dns, Reason::Unsigned),
        dnssec: Some(Dnssec::Insecure),
        records: Vec::new(),
    }
}

struct Found {
    set: TlsaSet,
    sent: u32,
    spent: Duration,
}

/// Nothing secure there, and that is certain.
fn falls_back(set: &TlsaSet) -> bool {
    match set.outcome.reason {
        Reason::Ok => set.dnssec != Some(Dnssec::Secure),
        reason => matches!(reason, Reason::Nxdomain | Reason::NoData),
    }
}

async fn records_at(resolver: &dyn Resolve, base: &Name, allowance: Duration) -> Found {
    let mut set = TlsaSet {
        base: base.to_string(),
        outcome: Outcome::new(Phase::Dns, Reason::NoData),
        dnssec: None,
        records: Vec::new(),
    };
    let Some(name) = base.under(&["_25", "_tcp"]) else {
        set.outcome = set
            .outcome
            .with("no room for _25._tcp in front of the name");
        return Found {
            set,
            sent: 0,
            spent: Duration::ZERO,
        };
    };
    let chain = AliasChain::follow(resolver, &name, RecordType::TLSA, allowance, false).await;
    set.outcome = chain.outcome();
    set.dnssec = chain.dnssec;
    if let Ok(end) = &chain.end {
        set.records = (end.data.iter().filter_map(record))
            .take(TLSA_LIMIT)
            .collect();
        let count = end.data.len();
        if count > TLSA_LIMIT {
            let left_out = format!("{} of {count} records left out", count - TLSA_LIMIT);
            set.outcome = Outcome::new(Phase::Dns, Reason::TooMany).with(left_out);
        }
    }
    Found {
        set,
        sent: chain.sent,
        spent: chain.spent,
    }
}

fn record(data: &RData) -> Option<Tlsa> {
    let RData::TLSA(tlsa) = data else {
        return None;
    };
    Some(Tlsa {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching_type: tlsa.matching.into(),
        data: tlsa
            .cert_data
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
    })
}
