//! What is wrong with a domain's exchanges: its DNS, the names, how servers compare, DANE.

use crate::judge::delivery::{Cause, ServerContact, TlsaMatch, TlsaView};
use crate::judge::problem::{Problem, ProblemCode as Code, Severity};
use crate::record::{Domain, Exchange, ExchangeFault, MxFault, Phase, Reason};

/// A domain and what was seen behind its exchanges.
#[derive(Clone, Debug)]
pub struct DomainView<'a> {
    /// Its record.
    pub domain: &'a Domain,
    /// For each exchange of the record, in its order.
    pub exchanges: Vec<ExchangeSeen<'a>>,
    /// Some connection of the survey succeeded: where none did, servers are not learned (a blocked port 25).
    pub is_anything_reached: bool,
}

/// An exchange and its servers.
#[derive(Clone, Debug, Default)]
pub struct ExchangeSeen<'a> {
    /// The servers at its addresses that were asked.
    pub servers: Vec<ServerSeen>,
    /// Its TLSA records.
    pub tlsa: TlsaView,
    /// There are TLSA records that DNSSEC does not vouch for.
    pub has_unsigned_tlsa: bool,
    /// What is wrong with the set of them ([`TlsaCoverage::problems`](crate::judge::rollover::TlsaCoverage::problems)).
    pub of_tlsa_set: &'a [Problem],
}

/// A server as one exchange leads to it.
#[derive(Clone, Debug, Default)]
pub struct ServerSeen {
    /// Its address, for people.
    pub address: String,
    /// How far the dialogue came.
    pub contact: ServerContact,
    /// A connection was tried, however it ended.
    pub was_tried: bool,
    /// Where and how the dialogue ended before EHLO or HELO was answered, of a server that does not answer.
    pub silence: Option<(Phase, Reason)>,
    /// Mail to it is encrypted.
    pub tls: Option<bool>,
    /// Its chain leads to a root of the first named store.
    pub valid: Option<bool>,
    /// Its leaf names the exchange in a subject alternative name.
    pub names_exchange: Option<bool>,
    /// Its leaf names the exchange in the common name alone.
    pub names_by_common_name: bool,
    /// Its chain against the TLSA records.
    pub tlsa: TlsaMatch,
}

/// What is wrong with a domain, its servers' own faults aside; worst first.
pub fn domain_problems(view: &DomainView<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    lookup(view.domain, &mut found);
    for (exchange, seen) in view.domain.mx.iter().zip(&view.exchanges) {
        exchange_faults(exchange, seen, &mut found);
        names(exchange, seen, &mut found);
        dane(view.domain, exchange, seen, &mut found);
        differences(exchange, seen, &mut found);
    }
    unresolved(view.domain, &mut found);
    if view.is_anything_reached {
        silence(view, &mut found);
    }
    backup(view, &mut found);
    partial_dane(view, &mut found);
    super::put_in_order(&mut found);
    found
}

/// The question for exchanges, and the set as a whole.
fn lookup(domain: &Domain, found: &mut Vec<Problem>) {
    let code = match domain.outcome.reason {
        Reason::Nxdomain => Some(Code::Nxdomain),
        Reason::Bogus => Some(Code::DnsBogus),
        Reason::Servfail => Some(Code::DnsServfail),
        Reason::Malformed => Some(Code::DnsMalformed),
        Reason::CnameLoop => Some(Code::DnsAliasLoop),
        Reason::NoAddress | Reason::NoData => Some(Code::NoMailNotDeclared),
        _ => None,
    };
    found.extend(code.map(Problem::new));
    if domain.implicit_mx == Some(true) && domain.outcome.is_ok() {
        found.push(Problem::new(Code::ImplicitMx));
    }
    for fault in &domain.faults {
        let code = match fault {
            MxFault::NullMxWithOthers => Code::NullMxWithOthers,
            MxFault::NullMxPreference => Code::NullMxPreference,
            MxFault::DuplicateExchange => Code::DuplicateExchange,
            MxFault::TooManyExchanges => Code::TooManyExchanges,
            _ => continue,
        };
        found.push(Problem::new(code));
    }
}

/// What is wrong with an exchange by its name and its addresses. Where its name cannot be that of a mail server, that
/// says why it has no address, or which.
fn exchange_faults(exchange: &Exchange, seen: &ExchangeSeen<'_>, found: &mut Vec<Problem>) {
    let mut add = |code| found.push(Problem::new(code).at_place(&exchange.exchange));
    let is_misnamed = (exchange.faults.iter()).any(|fault| {
        matches!(
            fault,
            ExchangeFault::AddressLiteral | ExchangeFault::Localhost
        )
    });
    for fault in &exchange.faults {
        add(match fault {
            ExchangeFault::SpecialAddress | ExchangeFault::Unresolvable if is_misnamed => continue,
            // A survey that was let into such a network is one of that network.
            ExchangeFault::SpecialAddress if is_connected_to(exchange, seen) => continue,
            ExchangeFault::Cname => Code::ExchangeIsAlias,
            ExchangeFault::AddressLiteral => Code::ExchangeIsAddress,
            ExchangeFault::Localhost => Code::ExchangeIsLocalhost,
            ExchangeFault::SpecialAddress => Code::ExchangeSpecialAddress,
            ExchangeFault::Unresolvable => Code::ExchangeUnresolvable,
            ExchangeFault::Underscore => Code::ExchangeUnderscore,
            _ => continue,
        });
    }
    let fails = [&exchange.ipv4, &exchange.ipv6].into_iter().flatten();
    let fails = fails.filter(|outcome| {
        matches!(
            outcome.reason,
            Reason::Servfail | Reason::Bogus | Reason::Malformed | Reason::CnameLoop
        )
    });
    if let Some(outcome) = fails.max_by_key(|outcome| outcome.reason == Reason::Bogus) {
        let problem = Problem::new(Code::ExchangeDnsFails)
            .at_place(&exchange.exchange)
            .with(outcome.reason.word());
        found.push(problem);
    }
}

/// To every special-purpose address of the exchange a connection was tried, which only `--allow` permits.
fn is_connected_to(exchange: &Exchange, seen: &ExchangeSeen<'_>) -> bool {
    let mut special = (exchange.addresses.iter())
        .filter(|address| address.special.is_some())
        .map(|address| address.ip.to_string())
        .peekable();
    special.peek().is_some()
        && special.all(|ip| {
            let mut servers = seen.servers.iter();
            servers.any(|server| server.address == ip && server.was_tried)
        })
}

/// Where every exchange points to nothing, that says it once and worst.
fn unresolved(domain: &Domain, found: &mut Vec<Problem>) {
    let is_gone = |exchange: &Exchange| exchange.faults.contains(&ExchangeFault::Unresolvable);
    if !domain.mx.is_empty() && domain.mx.iter().all(is_gone) {
        found.retain(|problem| problem.code != Code::ExchangeUnresolvable);
        let names: Vec<&str> = domain.mx.iter().map(|it| it.exchange.as_str()).collect();
        found.push(Problem::new(Code::NoExchangeResolves).with(names.join(", ")));
    }
}

fn names(exchange: &Exchange, seen: &ExchangeSeen<'_>, found: &mut Vec<Problem>) {
    for server in &seen.servers {
        let code = match (server.names_exchange, server.names_by_common_name) {
            (Some(false), true) => Code::CertificateCommonNameOnly,
            (Some(false), false) => Code::CertificateNameMismatch,
            _ => continue,
        };
        let problem = Problem::new(code)
            .at_place(&exchange.exchange)
            .with(server.address.clone());
        found.push(problem);
    }
}

fn dane(domain: &Domain, exchange: &Exchange, seen: &ExchangeSeen<'_>, found: &mut Vec<Problem>) {
    let mut add = |code, detail: Option<String>| {
        let problem = Problem::new(code).at_place(&exchange.exchange);
        found.push(match detail {
            Some(detail) => problem.with(detail),
            None => problem,
        });
    };
    if seen.has_unsigned_tlsa {
        add(Code::TlsaUnsigned, None);
    }
    match seen.tlsa {
        TlsaView::Failed => add(Code::TlsaUnanswered, None),
        TlsaView::Unusable => add(Code::TlsaUnusable, None),
        TlsaView::Usable => {
            if domain.dnssec == Some(crate::record::Dnssec::Insecure) {
                add(Code::MxUnsigned, None);
            }
            let is_hidden = (seen.of_tlsa_set.iter()).any(|problem| {
                problem.code == Code::TlsaKindUnmatched && problem.severity == Severity::Critical
            });
            let holds = (seen.servers.iter()).find(|server| server.tlsa == TlsaMatch::Holds);
            for server in &seen.servers {
                match (server.tls, server.tlsa, holds) {
                    (Some(false), ..) => {
                        add(Code::TlsaWithoutStarttls, Some(server.address.clone()));
                    }
                    (_, TlsaMatch::Fails(cause), Some(other)) => {
                        let detail =
                            format!("{}: {cause}; {}: holds", server.address, other.address);
                        add(Code::TlsaCoversSomeAddresses, Some(detail));
                    }
                    // A stronger digest hides the record that matches: that is told of the set.
                    (_, TlsaMatch::Fails(Cause::TlsaInvalid), None) if is_hidden => {}
                    (_, TlsaMatch::Fails(cause), None) => {
                        let detail = format!("{}: {cause}", server.address);
                        add(Code::TlsaMismatch, Some(detail));
                    }
                    _ => {}
                }
            }
            let of_set = seen.of_tlsa_set.iter().cloned();
            found.extend(of_set.map(|problem| problem.at_place(&exchange.exchange)));
        }
        TlsaView::None | TlsaView::Unknown => {}
    }
}

/// How well a server protects mail; none where that is not known.
fn protection(server: &ServerSeen) -> Option<u8> {
    if server.contact != ServerContact::Answers {
        return None;
    }
    match (server.tls, server.valid, server.names_exchange) {
        (Some(false), ..) => Some(0),
        (Some(true), Some(true), Some(true)) => Some(2),
        (Some(true), Some(_), Some(_)) => Some(1),
        _ => None,
    }
}

fn differences(exchange: &Exchange, seen: &ExchangeSeen<'_>, found: &mut Vec<Problem>) {
    let known = seen.servers.iter();
    let known = known.filter_map(|server| Some((protection(server)?, server)));
    let known: Vec<_> = known.collect();
    let best = known.iter().map(|(level, _)| *level).max();
    let worst = known.iter().min_by_key(|(level, _)| *level);
    if let (Some(best), Some((level, server))) = (best, worst)
        && *level < best
    {
        let problem = Problem::new(Code::AddressesDiffer)
            .at_place(&exchange.exchange)
            .with(server.address.clone());
        found.push(problem);
    }
}

fn silence(view: &DomainView<'_>, found: &mut Vec<Problem>) {
    let servers = || view.exchanges.iter().flat_map(|seen| &seen.servers);
    if servers().next().is_none() {
        return;
    }
    if servers().all(|server| server.contact == ServerContact::Silent) {
        found.push(Problem::new(Code::NoServerAnswers).with(ends_of(servers())));
        return;
    }
    let first = view.domain.mx.first().map(|exchange| exchange.preference);
    let at_preference = |is_first: bool| {
        (view.domain.mx.iter().zip(&view.exchanges))
            .filter(move |(exchange, _)| (Some(exchange.preference) == first) == is_first)
            .flat_map(|(_, seen)| &seen.servers)
    };
    let others = servers().any(|server| server.contact == ServerContact::Answers);
    let is_first_silent = others
        && at_preference(true).next().is_some()
        && at_preference(true).all(|server| server.contact == ServerContact::Silent);
    let mut rest: Vec<&ServerSeen> = at_preference(false).collect();
    if is_first_silent {
        let detail = ends_of(at_preference(true));
        found.push(Problem::new(Code::PreferredServerSilent).with(detail));
    } else {
        rest.extend(at_preference(true));
    }
    for server in rest {
        // What answers and does not speak SMTP is told of the server.
        if let Some((phase, reason)) = server.silence.filter(|it| is_silence(it.1)) {
            let problem = Problem::new(Code::ServerSilent).at_place(&server.address);
            found.push(problem.with(format!("{phase}/{reason}")));
        }
    }
}

/// Nothing came, or it broke off.
fn is_silence(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Timeout | Reason::Refused | Reason::Unreachable | Reason::Reset | Reason::Closed
    )
}

/// Servers by address, each once, with how they ended; ten at most.
fn ends_of<'s>(servers: impl Iterator<Item = &'s ServerSeen>) -> String {
    const TOLD: usize = 10;
    let mut told: Vec<String> = servers
        .map(|server| match server.silence {
            Some((phase, reason)) => format!("{} {phase}/{reason}", server.address),
            None => server.address.clone(),
        })
        .collect();
    told.sort();
    told.dedup();
    let left = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    if left > 0 {
        told.push(format!("{left} more"));
    }
    told.join(", ")
}

/// A later preference that protects less than the first one does everywhere.
fn backup(view: &DomainView<'_>, found: &mut Vec<Problem>) {
    let Some(first) = view.domain.mx.first().map(|exchange| exchange.preference) else {
        return;
    };
    let pairs = || view.domain.mx.iter().zip(&view.exchanges);
    let levels = |seen: &ExchangeSeen<'_>| -> Vec<Option<u8>> {
        seen.servers.iter().map(protection).collect()
    };
    let preferred: Vec<_> = pairs()
        .filter(|(exchange, _)| exchange.preference == first)
        .flat_map(|(_, seen)| levels(seen))
        .collect();
    let Some(best) = preferred.iter().copied().min().flatten() else {
        return;
    };
    for (exchange, seen) in pairs().filter(|(exchange, _)| exchange.preference != first) {
        if levels(seen)
            .into_iter()
            .flatten()
            .min()
            .is_some_and(|level| level < best)
        {
            found.push(Problem::new(Code::BackupWeaker).at_place(&exchange.exchange));
        }
    }
}

fn partial_dane(view: &DomainView<'_>, found: &mut Vec<Problem>) {
    let has = |seen: &ExchangeSeen<'_>| seen.tlsa == TlsaView::Usable;
    if !view.exchanges.iter().any(has) {
        return;
    }
    for (exchange, seen) in view.domain.mx.iter().zip(&view.exchanges) {
        if seen.tlsa == TlsaView::None {
            found.push(Problem::new(Code::TlsaPartial).at_place(&exchange.exchange));
        }
    }
}
