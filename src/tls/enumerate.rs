//! What a server speaks beyond what it chose (`--enumerate`): versions, suites, groups, several certificates.
//!
//! One connection for each question, spaced as all are. Suites by the cheap method: offer at most 64, note the one
//! that is taken, offer the others again, until the server refuses: as many connections as suites taken, and one for
//! each lot. A refusal is an alert that speaks about the offer; others, silence and closed lines leave the question
//! open.

use std::sync::Arc;

use rand::Rng as _;

use super::exchange::{self, Answered, Sslv2};
use super::flight::Flight;
use super::hello::{ClientHello, MOST_SUITES, SIGNATURES};
use super::inspector::{ConnectionPace, Inspected, Inspector, TlsTarget};
use super::names::{Group, ProtocolVersion, alerts};
use super::share::KeyShare;
use super::suite::{self, CLASSIC, SuiteNumber, TLS13};
use crate::cipher::KeyExchange;
use crate::record::{
    AlertDescription, Enumeration, LeafKey, NamedGroup, Outcome, Phase, Reason, Tls, TlsVersion,
};
use crate::x509::{facts, sha256_hex};

/// The most connections to one server.
const MOST_CONNECTIONS: u32 = 200;

/// Asks for all that is wanted, and writes it into the record.
pub(super) async fn enumerate(
    inspector: &Inspector,
    target: &TlsTarget,
    pace: &impl ConnectionPace,
    inspected: &mut Inspected,
) {
    let mut asker = Asker {
        inspector,
        target,
        server_name: inspected.tls.server_name.clone(),
        pace,
        connections: 0,
        stopped: false,
        found: Enumeration::default(),
        certificates: Vec::new(),
        compression: None,
    };
    for der in inspected.chain.first().into_iter() {
        asker.leaf(der);
    }
    if inspector.wanted.versions || inspector.wanted.ciphers {
        asker.versions().await;
    }
    if inspector.wanted.ciphers {
        asker.suites().await;
    }
    if inspector.wanted.groups {
        asker.groups().await;
    }
    let tls = &mut inspected.tls;
    asker.reconcile(tls);
    tls.connections += asker.connections;
    tls.compression = tls.compression.or(asker.compression);
    let is_spoken = |&spoken: &Option<bool>| spoken == Some(true);
    if tls.negotiated == Some(false) && asker.found.versions.values().any(is_spoken) {
        // A version that the two hellos could not find.
        tls.negotiated = None;
        tls.completed = None;
    }
    if asker.found.leaves.len() < 2 {
        asker.found.leaves.clear();
    }
    asker
        .certificates
        .retain(|der| !inspected.chain.contains(der));
    inspected.others = asker.certificates;
    tls.enumeration = Some(asker.found);
}

struct Asker<'a, P> {
    inspector: &'a Inspector,
    target: &'a TlsTarget,
    /// The name that it bears, if any.
    server_name: Option<String>,
    pace: &'a P,
    connections: u32,
    /// The server asked to be left alone, or is out of reach.
    stopped: bool,
    found: Enumeration,
    certificates: Vec<Vec<u8>>,
    compression: Option<bool>,
}

impl<P: ConnectionPace> Asker<'_, P> {
    async fn versions(&mut self) {
        for version in ProtocolVersion::ALL {
            let answer = if version == ProtocolVersion::SSLV2 {
                self.sslv2().await
            } else {
                self.version(version).await
            };
            self.found.versions.insert(&version.name(), answer);
        }
    }

    async fn sslv2(&mut self) -> Option<bool> {
        if !self.is_due(TlsVersion::Ssl2.word()).await {
            return None;
        }
        let contact = &self.inspector.contact;
        let mut call = contact.call();
        let answer = match contact.open(self.target.socket(), &mut call).await {
            Ok((mut stream, leftover)) => {
                exchange::ask_sslv2(&mut stream, leftover, contact.deadline(&call)).await
            }
            Err(outcome) => Sslv2::Unknown(outcome),
        };
        match answer {
            Sslv2::Spoken(hello) => {
                if self.inspector.wanted.ciphers {
                    let suites = hello.suites.iter().map(|suite| suite.record()).collect();
                    self.found.ciphers.insert(&TlsVersion::Ssl2, suites);
                }
                self.certificates(&[hello.certificate]);
                Some(true)
            }
            Sslv2::Refused => Some(false),
            Sslv2::Unknown(outcome) => {
                self.unknown(TlsVersion::Ssl2.word(), &outcome);
                None
            }
        }
    }

    /// Offers suites until something tells: a ServerHello, or an alert to the version. Refusals of all suites are a no.
    async fn version(&mut self, version: ProtocolVersion) -> Option<bool> {
        for suites in lots(&candidates(version)) {
            let answered = self
                .ask(version.name().word(), version, &suites, groups_for(version))
                .await?;
            let spoken = self.judge(version.name().word(), version, &answered);
            if !answered.alert().is_some_and(alerts::is_no_suite) {
                return spoken;
            }
        }
        Some(false)
    }

    /// Whether the server agreed to an offer, where that was learned.
    fn judge(&mut self, what: &str, version: ProtocolVersion, answered: &Answered) -> Option<bool> {
        match answered.flight.version {
            Some(chosen) => Some(chosen == version),
            None if answered.alert().is_some_and(alerts::is_refusal) => Some(false),
            None => {
                self.unknown(what, &answered.outcome);
                None
            }
        }
    }

    /// The suites of every version that is or may be spoken.
    async fn suites(&mut self) {
        for &version in &ProtocolVersion::ALL[1..] {
            let name = version.name();
            let spoken = self.found.versions.get(&name).copied().flatten();
            if spoken == Some(false) {
                continue;
            }
            let what = format!("{name} ciphers");
            let mut taken = Vec::new();
            for lot in lots(&candidates(version)) {
                let is_answered = self.suites_of(version, lot, &what, &mut taken).await;
                if spoken.is_none() && !is_answered {
                    break;
                }
            }
            if spoken.is_some() || !taken.is_empty() {
                self.found.versions.insert(&name, Some(true));
                self.found.ciphers.insert(&name, taken);
            }
        }
    }

    /// Offers suites until none is taken any more; false if the last offer was met with silence or a closed line.
    async fn suites_of(
        &mut self,
        version: ProtocolVersion,
        mut offered: Vec<u16>,
        what: &str,
        taken: &mut Vec<crate::record::Cipher>,
    ) -> bool {
        while !offered.is_empty() {
            let Some(answered) = self.ask(what, version, &offered, groups_for(version)).await
            else {
                return false;
            };
            if self.judge(what, version, &answered) != Some(true) {
                return answered.flight.version.is_some() || answered.alert().is_some();
            }
            let chosen = answered
                .flight
                .suite
                .and_then(|suite| u16::try_from(suite.0).ok());
            let Some(at) = offered.iter().position(|&suite| Some(suite) == chosen) else {
                // A suite that was not offered: there is no end to that.
                self.found
                    .unknown
                    .push(format!("{what}: handshake/protocol_error"));
                return true;
            };
            taken.push(SuiteNumber(u32::from(offered.remove(at))).record());
        }
        true
    }

    /// Groups, by TLS 1.3 where it is spoken (a HelloRetryRequest names one), and by the curves of TLS 1.2.
    async fn groups(&mut self) {
        let mut found: Option<Vec<NamedGroup>> = None;
        let ecdhe: Vec<u16> = (CLASSIC.into_iter())
            .filter(|&suite| {
                SuiteNumber(u32::from(suite)).key_exchange() == Some(KeyExchange::Ecdhe)
            })
            .collect();
        for (version, suites, groups) in [
            (ProtocolVersion::TLS13, &TLS13[..], &Group::ALL[..]),
            (ProtocolVersion::TLS12, &ecdhe[..], &Group::CURVES[..]),
        ] {
            if self
                .answers(version)
                .iter()
                .all(|&spoken| spoken == Some(false))
            {
                continue;
            }
            let what = format!("{} groups", version.name());
            let mut offered = groups.to_vec();
            while !offered.is_empty() {
                let Some(answered) = self.ask(&what, version, suites, &offered).await else {
                    break;
                };
                let spoken = match answered.flight.version {
                    // The curves of TLS 1.0 and 1.1 are those of 1.2, and an older server chooses one from its hello.
                    Some(chosen) => Some(
                        (chosen < ProtocolVersion::TLS13) == (version < ProtocolVersion::TLS13),
                    ),
                    None => self.judge(&what, version, &answered),
                };
                if spoken.is_some() {
                    found.get_or_insert_default();
                }
                let chosen = answered.flight.group.filter(|_| spoken == Some(true));
                let Some(group) = chosen else {
                    break;
                };
                let Some(at) = offered.iter().position(|&offered| offered == group.0) else {
                    break;
                };
                offered.remove(at);
                let names = found.get_or_insert_default();
                if !names.contains(&group.name()) {
                    names.push(group.name());
                }
            }
        }
        self.found.groups = found;
    }

    /// Whether the versions are spoken that answer a hello for groups of `version`, as far as that was asked.
    fn answers(&self, version: ProtocolVersion) -> Vec<Option<bool>> {
        let versions: &[ProtocolVersion] = match version {
            ProtocolVersion::TLS13 => &[ProtocolVersion::TLS13],
            _ => &[
                ProtocolVersion::TLS10,
                ProtocolVersion::TLS11,
                ProtocolVersion::TLS12,
            ],
        };
        let spoken =
            |version: &ProtocolVersion| self.found.versions.get(&version.name()).copied().flatten();
        versions.iter().map(spoken).collect()
    }

    /// What the record itself saw is spoken, whatever was answered to a question about it (the server may be several,
    /// or have wanted something else of that hello); and a version that today's hello was refused for, and that nothing
    /// else tells, is not.
    fn reconcile(&mut self, tls: &Tls) {
        let named = |version: &ProtocolVersion| tls.version.as_ref() == Some(&version.name());
        let seen = ProtocolVersion::ALL.iter().find(|version| named(version));
        if let Some(version) = seen.filter(|_| tls.negotiated == Some(true)) {
            self.reconcile_seen(*version, tls);
        }
        let is_refused = tls.outcome.reason == Reason::Alert
            && (tls.alert.as_ref())
                .is_some_and(|it| it.description == AlertDescription::ProtocolVersion);
        let is_older = seen.is_some_and(|version| *version < ProtocolVersion::TLS12);
        if is_refused && is_older {
            for version in [ProtocolVersion::TLS12, ProtocolVersion::TLS13] {
                let versions = &mut self.found.versions;
                if versions.get(&version.name()) == Some(&None) {
                    versions.insert(&version.name(), Some(false));
                }
            }
        }
    }

    fn reconcile_seen(&mut self, version: ProtocolVersion, tls: &Tls) {
        let name = version.name();
        let answer = self.found.versions.get(&name).copied();
        if answer == Some(Some(false)) {
            self.push_unknown(format!("{name}: refused once, and spoken once"));
        }
        if answer.is_some() {
            self.found.versions.insert(&name, Some(true));
        }
        if let (true, Some(cipher)) = (self.inspector.wanted.ciphers, &tls.cipher) {
            let mut ciphers = self.found.ciphers.get(&name).cloned().unwrap_or_default();
            if !ciphers.contains(cipher) {
                ciphers.push(cipher.clone());
                self.found.ciphers.insert(&name, ciphers);
            }
        }
        // A group of finite-field parameters is none that a hello offered by its name.
        if let (true, Some(group), None) = (self.inspector.wanted.groups, &tls.group, &tls.dh) {
            let groups = self.found.groups.get_or_insert_default();
            if !groups.contains(group) {
                groups.push(group.clone());
            }
        }
    }

    /// One hello on a connection of its own; none where no more may be made.
    async fn ask(
        &mut self,
        what: &str,
        version: ProtocolVersion,
        suites: &[u16],
        groups: &[u16],
    ) -> Option<Answered> {
        if !self.is_due(what).await {
            return None;
        }
        // Some answer a hello of TLS 1.3 without any share with illegal_parameter.
        let share = (version == ProtocolVersion::TLS13).then(|| KeyShare::to_ask(groups));
        let hello = ClientHello {
            version,
            lowest: version,
            share: share.flatten().map(Arc::new),
            cookie: None,
            suites,
            groups,
            signatures: &SIGNATURES,
            server_name: self.server_name.as_deref(),
            compression: version < ProtocolVersion::TLS13,
            random: rand::rng().random(),
        };
        let (answered, _) = self.inspector.ask(self.target, &hello).await;
        // Asked to be left alone, or out of reach: one more question would be answered no better.
        let outcome = &answered.outcome;
        self.stopped |= outcome.reason == Reason::Deferred || outcome.phase == Phase::Connect;
        self.note(&answered.flight, version);
        Some(answered)
    }

    /// Waits for its turn; false where no more connections may be made.
    async fn is_due(&mut self, what: &str) -> bool {
        if self.stopped || self.connections == MOST_CONNECTIONS {
            let why = if self.stopped {
                "not asked after a failure"
            } else {
                "not asked, enough connections"
            };
            self.push_unknown(format!("{what}: {why}"));
            return false;
        }
        self.pace.wait().await;
        self.connections += 1;
        true
    }

    fn note(&mut self, flight: &Flight, version: ProtocolVersion) {
        if let Some(chain) = &flight.chain {
            self.certificates(chain);
        }
        if let Some(method) = flight
            .compression
            .filter(|_| version < ProtocolVersion::TLS13)
        {
            self.compression = Some(self.compression == Some(true) || method != 0);
        }
    }

    fn certificates(&mut self, chain: &[Vec<u8>]) {
        for der in chain {
            if !self.certificates.contains(der) {
                self.certificates.push(der.clone());
            }
        }
        if let Some(der) = chain.first() {
            self.leaf(der);
        }
    }

    fn leaf(&mut self, der: &[u8]) {
        if let Ok(leaf) = facts::leaf(der) {
            let key = LeafKey::from_word(leaf.key_type.word()).unwrap_or(LeafKey::Unusual);
            if !self.found.leaves.contains_key(&key) {
                self.found.leaves.insert(&key, sha256_hex(der));
            }
        }
    }

    fn unknown(&mut self, what: &str, outcome: &Outcome) {
        self.push_unknown(format!("{what}: {}/{}", outcome.phase, outcome.reason));
    }

    fn push_unknown(&mut self, unknown: String) {
        if !self.found.unknown.contains(&unknown) {
            self.found.unknown.push(unknown);
        }
    }
}

/// Every suite of a version.
fn candidates(version: ProtocolVersion) -> Vec<u16> {
    match version {
        ProtocolVersion::TLS13 => TLS13.to_vec(),
        _ => suite::enumerable(version == ProtocolVersion::TLS12).to_vec(),
    }
}

fn groups_for(version: ProtocolVersion) -> &'static [u16] {
    match version {
        ProtocolVersion::TLS13 => &Group::ALL,
        _ => &Group::CURVES,
    }
}

/// Candidates in lots of at most [`MOST_SUITES`], the usual ones together in the first.
fn lots(candidates: &[u16]) -> impl Iterator<Item = Vec<u16>> {
    candidates.chunks(MOST_SUITES - 1).map(<[u16]>::to_vec)
}
