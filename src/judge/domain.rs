//! What a domain amounts to, from its exchanges in order of preference and the servers behind them (RFC 5321 §5.1).

use super::facts::{FACTS, Fact, Rule, Server, TlsFacts, Truth, all, any, both, pack, preferred};
use crate::record::Reason;
use crate::x509::names::NameMatch;

/// Why a server did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It was not asked: no record, or this side could or would not connect.
    NotProbed,
    /// It said to come again.
    Deferred,
    /// It cannot be reached, or does not speak SMTP to us.
    Unreachable,
}

impl Silence {
    /// What the reason of an `smtp` record says, if the server did not answer; none: a word of a later version, or no
    /// record.
    pub fn from_reason(reason: Option<Reason>) -> Self {
        match reason {
            Some(
                Reason::BlockedAddress
                | Reason::Excluded
                | Reason::NoIpv6Here
                | Reason::Interrupted
                | Reason::Local,
            )
            | None => Self::NotProbed,
            Some(Reason::Deferred) => Self::Deferred,
            Some(_) => Self::Unreachable,
        }
    }
}

/// A server as one exchange leads to it: rows of the database by number, and facts, each in two bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// Row of `address`.
    pub address: u32,
    /// Row of `tls`; 0 for none.
    pub tls: u32,
    /// Row of `certificate`; 0 for none.
    pub leaf: u32,
    /// The facts; that about the domain's name is not in it before [`Route::names_domain`].
    pub facts: u32,
}

impl Route {
    /// A server with what its leaf says of the exchange's name; null: the leaf's names are not known.
    pub fn new(
        address: u32,
        tls: Option<u32>,
        leaf: Option<u32>,
        server: Server,
        named: Option<NameMatch>,
    ) -> Self {
        let mut route = Self {
            address,
            tls: tls.unwrap_or(0),
            leaf: leaf.unwrap_or(0),
            facts: 0,
        };
        let named = certificate_fact(Truth::from(server.tls), named.map(is_named));
        route.set(Fact::Esmtp, server.esmtp);
        route.set(Fact::Advertised, server.advertised);
        route.set(Fact::Accepted, server.accepted);
        route.set(Fact::Tls, server.tls);
        route.set(Fact::Valid, server.valid);
        route.set(Fact::NamesExchange, named);
        route.set(Fact::Trusted, both(server.valid, named));
        route
    }

    /// A fact of it.
    pub fn truth(self, fact: Fact) -> Truth {
        match (self.facts >> (fact as u32 * 2)) & 3 {
            1 => Truth::No,
            2 => Truth::Yes,
            _ => Truth::Unknown,
        }
    }

    /// Notes a fact, once.
    pub fn set(&mut self, fact: Fact, value: Option<bool>) {
        self.facts |= (Truth::from(value) as u32) << (fact as u32 * 2);
    }

    /// The same server as a domain sees it, with what its leaf says of the domain's name.
    pub fn names_domain(mut self, named: Option<NameMatch>) -> Self {
        self.set(
            Fact::NamesDomain,
            certificate_fact(self.truth(Fact::Tls), named.map(is_named)),
        );
        self
    }

    /// EHLO or HELO was answered.
    pub fn answers(self) -> bool {
        self.truth(Fact::Esmtp) != Truth::Unknown
    }
}

/// Where there is no TLS there is no certificate that could name anything.
fn certificate_fact(tls: Truth, named: Option<bool>) -> Option<bool> {
    if tls == Truth::No { Some(false) } else { named }
}

/// The common name alone does not count today (RFC 9525 §6.3).
fn is_named(named: NameMatch) -> bool {
    named == NameMatch::AlternativeName
}

/// How the questions for the addresses of an exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// No address is known, and one may exist: a question failed, or was not asked.
    pub unlearned: bool,
    /// There may be more addresses than are known: a question failed.
    pub is_open: bool,
}

impl Resolution {
    /// From the ends of the questions for A and AAAA (none: not asked), and whether an address is known.
    pub fn new(ipv4: Option<Reason>, ipv6: Option<Reason>, has_address: bool) -> Self {
        Self {
            unlearned: !has_address && !has_no_address(ipv4, ipv6),
            is_open: [ipv4, ipv6]
                .into_iter()
                .flatten()
                .any(|reason| !is_answer(reason)),
        }
    }
}

/// Whether the ends of the questions for A and AAAA say for sure that a name has no address: it does not exist, or
/// both types are missing. A question that was not asked says nothing.
fn has_no_address(ipv4: Option<Reason>, ipv6: Option<Reason>) -> bool {
    let is_missing = |reason: Option<Reason>| reason.is_some_and(is_answer);
    [ipv4, ipv6].contains(&Some(Reason::Nxdomain)) || is_missing(ipv4) && is_missing(ipv6)
}

/// Whether a question for addresses was answered, one way or the other.
fn is_answer(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Ok | Reason::Nxdomain | Reason::NoData | Reason::NoAddress
    )
}

/// The status of a domain that has no exchange to look at, or says that it takes no mail.
pub fn without_exchanges(reason: Option<Reason>, empty: bool) -> Option<&'static str> {
    Some(match reason {
        Some(Reason::NullMx) => "null_mx",
        Some(Reason::Nxdomain) => "nxdomain",
        Some(Reason::NoData | Reason::NoAddress) if empty => "no_address",
        Some(Reason::InvalidName) => "invalid_name",
        _ if empty => "dns",
        _ => return None,
    })
}

/// An exchange of a domain.
#[derive(Clone, Copy, Debug)]
pub struct Choice {
    /// Its preference in the MX record.
    pub preference: u32,
    /// Row of `exchange`.
    pub exchange: u32,
    /// How its addresses were learned.
    pub resolution: Resolution,
}

/// A server of a domain: preference, row of `exchange`, and the server.
pub type Reached = (u32, u32, Route);

/// What a domain with exchanges amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DomainVerdict {
    /// `answered`, `deferred`, `unreachable`, `not_probed`, `dns`, `no_address`.
    pub status: &'static str,
    /// A better preference was passed over, none of whose servers answered.
    pub not_best: bool,
    /// The facts under every rule, packed.
    pub facts: i64,
    /// Row of `exchange` that the server which stands for the domain is reached by.
    pub exchange: Option<u32>,
    /// Row of `tls` of that server; 0 for none with TLS.
    pub tls: u32,
}

impl DomainVerdict {
    /// Judges a domain. `choices` and `servers` are in order of preference, and with one preference in that of the
    /// exchanges' names and of the addresses: of servers that are alike the first stands for the domain. `silence` says
    /// why an address did not answer.
    pub fn new(choices: &[Choice], servers: &[Reached], silence: impl Fn(u32) -> Silence) -> Self {
        let unlearned = choices.iter().any(|it| it.resolution.unlearned);
        // Servers behind addresses that were not learned are unknown ones.
        let is_open = unlearned || choices.iter().any(|it| it.resolution.is_open);
        let answered = servers
            .iter()
            .find(|(_, _, route)| route.answers())
            .map(|&(preference, ..)| preference);
        let mut verdict = Self {
            status: match answered {
                Some(_) => "answered",
                None if servers.is_empty() && unlearned => "dns",
                None if servers.is_empty() => "no_address",
                None => silent(servers, silence),
            },
            not_best: answered.is_some()
                && answered != choices.first().map(|choice| choice.preference),
            ..Self::default()
        };
        if verdict.status == "no_address" {
            return verdict;
        }
        let tried = || {
            servers
                .iter()
                .filter(|(preference, _, route)| Some(*preference) == answered && route.answers())
        };
        for fact in FACTS {
            let every = || {
                let known = servers.iter().map(|(_, _, route)| route.truth(fact));
                known.chain(is_open.then_some(Truth::Unknown))
            };
            pack(&mut verdict.facts, fact, Rule::Any, any(every()));
            pack(&mut verdict.facts, fact, Rule::All, all(every()));
            let tried = tried().map(|(_, _, route)| route.truth(fact));
            pack(&mut verdict.facts, fact, Rule::Preferred, preferred(tried));
        }
        let stands = tried()
            .find(|(_, _, route)| route.truth(Fact::Tls) == Truth::Yes)
            .or_else(|| tried().next());
        if let Some(&(_, exchange, route)) = stands {
            verdict.exchange = Some(exchange);
            if route.truth(Fact::Tls) == Truth::Yes {
                verdict.tls = route.tls;
            }
        }
        verdict
    }
}

/// Why none of the servers answered: one that may answer later decides.
fn silent(servers: &[Reached], silence: impl Fn(u32) -> Silence) -> &'static str {
    let silences = || servers.iter().map(|(_, _, route)| silence(route.address));
    if silences().any(|silence| silence == Silence::Deferred) {
        "deferred"
    } else if silences().any(|silence| silence == Silence::Unreachable) {
        "unreachable"
    } else {
        "not_probed"
    }
}

/// A server with a handshake, as far as both are known.
pub fn server(probed: Option<Server>, handshake: Option<TlsFacts>) -> Server {
    probed.unwrap_or_default().with_handshake(handshake)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(address: u32, tls: Option<bool>) -> Route {
        let server = Server {
            esmtp: Some(true),
            tls,
            ..Server::default()
        };
        Route::new(address, Some(address), None, server, None)
    }

    fn choice(preference: u32, resolution: Resolution) -> Choice {
        Choice {
            preference,
            exchange: preference,
            resolution,
        }
    }

    fn tls(verdict: &DomainVerdict, rule: Rule) -> Truth {
        super::super::unpack(verdict.facts, Fact::Tls, rule)
    }

    #[test]
    fn a_better_preference_that_is_silent_is_passed_over() {
        let silent = Route {
            address: 1,
            ..Route::default()
        };
        let known = Resolution::default();
        let servers = [(10, 10, silent), (20, 20, route(2, Some(true)))];
        let verdict = DomainVerdict::new(&[choice(10, known), choice(20, known)], &servers, |_| {
            Silence::Deferred
        });
        assert_eq!(verdict.status, "answered");
        assert!(verdict.not_best);
        assert_eq!(tls(&verdict, Rule::Preferred), Truth::Yes);
        assert_eq!(tls(&verdict, Rule::All), Truth::Unknown);
        assert_eq!((verdict.exchange, verdict.tls), (Some(20), 2));
    }

    #[test]
    fn an_address_that_may_exist_keeps_all_open_and_any_undenied() {
        let open = Resolution::new(Some(Reason::Ok), Some(Reason::Timeout), true);
        let of = |value| {
            DomainVerdict::new(&[choice(10, open)], &[(10, 10, route(1, value))], |_| {
                Silence::NotProbed
            })
        };
        assert_eq!(tls(&of(Some(true)), Rule::Any), Truth::Yes);
        assert_eq!(tls(&of(Some(true)), Rule::All), Truth::Unknown);
        assert_eq!(tls(&of(Some(false)), Rule::Any), Truth::Unknown);
        assert_eq!(tls(&of(Some(false)), Rule::All), Truth::No);
    }

    #[test]
    fn no_server_at_all_is_told_apart() {
        let none = |ipv4, ipv6| {
            let resolution = Resolution::new(ipv4, ipv6, false);
            DomainVerdict::new(&[choice(0, resolution)], &[], |_| Silence::NotProbed).status
        };
        assert_eq!(none(Some(Reason::Nxdomain), None), "no_address");
        assert_eq!(
            none(Some(Reason::NoData), Some(Reason::NoData)),
            "no_address"
        );
        assert_eq!(none(Some(Reason::NoData), None), "dns");
        assert_eq!(none(Some(Reason::Timeout), Some(Reason::NoData)), "dns");
    }

    #[test]
    fn one_that_may_answer_later_decides_why_nobody_did() {
        let routes = [1, 2, 3].map(|address| {
            let route = Route {
                address,
                ..Route::default()
            };
            (10, 10, route)
        });
        let status = |silence: fn(u32) -> Silence| {
            DomainVerdict::new(&[choice(10, Resolution::default())], &routes, silence).status
        };
        assert_eq!(status(|_| Silence::NotProbed), "not_probed");
        let third = |address| match address {
            3 => Silence::Unreachable,
            _ => Silence::NotProbed,
        };
        assert_eq!(status(third), "unreachable");
        let second = |address| match address {
            2 => Silence::Deferred,
            _ => Silence::Unreachable,
        };
        assert_eq!(status(second), "deferred");
    }
}
