//! The walk through a record and all that it includes, for a client that matches nothing.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures::future::{BoxFuture, FutureExt as _};

use super::check::{LOOKUP_LIMIT, NAME_LIMIT, VOID_LIMIT, octets};
use super::dangling::DanglingNames;
use super::grammar::{Directive, LENGTH_ADVISED, Mechanism, Modifier, Prefixes, SpfRecord, Term};
use super::macros::{MacroString, Values};
use super::reading::{FamilyReading, Reach, Walked, state_of};
use super::space::{IPV4, IPV6, Space};
use super::{Selected, SettledRecords, select};
use crate::dns::name::Name;
use crate::policy::faults::Faults;
use crate::policy::lookup::{FoundRecords, Lookup, LookupAnswer, Txt};
use crate::record::{Fault, Outcome, PolicyFault, PolicyState, Spf, SpfInclude, SpfResult};

/// Terms that ask, beyond which nothing is followed: ten times what a receiver follows.
const WALK_LIMIT: u32 = 100;
/// Networks of IPv6 that are listed.
const NETWORKS_LISTED: usize = 1000;

struct SpfWalk<'l, L> {
    lookup: &'l L,
    domain: &'l Name,
    settled: Option<&'l SettledRecords>,
    lookups: u32,
    /// The count is a lower bound.
    is_open: bool,
    voids: [u32; 2],
    has_macros: bool,
    faults: Faults,
    /// The first question that failed.
    failure: Option<Outcome>,
    includes: Vec<SpfInclude>,
    dangling: DanglingNames,
    /// The records one is in, from the domain's own.
    path: Vec<Name>,
}

/// Reads the record `text` of `domain` and all that it leads to, and writes what it comes to into `spf`.
pub(super) async fn walk<L: Lookup>(
    lookup: &L,
    domain: &Name,
    text: Txt,
    settled: Option<&SettledRecords>,
    spf: &mut Spf,
) {
    let mut walk = SpfWalk::new(lookup, domain, settled);
    let walked = walk.record(domain.clone(), text, 0, [true; 2]).await;
    let dangling = std::mem::take(&mut walk.dangling);
    walk.fill(spf, walked);
    if !dangling.is_empty() {
        // Rare, and large.
        spf.dangling = Box::pin(dangling.ask_who_is_free(lookup)).await;
    }
}

impl<'l, L: Lookup> SpfWalk<'l, L> {
    fn new(lookup: &'l L, domain: &'l Name, settled: Option<&'l SettledRecords>) -> Self {
        Self {
            lookup,
            domain,
            settled,
            lookups: 0,
            is_open: false,
            voids: [0; 2],
            has_macros: false,
            faults: Faults::default(),
            failure: None,
            includes: Vec::new(),
            dangling: DanglingNames::default(),
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
            let mut readings = [FamilyReading::default(), FamilyReading::default()];
            if !record.is_valid() {
                // Read on, for what else is wrong; but it is a permerror for everybody.
                readings.iter_mut().for_each(FamilyReading::break_off);
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
            let walked = Walked {
                result: [&ipv4, &ipv6].map(|reading| reading.result.unwrap_or(SpfResult::Neutral)),
                pass: [ipv4.pass, ipv6.pass],
                all,
            };
            if let (Some(settled), [true, true], 1..) = (self.settled, live, depth) {
                settled.keep(&text, &record, &walked);
            }
            walked
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
        readings: &mut [FamilyReading; 2],
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
                reading.break_off();
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
            domain: name,
            sender: self.domain,
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
        let term = &directive.term;
        let spec = match &directive.mechanism {
            Mechanism::All => return Ok(Reach::everybody()),
            Mechanism::Ip4(address, prefix) => {
                let space = Space::network(IpAddr::V4(*address), *prefix);
                return Ok(Reach::Networks([space, Space::default()]));
            }
            Mechanism::Ip6(address, prefix) => {
                // Its IPv4-mapped part matches no client: such a one counts as IPv4 (RFC 7208 §5).
                let space = Space::network(IpAddr::V6(*address), *prefix);
                return Ok(Reach::Networks([Space::default(), space]));
            }
            Mechanism::Ptr(spec) => {
                // What its macros cost is counted all the same.
                let _ = self.target(spec.as_ref(), name);
                self.term_fault(PolicyFault::PtrUsed, term, name);
                return Ok(Reach::Client);
            }
            Mechanism::Include(spec) => return self.include(spec, term, name, depth, live).await,
            Mechanism::Exists(spec) => Some(spec),
            Mechanism::A(spec, _) | Mechanism::Mx(spec, _) => spec.as_ref(),
        };
        let target = match self.target(spec, name) {
            None => return Ok(Reach::Client),
            Some(Err(())) => return Ok(Reach::nobody()),
            Some(Ok(target)) => target,
        };
        self.allow_one_more()?;
        match &directive.mechanism {
            Mechanism::Exists(_) => {
                let answer = self.lookup.ipv4(&target).await;
                self.note(&answer, live);
                let is_there = !self.records(&answer)?.is_empty();
                Ok(match is_there {
                    true => Reach::everybody(),
                    false => Reach::nobody(),
                })
            }
            Mechanism::Mx(spec, prefixes) => {
                let spelled = spec.as_ref().map(|_| term);
                self.exchanges(&target, spelled, *prefixes, term, name, live)
                    .await
            }
            Mechanism::A(spec, prefixes) => {
                let spelled = spec.as_ref().map(|_| term);
                let spaces = self.addresses(&target, *prefixes, live, spelled).await?;
                Ok(Reach::Networks(spaces))
            }
            _ => Ok(Reach::nobody()),
        }
    }

    async fn include(
        &mut self,
        spec: &MacroString,
        term: &Term,
        name: &Name,
        depth: u32,
        live: [bool; 2],
    ) -> Result<Reach, SpfResult> {
        match self.target(Some(spec), name) {
            None => {
                self.is_open = true;
                let shown = String::from_utf8_lossy(&term.text).into_owned();
                self.note_include(shown, false, depth, PolicyState::Unknown);
                Ok(Reach::Client)
            }
            Some(Err(())) => {
                self.term_fault(PolicyFault::IncludeNone, term, name);
                Err(SpfResult::Permerror)
            }
            Some(Ok(target)) => {
                self.allow_one_more()?;
                let walked = self.follow(target, term, name, false, depth, live).await?;
                Ok(Reach::Included(walked))
            }
        }
    }

    /// A permerror where so many terms have asked that nothing more is followed.
    fn allow_one_more(&mut self) -> Result<(), SpfResult> {
        if self.lookups > WALK_LIMIT {
            self.is_open = true;
            return Err(SpfResult::Permerror);
        }
        Ok(())
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
            self.dangling.note(&ipv4, target, term);
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
        spelled: Option<&Term>,
        prefixes: Prefixes,
        term: &Term,
        name: &Name,
        live: [bool; 2],
    ) -> Result<Reach, SpfResult> {
        let answer = self.lookup.mx(target).await;
        self.note(&answer, live);
        if let Some(term) = spelled {
            self.dangling.note(&answer, target, term);
        }
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
            self.note_include(target.text(), redirect, depth, PolicyState::Invalid);
            return Err(SpfResult::Permerror);
        }
        let position = self.includes.len();
        self.note_include(target.text(), redirect, depth, PolicyState::Absent);
        let answer = match target.labels().nth(1) {
            Some(_) => self.lookup.txt(&target).await,
            // RFC 7208 §4.3: a name of one label has no record.
            None => LookupAnswer::new(FoundRecords::NoData),
        };
        self.dangling.note(&answer, &target, term);
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
                let known = self.settled.filter(|_| live == [true; 2]);
                let walked = match known.and_then(|settled| settled.get(&text)) {
                    Some(walked) => Walked::clone(&walked),
                    None => self.record(target, text, depth + 1, live).await,
                };
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

    /// Writes what was found into the part of the record, but for the dangling names.
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
        spf.faults = self.faults.into();
    }
}

/// What macros stand for as far as no client is needed.
struct DomainValues<'n> {
    domain: &'n Name,
    sender: &'n Name,
}

impl Values for DomainValues<'_> {
    fn value(&self, letter: u8) -> Option<Cow<'_, [u8]>> {
        match letter {
            b'd' => Some(Cow::Owned(octets(self.domain))),
            b'o' => Some(Cow::Owned(octets(self.sender))),
            _ => None,
        }
    }
}
