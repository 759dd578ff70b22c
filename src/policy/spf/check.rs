//! check_host() (RFC 7208 §4): what a domain's record says of one client.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::future::{BoxFuture, FutureExt as _};

use super::grammar::{Directive, Mechanism, Modifier, Prefixes, SpfRecord, Term};
use super::macros::{MacroPlace, MacroString, Values, dotted};
use super::{Selected, select};
use crate::dns::name::Name;
use crate::policy::lookup::{FoundRecords, Lookup, LookupAnswer, Txt};
use crate::record::{Fault, PolicyFault, SpfResult};

/// Terms that ask the DNS, over the whole evaluation (RFC 7208 §4.6.4).
pub const LOOKUP_LIMIT: u32 = 10;
/// Questions without an answer (RFC 7208 §4.6.4).
pub const VOID_LIMIT: u32 = 2;
/// MX records behind one `mx`; PTR records that are looked at (RFC 7208 §4.6.4).
pub const NAME_LIMIT: usize = 10;
/// Octets of an explanation that are kept.
const EXPLANATION_LIMIT: usize = 1024;

/// Who wants to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpfClient {
    /// The address that connects.
    pub ip: IpAddr,
    /// The part of the sender before the last `@`; empty stands for `postmaster` (RFC 7208 §4.3).
    pub local: Vec<u8>,
    /// The part behind it.
    pub domain: Vec<u8>,
    /// What EHLO or HELO said.
    pub helo: Vec<u8>,
    /// Who asks, for `%{r}`.
    pub receiver: Vec<u8>,
    /// Seconds since 1970, for `%{t}`.
    pub seconds: u64,
}

impl SpfClient {
    /// A client with the sender of a MAIL command; the empty one is `postmaster` at the HELO name (RFC 7208 §2.4).
    pub fn new(ip: IpAddr, sender: &[u8], helo: &[u8]) -> Self {
        let (local, domain) = match memchr::memrchr(b'@', sender) {
            Some(at) => (&sender[..at], &sender[at + 1..]),
            None if sender.is_empty() => (&b""[..], helo),
            None => (&b""[..], sender),
        };
        Self {
            ip: ip.to_canonical(),
            local: local.into(),
            domain: domain.into(),
            helo: helo.into(),
            receiver: b"unknown".to_vec(),
            seconds: 0,
        }
    }

    fn local(&self) -> &[u8] {
        match self.local.is_empty() {
            true => b"postmaster",
            false => &self.local,
        }
    }
}

/// What check_host() came to.
#[derive(Clone, Debug, PartialEq)]
pub struct SpfCheck {
    /// The result.
    pub result: SpfResult,
    /// What made it a permerror, or the term that matched nothing it should have.
    pub fault: Option<Fault>,
    /// The directive that matched, as it stands in the record that has it.
    pub term: Option<Vec<u8>>,
    /// What the domain says of a fail, expanded.
    pub explanation: Option<Vec<u8>>,
    /// Terms that asked.
    pub lookups: u32,
    /// Questions without an answer.
    pub voids: u32,
}

/// Evaluates the record of `domain` for a client. `domain` is any text; what is no name of two labels has no record
/// (RFC 7208 §4.3).
pub async fn check_host<L: Lookup>(lookup: &L, client: &SpfClient, domain: &[u8]) -> SpfCheck {
    let mut check = Check {
        lookup,
        client,
        lookups: 0,
        voids: 0,
        validated: None,
        fault: None,
    };
    let mut checked = SpfCheck {
        result: SpfResult::None,
        fault: None,
        term: None,
        explanation: None,
        lookups: 0,
        voids: 0,
    };
    if let Some(name) = name_of_domain(domain) {
        let answer = check.lookup.txt(&name).await;
        let end = check.host(name, answer).await;
        checked.result = end.result.unwrap_or_else(|stop| stop.result());
        checked.term = end.term;
        if let (SpfResult::Fail, Some((modifier, name))) = (checked.result, end.explanation) {
            checked.explanation = check.explain(&modifier, &name).await;
        }
    }
    checked.fault = check.fault;
    checked.lookups = check.lookups;
    checked.voids = check.voids;
    checked
}

/// A domain that may have a record: a name of two labels at least.
pub fn name_of_domain(domain: &[u8]) -> Option<Name> {
    Name::from_octets(domain).filter(|name| name.labels().count() > 1)
}

/// Why an evaluation ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// A question failed.
    Temporary,
    /// The record is not to be used.
    Permanent,
}

impl Stop {
    fn result(self) -> SpfResult {
        match self {
            Self::Temporary => SpfResult::Temperror,
            Self::Permanent => SpfResult::Permerror,
        }
    }
}

/// What a record comes to.
struct End {
    result: Result<SpfResult, Stop>,
    term: Option<Vec<u8>>,
    /// The `exp=` that would speak, and the domain whose it is.
    explanation: Option<(Modifier, Name)>,
}

impl End {
    fn new(result: Result<SpfResult, Stop>) -> Self {
        Self {
            result,
            term: None,
            explanation: None,
        }
    }
}

struct Check<'c, L> {
    lookup: &'c L,
    client: &'c SpfClient,
    lookups: u32,
    voids: u32,
    /// The client's validated names, once they have been asked for, and the questions on the way without an answer.
    validated: Option<(Vec<Name>, u32)>,
    fault: Option<Fault>,
}

impl<'c, L: Lookup> Check<'c, L> {
    /// Recursion ends at the limit of lookups: every way in here but the first counts one.
    fn host(&mut self, name: Name, answer: LookupAnswer<Txt>) -> BoxFuture<'_, End> {
        async move {
            let record = match select(&answer) {
                Selected::Failed(_) => return End::new(Err(Stop::Temporary)),
                Selected::None => return End::new(Ok(SpfResult::None)),
                Selected::Multiple(_) => {
                    let fault = Fault::new(PolicyFault::Multiple).under(&name);
                    return End::new(Err(self.permanent(fault)));
                }
                Selected::One(text) => SpfRecord::parse(&text),
            };
            if let Some(fault) = record.faults.first() {
                return End::new(Err(self.permanent(fault.clone().under(&name))));
            }
            for directive in &record.directives {
                match self.matches(directive, &name).await {
                    Ok(false) => {}
                    Ok(true) => {
                        return End {
                            result: Ok(directive.qualifier),
                            term: Some(directive.term.text.clone()),
                            explanation: record.explanation.map(|modifier| (modifier, name)),
                        };
                    }
                    Err(stop) => return End::new(Err(stop)),
                }
            }
            match record.redirect {
                Some(redirect) => self.redirect(redirect, &name).await,
                None => End::new(Ok(SpfResult::Neutral)),
            }
        }
        .boxed()
    }

    /// The record that a term points to; its question counts as every term's does (RFC 7208 §4.6.4).
    async fn pointed_to(&mut self, name: Name) -> End {
        let answer = self.lookup.txt(&name).await;
        match self.note(&answer) {
            Ok(()) => self.host(name, answer).await,
            Err(stop) => End::new(Err(stop)),
        }
    }

    fn permanent(&mut self, fault: Fault) -> Stop {
        self.fault.get_or_insert(fault);
        Stop::Permanent
    }

    async fn redirect(&mut self, modifier: Modifier, name: &Name) -> End {
        let none =
            |term: &Term| Fault::new(PolicyFault::IncludeNone).in_term(term.offset, &term.text);
        let target = match self.count(&modifier.term) {
            Ok(()) => self.target(Some(&modifier.target), name).await,
            Err(stop) => return End::new(Err(stop)),
        };
        let end = match target {
            Ok(Some(target)) => self.pointed_to(target).await,
            Ok(None) => End::new(Ok(SpfResult::None)),
            Err(stop) => End::new(Err(stop)),
        };
        match end.result {
            // RFC 7208 §6.1: no record there, or no name, is a permerror.
            Ok(SpfResult::None) => End::new(Err(self.permanent(none(&modifier.term).under(name)))),
            _ => end,
        }
    }

    /// Counts a term that asks.
    fn count(&mut self, term: &Term) -> Result<(), Stop> {
        self.lookups += 1;
        match self.lookups > LOOKUP_LIMIT {
            true => {
                let fault = Fault::new(PolicyFault::LookupLimit);
                Err(self.permanent(fault.in_term(term.offset, &term.text)))
            }
            false => Ok(()),
        }
    }

    /// Counts an answer without records.
    fn note<T>(&mut self, answer: &LookupAnswer<T>) -> Result<(), Stop> {
        self.add_voids(u32::from(answer.is_void()))
    }

    fn add_voids(&mut self, count: u32) -> Result<(), Stop> {
        self.voids += count;
        match self.voids > VOID_LIMIT {
            true => Err(self.permanent(Fault::new(PolicyFault::VoidLimit))),
            false => Ok(()),
        }
    }

    /// A target-name; `None` where it is no name, which is as if it did not exist (RFC 7208 §4.8).
    async fn target(
        &mut self,
        spec: Option<&MacroString>,
        domain: &Name,
    ) -> Result<Option<Name>, Stop> {
        let Some(spec) = spec else {
            return Ok(Some(domain.clone()));
        };
        if spec.has(b'p') && self.validated.is_none() {
            // The PTR question of %{p} is one of the ten (RFC 7208 §4.6.4).
            self.count(&Term {
                offset: 0,
                text: b"%{p}".to_vec(),
            })?;
            self.validate().await?;
        }
        Ok((spec.expand_name(&self.values(domain))).and_then(|name| Name::from_octets(&name)))
    }

    fn values<'a>(&'a self, domain: &'a Name) -> ClientValues<'a> {
        ClientValues {
            client: self.client,
            domain: octets(domain),
            validated: (self.validated.as_ref()).map_or(&[][..], |(names, _)| names),
            domain_name: domain,
        }
    }

    async fn matches(&mut self, directive: &Directive, domain: &Name) -> Result<bool, Stop> {
        if directive.mechanism.asks() {
            self.count(&directive.term)?;
        }
        let ip = self.client.ip;
        match &directive.mechanism {
            Mechanism::All => Ok(true),
            Mechanism::Ip4(network, prefix) => Ok(is_in(ip, IpAddr::V4(*network), *prefix)),
            Mechanism::Ip6(network, prefix) => Ok(is_in(ip, IpAddr::V6(*network), *prefix)),
            Mechanism::Include(spec) => self.include(spec, &directive.term, domain).await,
            Mechanism::A(spec, prefixes) => {
                let Some(target) = self.target(spec.as_ref(), domain).await? else {
                    return Ok(false);
                };
                self.has_client(&target, *prefixes).await
            }
            Mechanism::Mx(spec, prefixes) => {
                let Some(target) = self.target(spec.as_ref(), domain).await? else {
                    return Ok(false);
                };
                self.mx_has_client(&target, *prefixes, &directive.term)
                    .await
            }
            Mechanism::Ptr(spec) => {
                let Some(target) = self.target(spec.as_ref(), domain).await? else {
                    return Ok(false);
                };
                self.validate().await?;
                let mut names = self.validated.iter().flat_map(|(names, _)| names);
                Ok(names.any(|name| name.is_within(&target)))
            }
            Mechanism::Exists(spec) => {
                let Some(target) = self.target(Some(spec), domain).await? else {
                    return Ok(false);
                };
                let answer = self.lookup.ipv4(&target).await;
                self.note(&answer)?;
                records(&answer).map(|found| !found.is_empty())
            }
        }
    }

    async fn include(
        &mut self,
        spec: &MacroString,
        term: &Term,
        domain: &Name,
    ) -> Result<bool, Stop> {
        let target = self.target(Some(spec), domain).await?;
        let result = match target {
            Some(target) => self.pointed_to(target).await.result?,
            None => SpfResult::None,
        };
        match result {
            SpfResult::Pass => Ok(true),
            SpfResult::None => {
                let fault = Fault::new(PolicyFault::IncludeNone).in_term(term.offset, &term.text);
                Err(self.permanent(fault.under(domain)))
            }
            _ => Ok(false),
        }
    }

    /// Whether the client is in a network around an address of `name`, of its own family.
    async fn has_client(&mut self, name: &Name, prefixes: Prefixes) -> Result<bool, Stop> {
        match self.client.ip {
            IpAddr::V4(ip) => {
                let answer = self.lookup.ipv4(name).await;
                self.note(&answer)?;
                let is_near = |found: &Ipv4Addr| is_in(ip.into(), (*found).into(), prefixes.ipv4);
                Ok(records(&answer)?.iter().any(is_near))
            }
            IpAddr::V6(ip) => {
                let answer = self.lookup.ipv6(name).await;
                self.note(&answer)?;
                let is_near = |found: &Ipv6Addr| is_in(ip.into(), (*found).into(), prefixes.ipv6);
                Ok(records(&answer)?.iter().any(is_near))
            }
        }
    }

    /// RFC 7208 §5.4: "performs an address lookup on each MX name returned", and then compares. So the answer does not
    /// hang on the order in which the records came.
    async fn mx_has_client(
        &mut self,
        name: &Name,
        prefixes: Prefixes,
        term: &Term,
    ) -> Result<bool, Stop> {
        let answer = self.lookup.mx(name).await;
        self.note(&answer)?;
        let exchanges = records(&answer)?;
        if exchanges.len() > NAME_LIMIT {
            let fault = Fault::new(PolicyFault::MxLimit).in_term(term.offset, &term.text);
            return Err(self.permanent(fault.under(name)));
        }
        let mut is_match = false;
        for (_, exchange) in exchanges {
            // A null MX (RFC 7505) has no address to ask for.
            if !exchange.is_root() {
                is_match |= self.has_client(exchange, prefixes).await?;
            }
        }
        Ok(is_match)
    }

    /// The names of the client that lead back to it (RFC 7208 §5.5). A failure there is no failure of the record.
    async fn validate(&mut self) -> Result<(), Stop> {
        if let Some((_, voids)) = self.validated {
            // Each term has them, though they are asked once.
            return self.add_voids(voids);
        }
        let before = self.voids;
        let ip = self.client.ip;
        let answer = self.lookup.ptr(ip).await;
        self.note(&answer)?;
        let mut names = Vec::new();
        for name in answer.records().iter().take(NAME_LIMIT) {
            let is_valid = match ip {
                IpAddr::V4(ip) => {
                    let answer = self.lookup.ipv4(name).await;
                    self.note(&answer)?;
                    answer.records().contains(&ip)
                }
                IpAddr::V6(ip) => {
                    let answer = self.lookup.ipv6(name).await;
                    self.note(&answer)?;
                    answer.records().contains(&ip)
                }
            };
            if is_valid {
                names.push(name.clone());
            }
        }
        self.validated = Some((names, self.voids - before));
        Ok(())
    }

    /// RFC 7208 §6.2: whatever is wrong on the way, there is no explanation. Nothing here counts.
    async fn explain(&mut self, modifier: &Modifier, domain: &Name) -> Option<Vec<u8>> {
        if modifier.target.has(b'p') {
            self.validate_uncounted().await;
        }
        let target = modifier.target.expand_name(&self.values(domain))?;
        let answer = self.lookup.txt(&Name::from_octets(&target)?).await;
        let [text] = answer.records() else {
            return None;
        };
        let text = MacroString::parse(text, MacroPlace::Explanation).ok()?;
        if text.has(b'p') {
            self.validate_uncounted().await;
        }
        text.expand(&self.values(domain), EXPLANATION_LIMIT)
    }

    async fn validate_uncounted(&mut self) {
        let (voids, fault) = (self.voids, self.fault.clone());
        self.voids = 0;
        let _ = self.validate().await;
        (self.voids, self.fault) = (voids, fault);
    }
}

/// The records of an answer, none where there are none; a stop where that is not known.
fn records<T>(answer: &LookupAnswer<T>) -> Result<&[T], Stop> {
    match &answer.found {
        FoundRecords::Failed(_) => Err(Stop::Temporary),
        _ => Ok(answer.records()),
    }
}

/// Whether an address is in the network of `prefix` bits around another one of its family.
fn is_in(ip: IpAddr, network: IpAddr, prefix: u8) -> bool {
    match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            (u32::from(ip) ^ u32::from(network)) & mask == 0
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            (u128::from(ip) ^ u128::from(network)) & mask == 0
        }
        _ => false,
    }
}

/// A name as octets between dots, nothing escaped: what `%{d}` stands for.
pub fn octets(name: &Name) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.wire().len());
    for label in name.labels() {
        text.extend_from_slice(label);
        text.push(b'.');
    }
    text.pop();
    text
}

struct ClientValues<'a> {
    client: &'a SpfClient,
    domain: Vec<u8>,
    domain_name: &'a Name,
    validated: &'a [Name],
}

impl Values for ClientValues<'_> {
    fn value(&self, letter: u8) -> Option<Cow<'_, [u8]>> {
        let client = self.client;
        Some(match letter {
            b's' => Cow::Owned([client.local(), b"@", &client.domain].concat()),
            b'l' => Cow::Borrowed(client.local()),
            b'o' => Cow::Borrowed(&client.domain),
            b'd' => Cow::Borrowed(&self.domain),
            b'i' => Cow::Owned(dotted(client.ip).into_bytes()),
            b'p' => Cow::Owned(self.validated_name()),
            b'v' => Cow::Borrowed(match client.ip {
                IpAddr::V4(_) => b"in-addr",
                IpAddr::V6(_) => b"ip6",
            }),
            b'h' => Cow::Borrowed(&client.helo),
            b'c' => Cow::Owned(client.ip.to_string().into_bytes()),
            b'r' => Cow::Borrowed(&client.receiver),
            b't' => Cow::Owned(client.seconds.to_string().into_bytes()),
            _ => return None,
        })
    }
}

impl ClientValues<'_> {
    /// RFC 7208 §7.3: the domain itself, else a name below it, else any, else `unknown`.
    fn validated_name(&self) -> Vec<u8> {
        let own = self.validated.iter().find(|name| *name == self.domain_name);
        let below = || (self.validated.iter()).find(|name| name.is_within(self.domain_name));
        match own.or_else(below).or(self.validated.first()) {
            Some(name) => octets(name),
            None => b"unknown".to_vec(),
        }
    }
}
