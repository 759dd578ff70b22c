//! What an SPF record comes to whoever the client is: the look-ups and voids of a client that matches nothing, the
//! addresses that pass, the records it is made of, and what is wrong in any of them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::future::{BoxFuture, FutureExt as _};

use super::check::{LOOKUP_LIMIT, NAME_LIMIT, VOID_LIMIT, name_of_domain, octets};
use super::grammar::{Directive, Mechanism, Modifier, Prefixes, SpfRecord, Term};
use super::macros::{MacroString, Values};
use super::space::{IPV4, IPV6, Space};
use super::{Selected, select};
use crate::dns::name::Name;
use crate::policy::faults::Faults;
use crate::policy::lookup::{FoundRecords, Lookup, LookupAnswer, Txt};
use crate::record::{
    Dangling, Fault, Outcome, PolicyFault, PolicyState, Spf, SpfInclude, SpfResult, Text,
};

/// Terms that ask, beyond which nothing is followed: ten times what a receiver follows.
const WALK_LIMIT: u32 = 100;
/// Names of which it is asked whether somebody could register them.
const DANGLING_LIMIT: usize = 10;
/// Networks of IPv6 that are listed.
const NETWORKS_LISTED: usize = 1000;
/// Octets that a record should not exceed (RFC 7208 §3.4).
const LENGTH_ADVISED: usize = 450;

/// Reads the record of `domain` and all that it includes.
pub async fn survey<L: Lookup>(lookup: &L, domain: &Name) -> Spf {
    let answer = lookup.txt(domain).await;
    let mut spf = Spf::new(PolicyState::Absent);
    match select(&answer) {
        Selected::Failed(outcome) => {
            spf.state = PolicyState::Unknown;
            spf.outcome = Some(outcome);
        }
        Selected::None => spf.faults = near_misses(&answer),
        Selected::Multiple(texts) => {
            spf.state = PolicyState::Multiple;
            spf.text = texts.iter().map(|text| Text::from(&text[..])).collect();
            spf.faults = vec![Fault::new(PolicyFault::Multiple)];
            spf.unmatched_ipv4 = Some(SpfResult::Permerror);
            spf.unmatched_ipv6 = Some(SpfResult::Permerror);
        }
        Selected::One(text) => {
            spf.text = vec![Text::from(&text[..])];
            let mut walk = Walk::new(lookup, domain);
            let walked = walk.record(domain.clone(), text, 0, [true; 2]).await;
            walk.ask_who_is_free().await;
            walk.fill(&mut spf, walked);
        }
    }
    spf
}

/// Texts that would be records if they began exactly as one.
fn near_misses(answer: &LookupAnswer<Txt>) -> Vec<Fault> {
    let mut faults = Faults::default();
    for text in answer.records() {
        let begin: Vec<u8> = (text.iter().copied())
            .filter(|octet| !octet.is_ascii_whitespace() && !b"\"'".contains(octet))
            .take(6)
            .collect();
        let begin = begin.to_ascii_lowercase();
        if begin == b"v=spf1"
            || begin == b"v=spf2"
            || begin.starts_with(b"v=spf-")
            || begin == b"v=spf,"
        {
            let shown = &text[..text.len().min(LENGTH_ADVISED)];
            faults.push(Fault::new(PolicyFault::NearMiss).in_term(0, shown));
        }
    }
    faults.into()
}

impl Spf {
    fn new(state: PolicyState) -> Self {
        Self {
            state,
            outcome: None,
            text: Vec::new(),
            faults: Vec::new(),
            unmatched_ipv4: None,
            unmatched_ipv6: None,
            all: None,
            lookups_least: None,
            lookups_most: None,
            voids_ipv4: None,
            voids_ipv6: None,
            macros: None,
            ipv4_addresses: None,
            ipv6_networks: Vec::new(),
            includes: Vec::new(),
            dangling: Vec::new(),
            client: None,
        }
    }
}

/// What a record comes to, for each family.
struct Walked {
    /// For a client that no mechanism matches.
    result: [SpfResult; 2],
    /// Whom it lets pass.
    pass: [Space; 2],
    /// The qualifier of the `all` that was reached.
    all: Option<SpfResult>,
}

struct Walk<'l, L> {
    lookup: &'l L,
    domain: &'l Name,
    lookups: u32,
    /// The count is a lower bound.
    is_open: bool,
    voids: [u32; 2],
    has_macros: bool,
    faults: Faults,
    /// The first question that failed.
    failure: Option<Outcome>,
    includes: Vec<SpfInclude>,
    dangling: Vec<(Name, Term)>,
    dangling_told: Vec<Dangling>,
    /// The records one is in, from the domain's own.
    path: Vec<Name>,
}

/// What a mechanism matches, as far as that does not hang on the client.
enum Reach {
    /// These networks.
    Networks([Space; 2]),
    /// Whoever passes the included record.
    Included(Walked),
    /// It hangs on the client.
    Client,
}

/// Where one stands in a record, for one family.
#[derive(Clone, Default)]
struct Reading {
    /// Addresses that a term has matched already.
    decided: Space,
    pass: Space,
    /// How it ended.
    result: Option<SpfResult>,
    /// Every client has been matched: nobody reads on.
    is_over: bool,
}

impl<'l, L: Lookup> Walk<'l, L> {
    fn new(lookup: &'l L, domain: &'l Name) -> Self {
        Self {
            lookup,
            domain,
            lookups: 0,
            is_open: false,
            voids: [0; 2],
            has_macros: false,
            faults: Faults::default(),
            failure: None,
            includes: Vec::new(),
            dangling: Vec::new(),
            dangling_told: Vec::new(),
            path: Vec::new(),
        }
    }

    /// Walks a record. `live`: the families of which a client may come this far.
    fn record(
        &mut self,
        name: Name,
        text: Txt,
        depth: u32,
        live: [bool; 2],
    ) -> BoxFuture<'_, Walked> {
        async move {
            let record = SpfRecord::parse(&text);
            for fault in &record.faults {
                self.fault(fault.clone(), &name);
            }
            self.advise(&record, &text, &name);
            self.path.push(name.clone());
            let mut readings = [Reading::default(), Reading::default()];
            if !record.is_valid() {
                // Read on, for what else is wrong; but it is a permerror for everybody.
                readings.iter_mut().for_each(Reading::is_broken);
            }
            let mut all = None;
            for directive in &record.directives {
                let live = [0, 1].map(|family| live[family] && !readings[family].is_over);
                if live == [false; 2] {
                    break;
                }
                if directive.mechanism == Mechanism::All {
                    all = Some(directive.qualifier);
                }
                self.directive(directive, &name, depth, live, &mut readings)
                    .await;
            }
            let open = [0, 1].map(|family| live[family] && !readings[family].is_over);
            if let (Some(redirect), None, true) =
                (&record.redirect, record.all(), open != [false; 2])
            {
                let walked = self.redirect(redirect, &name, depth, open).await;
                all = walked.as_ref().ok().and_then(|walked| walked.all);
                for (family, reading) in readings.iter_mut().enumerate() {
                    reading.take_over(walked.as_ref(), family);
                }
            }
            self.path.pop();
            let [ipv4, ipv6] = readings;
            Walked {
                result: [&ipv4, &ipv6].map(|reading| reading.result.unwrap_or(SpfResult::Neutral)),
                pass: [ipv4.pass, ipv6.pass],
                all,
            }
        }
        .boxed()
    }

    /// What is allowed and yet worth to be told.
    fn advise(&mut self, record: &SpfRecord, text: &[u8], name: &Name) {
        if text.len() > LENGTH_ADVISED {
            self.fault(Fault::new(PolicyFault::TooLong), name);
        }
        let all = record.all();
        if let Some(position) = all {
            let code = match record.directives[position].qualifier {
                SpfResult::Pass => Some(PolicyFault::AllPlus),
                SpfResult::Neutral => Some(PolicyFault::AllNeutral),
                _ => None,
            };
            let term = &record.directives[position].term;
            if let (Some(code), true) = (code, self.path.is_empty()) {
                self.fault(Fault::new(code).in_term(term.offset, &term.text), name);
            }
            let after = record
                .directives
                .get(position + 1)
                .map(|directive| &directive.term);
            let redirect = record.redirect.as_ref().map(|modifier| &modifier.term);
            for term in after.into_iter().chain(redirect) {
                let fault = Fault::new(PolicyFault::RecordAfterAll);
                self.fault(fault.in_term(term.offset, &term.text), name);
            }
        } else if record.redirect.is_none() && self.path.is_empty() {
            self.fault(Fault::new(PolicyFault::NoAll), name);
        }
    }

    /// Notes a fault, with the name if it is not the domain's own record.
    fn fault(&mut self, fault: Fault, name: &Name) {
        self.faults.push(match name == self.domain {
            true => fault,
            false => fault.under(name),
        });
    }

    fn term_fault(&mut self, code: PolicyFault, term: &Term, name: &Name) {
        self.fault(Fault::new(code).in_term(term.offset, &term.text), name);
    }

    async fn directive(
        &mut self,
        directive: &Directive,
        name: &Name,
        depth: u32,
        live: [bool; 2],
        readings: &mut [Reading; 2],
    ) {
        let is_over_limit = directive.mechanism.asks() && self.count(&directive.term, name);
        let before = self.voids;
        let reach = self.reach(directive, name, depth, live).await;
        for (family, reading) in readings.iter_mut().enumerate() {
            if !live[family] {
                continue;
            }
            let is_void = before[family] <= VOID_LIMIT && self.voids[family] > VOID_LIMIT;
            if is_void {
                self.term_fault(PolicyFault::VoidLimit, &directive.term, name);
            }
            if is_over_limit || is_void {
                reading.is_broken();
            }
            match &reach {
                Ok(Reach::Client) => {}
                Ok(Reach::Networks(spaces)) => {
                    reading.matched(&spaces[family], directive.qualifier, family);
                }
                Ok(Reach::Included(walked)) => match walked.result[family] {
                    SpfResult::Permerror | SpfResult::Temperror => {
                        reading.matched(&walked.pass[family], directive.qualifier, family);
                        reading.ended(walked.result[family]);
                    }
                    SpfResult::Pass => {
                        reading.matched(&Space::all(family), directive.qualifier, family);
                    }
                    _ => reading.matched(&walked.pass[family], directive.qualifier, family),
                },
                Err(result) => reading.ended(*result),
            }
        }
    }

    /// Counts a term that asks; whether it is one too many.
    fn count(&mut self, term: &Term, name: &Name) -> bool {
        self.lookups += 1;
        if self.lookups == LOOKUP_LIMIT + 1 {
            self.term_fault(PolicyFault::LookupLimit, term, name);
        }
        self.lookups > LOOKUP_LIMIT
    }

    /// The target of a term; `None` where it hangs on the client, and an error where it is no name.
    fn target(&mut self, spec: Option<&MacroString>, name: &Name) -> Option<Result<Name, ()>> {
        let Some(spec) = spec else {
            return Some(Ok(name.clone()));
        };
        // %{p} costs one more look-up, where a client has it evaluated.
        self.lookups += u32::from(spec.has(b'p'));
        let values = DomainValues {
            domain: octets(name),
            sender: octets(self.domain),
        };
        match spec.expand_name(&values) {
            Some(text) => Some(Name::from_octets(&text).ok_or(())),
            None => {
                self.has_macros = true;
                None
            }
        }
    }

    async fn reach(
        &mut self,
        directive: &Directive,
        name: &Name,
        depth: u32,
        live: [bool; 2],
    ) -> Result<Reach, SpfResult> {
        let none = || Reach::Networks(Default::default());
        let (spec, is_asked) = match &directive.mechanism {
            Mechanism::All => return Ok(Reach::Networks([Space::all(IPV4), Space::all(IPV6)])),
            Mechanism::Ip4(address, prefix) => {
                let space = Space::network(IpAddr::V4(*address), *prefix);
                return Ok(Reach::Networks([space, Space::default()]));
            }
            Mechanism::Ip6(address, prefix) => {
                // Its IPv4-mapped part matches no client: such a one counts as IPv4 (RFC 7208 §5).
                let space = Space::network(IpAddr::V6(*address), *prefix);
                return Ok(Reach::Networks([Space::default(), space]));
            }
            Mechanism::Include(spec) | Mechanism::Exists(spec) => (Some(spec), true),
            Mechanism::A(spec, _) | Mechanism::Mx(spec, _) => (spec.as_ref(), true),
            Mechanism::Ptr(spec) => (spec.as_ref(), false),
        };
        let target = self.target(spec, name);
        if !is_asked {
            self.term_fault(PolicyFault::PtrUsed, &directive.term, name);
            return Ok(Reach::Client);
        }
        let is_include = matches!(directive.mechanism, Mechanism::Include(_));
        let target = match target {
            None if is_include => {
                self.is_open = true;
                let shown = String::from_utf8_lossy(&directive.term.text).into_owned();
                self.note_include(shown, false, depth, PolicyState::Unknown);
                return Ok(Reach::Client);
            }
            None => return Ok(Reach::Client),
            Some(Err(())) if is_include => {
                self.term_fault(PolicyFault::IncludeNone, &directive.term, name);
                return Err(SpfResult::Permerror);
            }
            Some(Err(())) => return Ok(none()),
            Some(Ok(target)) => target,
        };
        if self.lookups > WALK_LIMIT {
            self.is_open = true;
            return Err(SpfResult::Permerror);
        }
        match &directive.mechanism {
            Mechanism::Include(_) => {
                let walked = self
                    .follow(target, &directive.term, name, false, depth, live)
                    .await?;
                Ok(Reach::Included(walked))
            }
            Mechanism::Exists(_) => {
                let answer = self.lookup.ipv4(&target).await;
                self.note(&answer, live);
                let is_there = !self.records(&answer)?.is_empty();
                Ok(match is_there {
                    true => Reach::Networks([Space::all(IPV4), Space::all(IPV6)]),
                    false => none(),
                })
            }
            Mechanism::Mx(spec, prefixes) => {
                self.exchanges(
                    &target,
                    spec.as_ref(),
                    *prefixes,
                    &directive.term,
                    name,
                    live,
                )
                .await
            }
            Mechanism::A(spec, prefixes) => {
                let spaces = self
                    .addresses(
                        &target,
                        *prefixes,
                        live,
                        spec.as_ref().map(|_| &directive.term),
                    )
                    .await?;
                Ok(Reach::Networks(spaces))
            }
            _ => Ok(none()),
        }
    }

    /// The networks around the addresses of a name, asked for in both families.
    async fn addresses(
        &mut self,
        target: &Name,
        prefixes: Prefixes,
        live: [bool; 2],
        term: Option<&Term>,
    ) -> Result<[Space; 2], SpfResult> {
        let (ipv4, ipv6) =
            futures::future::join(self.lookup.ipv4(target), self.lookup.ipv6(target)).await;
        self.note(&ipv4, [live[IPV4], false]);
        self.note(&ipv6, [false, live[IPV6]]);
        if let Some(term) = term {
            self.note_dangling(&ipv4, true, target, term);
        }
        let around4 = |address: &Ipv4Addr| Space::network((*address).into(), prefixes.ipv4);
        let around6 = |address: &Ipv6Addr| Space::network((*address).into(), prefixes.ipv6);
        Ok([
            Space::union(self.records(&ipv4)?.iter().map(around4)),
            Space::union(self.records(&ipv6)?.iter().map(around6)),
        ])
    }

    async fn exchanges(
        &mut self,
        target: &Name,
        spec: Option<&MacroString>,
        prefixes: Prefixes,
        term: &Term,
        name: &Name,
        live: [bool; 2],
    ) -> Result<Reach, SpfResult> {
        let answer = self.lookup.mx(target).await;
        self.note(&answer, live);
        self.note_dangling(&answer, spec.is_some(), target, term);
        let exchanges = self.records(&answer)?.to_vec();
        if exchanges.len() > NAME_LIMIT {
            self.term_fault(PolicyFault::MxLimit, term, name);
            return Err(SpfResult::Permerror);
        }
        let mut parts = Vec::new();
        for (_, exchange) in exchanges.iter().filter(|(_, exchange)| !exchange.is_root()) {
            parts.push(self.addresses(exchange, prefixes, live, None).await?);
        }
        let (ipv4, ipv6): (Vec<_>, Vec<_>) =
            parts.into_iter().map(|[ipv4, ipv6]| (ipv4, ipv6)).unzip();
        Ok(Reach::Networks([Space::union(ipv4), Space::union(ipv6)]))
    }

    /// Counts an answer without records, for the families that would have asked.
    fn note<T>(&mut self, answer: &LookupAnswer<T>, live: [bool; 2]) {
        for (family, is_live) in live.into_iter().enumerate() {
            self.voids[family] += u32::from(is_live && answer.is_void());
        }
    }

    /// The records of an answer; a failure is kept, and makes the result unknown.
    fn records<'a, T>(&mut self, answer: &'a LookupAnswer<T>) -> Result<&'a [T], SpfResult> {
        match &answer.found {
            FoundRecords::Failed(outcome) => {
                self.failure.get_or_insert_with(|| outcome.clone());
                Err(SpfResult::Temperror)
            }
            _ => Ok(answer.records()),
        }
    }

    /// A name that a term spells out, and that does not exist. `exists` may well point at nothing.
    fn note_dangling<T>(
        &mut self,
        answer: &LookupAnswer<T>,
        is_spelled: bool,
        target: &Name,
        term: &Term,
    ) {
        if is_spelled && matches!(answer.found, FoundRecords::Nxdomain) {
            self.dangling.push((target.clone(), term.clone()));
        }
    }

    fn note_include(&mut self, name: String, redirect: bool, depth: u32, state: PolicyState) {
        if self.includes.len() < WALK_LIMIT as usize {
            self.includes.push(SpfInclude {
                registered_domain: psl::domain_str(&name).map(str::to_owned),
                name,
                redirect,
                depth,
                state,
            });
        }
    }

    async fn redirect(
        &mut self,
        modifier: &Modifier,
        name: &Name,
        depth: u32,
        live: [bool; 2],
    ) -> Result<Walked, SpfResult> {
        let term = &modifier.term;
        let is_over_limit = self.count(term, name);
        let walked = match self.target(Some(&modifier.target), name) {
            None => {
                self.is_open = true;
                let shown = String::from_utf8_lossy(&term.text).into_owned();
                self.note_include(shown, true, depth, PolicyState::Unknown);
                // What it says hangs on the client.
                Err(SpfResult::Neutral)
            }
            Some(Err(())) => {
                self.term_fault(PolicyFault::IncludeNone, term, name);
                Err(SpfResult::Permerror)
            }
            Some(Ok(_)) if self.lookups > WALK_LIMIT => {
                self.is_open = true;
                Err(SpfResult::Permerror)
            }
            Some(Ok(target)) => self.follow(target, term, name, true, depth, live).await,
        };
        match is_over_limit {
            true => Err(SpfResult::Permerror),
            false => walked,
        }
    }

    /// The record that a term leads to.
    async fn follow(
        &mut self,
        target: Name,
        term: &Term,
        name: &Name,
        redirect: bool,
        depth: u32,
        live: [bool; 2],
    ) -> Result<Walked, SpfResult> {
        if self.path.contains(&target) {
            self.is_open = true;
            self.term_fault(PolicyFault::Loop, term, name);
            self.note_include(target.to_string(), redirect, depth, PolicyState::Invalid);
            return Err(SpfResult::Permerror);
        }
        let position = self.includes.len();
        self.note_include(target.to_string(), redirect, depth, PolicyState::Absent);
        let answer = match name_of_domain(&octets(&target)) {
            Some(_) => self.lookup.txt(&target).await,
            // RFC 7208 §4.3: a name of one label has no record.
            None => LookupAnswer::new(FoundRecords::NoData),
        };
        self.note_dangling(&answer, true, &target, term);
        // RFC 7208 §4.6.4 counts the question of any term.
        self.note(&answer, live);
        let (state, walked) = match select(&answer) {
            Selected::Failed(outcome) => {
                self.failure.get_or_insert(outcome);
                (PolicyState::Unknown, Err(SpfResult::Temperror))
            }
            Selected::None => {
                self.term_fault(PolicyFault::IncludeNone, term, name);
                (PolicyState::Absent, Err(SpfResult::Permerror))
            }
            Selected::Multiple(_) => {
                self.fault(Fault::new(PolicyFault::Multiple), &target);
                self.term_fault(PolicyFault::IncludePermerror, term, name);
                (PolicyState::Multiple, Err(SpfResult::Permerror))
            }
            Selected::One(text) => {
                let walked = self.record(target, text, depth + 1, live).await;
                let state = state_of(walked.result);
                if state == PolicyState::Invalid {
                    self.term_fault(PolicyFault::IncludePermerror, term, name);
                }
                (state, Ok(walked))
            }
        };
        if let Some(include) = self.includes.get_mut(position) {
            include.state = state;
        }
        walked
    }

    /// Whether somebody could register the names that do not exist.
    async fn ask_who_is_free(&mut self) {
        let mut asked = HashSet::new();
        for (name, term) in std::mem::take(&mut self.dangling) {
            if !asked.insert(name.clone()) || asked.len() > DANGLING_LIMIT {
                continue;
            }
            let text = name.to_string();
            let registrable =
                psl::domain_str(&text).and_then(|part| Name::from_octets(part.as_bytes()));
            let is_free = match &registrable {
                Some(part) if *part == name => Some(true),
                Some(part) => match self.lookup.txt(part).await.found {
                    FoundRecords::Nxdomain => Some(true),
                    FoundRecords::Failed(_) => None,
                    _ => Some(false),
                },
                None => None,
            };
            self.dangling_told.push(Dangling {
                name: text,
                term: Text::from(&term.text[..]),
                registrable: registrable.map(|part| part.to_string()),
                registrable_free: is_free,
            });
        }
    }

    fn fill(self, spf: &mut Spf, walked: Walked) {
        spf.state = state_of(walked.result);
        spf.outcome = match spf.state {
            PolicyState::Unknown => self.failure.clone(),
            _ => None,
        };
        let [ipv4, ipv6] = walked.result;
        (spf.unmatched_ipv4, spf.unmatched_ipv6) = (Some(ipv4), Some(ipv6));
        spf.all = walked.all;
        let is_known = self.failure.is_none();
        spf.lookups_least = Some(self.lookups);
        spf.lookups_most = (!self.is_open && is_known).then_some(self.lookups);
        (spf.voids_ipv4, spf.voids_ipv6) = (
            is_known.then_some(self.voids[IPV4]),
            is_known.then_some(self.voids[IPV6]),
        );
        spf.macros = Some(self.has_macros);
        let count = u64::try_from(walked.pass[IPV4].count()).unwrap_or(u64::MAX);
        spf.ipv4_addresses = is_known.then_some(count);
        if is_known {
            spf.ipv6_networks = walked.pass[IPV6]
                .networks(IPV6)
                .take(NETWORKS_LISTED)
                .collect();
        }
        spf.includes = self.includes;
        spf.dangling = self.dangling_told;
        spf.faults = self.faults.into();
    }
}

/// A record is broken when it is for everybody who matches nothing, and unknown where that hangs on a failed question.
fn state_of(result: [SpfResult; 2]) -> PolicyState {
    match result {
        [SpfResult::Permerror, SpfResult::Permerror] => PolicyState::Invalid,
        [one, other] if one == SpfResult::Temperror || other == SpfResult::Temperror => {
            PolicyState::Unknown
        }
        _ => PolicyState::Ok,
    }
}

impl Reading {
    /// A term matched these addresses.
    fn matched(&mut self, space: &Space, qualifier: SpfResult, family: usize) {
        if self.result.is_some() {
            return;
        }
        if qualifier == SpfResult::Pass {
            let new = space.without(&self.decided);
            self.pass = Space::union([std::mem::take(&mut self.pass), new]);
        }
        self.decided = Space::union([std::mem::take(&mut self.decided), space.clone()]);
        if self.decided.is_all(family) {
            self.result = Some(qualifier);
            self.is_over = true;
        }
    }

    /// It ends in an error here. What else is wrong is read nevertheless.
    fn ended(&mut self, result: SpfResult) {
        match self.result {
            None => self.result = Some(result),
            // What is wrong for certain counts before what is not known.
            Some(SpfResult::Temperror) if result == SpfResult::Permerror => {
                self.result = Some(result);
            }
            _ => {}
        }
    }

    fn is_broken(&mut self) {
        self.ended(SpfResult::Permerror);
    }

    /// The rest is as the record says that is redirected to.
    fn take_over(&mut self, walked: Result<&Walked, &SpfResult>, family: usize) {
        match walked {
            Ok(walked) => {
                if self.result.is_none() {
                    let new = walked.pass[family].without(&self.decided);
                    self.pass = Space::union([std::mem::take(&mut self.pass), new]);
                }
                self.ended(walked.result[family]);
            }
            Err(result) => self.ended(*result),
        }
    }
}

/// What macros stand for as far as no client is needed.
struct DomainValues {
    domain: Vec<u8>,
    sender: Vec<u8>,
}

impl Values for DomainValues {
    fn value(&self, letter: u8) -> Option<Cow<'_, [u8]>> {
        match letter {
            b'd' => Some(Cow::Borrowed(&self.domain)),
            b'o' => Some(Cow::Borrowed(&self.sender)),
            _ => None,
        }
    }
}
