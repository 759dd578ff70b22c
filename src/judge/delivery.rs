//! What becomes of a message to a domain, for each kind of sender: in clear, encrypted, authenticated, refused.
//!
//! Facts in, verdict out: no I/O, no clock. A sender walks the exchanges by preference (RFC 5321 §5.1), passes over
//! servers that do not answer, and applies what it knows of policy: DANE (RFC 7672 §2.2), MTA-STS (RFC 8461 §5), or
//! nothing (RFC 7435). Where the RFCs have no sentence for what a sender does next, it is what Postfix was seen to do:
//! after a failed handshake the next exchange, in clear only on a later try; after a refused STARTTLS in clear at once;
//! after a 5xx to EHLO and HELO nothing more. What a profile needs and the scan did not learn is unknown.

use crate::record::words::vocabulary;

vocabulary! {
    /// What becomes of a message.
    Fate {
        /// It travels in clear.
        Clear = "clear",
        /// It travels under TLS that authenticates nobody.
        Encrypted = "encrypted",
        /// It travels under TLS to a server that a policy authenticated.
        Authenticated = "authenticated",
        /// It is not delivered: every exchange that answered is refused by policy, or refuses.
        Refused = "refused",
        /// The scan did not learn what decides it.
        Unknown = "unknown",
        /// The domain takes no mail.
        NoMail = "no_mail",
    }
}

vocabulary! {
    /// Who authenticated the server.
    Authority {
        /// TLSA records under DNSSEC (RFC 7672).
        Dane = "dane",
        /// A certificate of the named store, under an MTA-STS policy (RFC 8461).
        Pkix = "pkix",
    }
}

vocabulary! {
    /// Why a server was passed over or a message refused: the result types of RFC 8460 §4.3, and, with an underscore,
    /// what that registry has no word for.
    Cause {
        /// STARTTLS is not offered, or was refused.
        StarttlsNotSupported = "starttls-not-supported",
        /// The certificate does not name the exchange.
        CertificateHostMismatch = "certificate-host-mismatch",
        /// The certificate is expired.
        CertificateExpired = "certificate-expired",
        /// The certificate leads to no trusted root.
        CertificateNotTrusted = "certificate-not-trusted",
        /// Any other failure: a handshake that fails, an exchange that the policy does not cover.
        ValidationFailure = "validation-failure",
        /// No TLSA record matches, or none is usable.
        TlsaInvalid = "tlsa-invalid",
        /// The TLSA records could not be validated (bogus, or no answer).
        DnssecInvalid = "dnssec-invalid",
        /// The MTA-STS policy could not be fetched.
        StsPolicyFetchError = "sts-policy-fetch-error",
        /// The MTA-STS policy is not one.
        StsPolicyInvalid = "sts-policy-invalid",
        /// The certificate of the policy host does not hold.
        StsWebpkiInvalid = "sts-webpki-invalid",
        /// The server greets with 5xx, or refuses EHLO and HELO.
        ServerRejects = "server_rejects",
        /// The server said to come again.
        ServerDefers = "server_defers",
        /// Nothing answered.
        ServerSilent = "server_silent",
        /// REQUIRETLS (RFC 8689) is not offered inside TLS.
        RequiretlsNotSupported = "requiretls_not_supported",
    }
}

/// A kind of sender. Profiles are constants: their ids are stored, and never change meaning.
#[derive(Debug)]
pub struct Profile {
    /// The id in databases.
    pub id: u8,
    /// The word in tables and options.
    pub word: &'static str,
    /// One line for people.
    pub title: &'static str,
    is_dane: bool,
    sts: Option<StsReading>,
    tls: Need,
    requires_tls: bool,
}

/// How a sender reads an MTA-STS policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StsReading {
    /// RFC 8461 §4.1: the exchange matches a pattern, a wildcard stands for one label, the certificate names the exchange.
    Letter,
    /// Postfix before 3.10.5 with a helper: any exchange, and a certificate that any pattern covers at any depth.
    AnyPattern,
    /// Postfix from 3.10.5 with a helper: exchanges that a pattern covers at any depth, and a certificate for the exchange.
    PatternsFirst,
}

/// What a sender must find in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// What a sender of today takes, TLS 1.0 included.
    Today,
    /// TLS 1.1 at most.
    Before12,
    /// TLS 1.3.
    Only13,
    /// A post-quantum group.
    PostQuantum,
}

const BASE: Profile = Profile {
    id: 0,
    word: "",
    title: "",
    is_dane: false,
    sts: None,
    tls: Need::Today,
    requires_tls: false,
};

/// Every profile, by id.
pub const PROFILES: [Profile; 11] = [
    Profile {
        id: 1,
        word: "opportunistic",
        title: "takes TLS where it is offered, from anybody (RFC 7435)",
        ..BASE
    },
    Profile {
        id: 2,
        word: "dane",
        title: "heeds TLSA records (RFC 7672), as Postfix under dane",
        is_dane: true,
        ..BASE
    },
    Profile {
        id: 3,
        word: "mta_sts",
        title: "heeds MTA-STS to the letter (RFC 8461)",
        sts: Some(StsReading::Letter),
        ..BASE
    },
    Profile {
        id: 4,
        word: "exchange",
        title: "DANE, and MTA-STS where there is no DANE, as Exchange Online",
        is_dane: true,
        sts: Some(StsReading::Letter),
        ..BASE
    },
    Profile {
        id: 5,
        word: "google",
        title: "MTA-STS without DANE, as Gmail",
        sts: Some(StsReading::Letter),
        ..BASE
    },
    Profile {
        id: 6,
        word: "postfix_sts_before_3_10_5",
        title: "Postfix before 3.10.5 with an MTA-STS helper: any exchange, any pattern",
        sts: Some(StsReading::AnyPattern),
        ..BASE
    },
    Profile {
        id: 7,
        word: "postfix_sts",
        title: "Postfix from 3.10.5 with an MTA-STS helper: patterns choose the exchanges",
        sts: Some(StsReading::PatternsFirst),
        ..BASE
    },
    Profile {
        id: 8,
        word: "sender_of_2014",
        title: "opportunistic, without TLS 1.2",
        tls: Need::Before12,
        ..BASE
    },
    Profile {
        id: 9,
        word: "tls13_only",
        title: "opportunistic, TLS 1.3 alone",
        tls: Need::Only13,
        ..BASE
    },
    Profile {
        id: 10,
        word: "post_quantum_only",
        title: "opportunistic, post-quantum groups alone",
        tls: Need::PostQuantum,
        ..BASE
    },
    Profile {
        id: 11,
        word: "requiretls",
        title: "a message that asks for REQUIRETLS (RFC 8689)",
        is_dane: true,
        sts: Some(StsReading::Letter),
        requires_tls: true,
        ..BASE
    },
];

impl Profile {
    /// The profile of a word.
    pub fn from_word(word: &str) -> Option<&'static Self> {
        PROFILES.iter().find(|profile| profile.word == word)
    }
}

/// A domain as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Whether the domain takes mail; `None`: its exchanges could not be learned.
    pub takes_mail: Option<bool>,
    /// DNSSEC vouches for the MX set; `None` without a validating resolver.
    pub mx_is_secure: Option<bool>,
    /// The MTA-STS policy.
    pub sts: StsPolicy,
    /// Exchanges by ascending preference.
    pub exchanges: Vec<ExchangeView>,
}

/// What a sender without an earlier copy gets for an MTA-STS policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StsPolicy {
    /// It was not asked, or could not be learned.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// There is a record, and the policy cannot be had or is none: as no policy, with the cause.
    Unusable(Cause),
    /// Mode none: as no policy.
    Off,
    /// Mode testing: delivered all the same.
    Testing,
    /// Mode enforce.
    Enforce,
}

/// TLSA records of an exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsaView {
    /// Not asked, or not learned.
    #[default]
    Unknown,
    /// None, or none that DNSSEC vouches for: no DANE here.
    None,
    /// Bogus, or no answer: the exchange must not be used (RFC 7672 §2.1.2).
    Failed,
    /// Records, none of them usable: TLS is required and nothing authenticated (RFC 7672 §2.2).
    Unusable,
    /// Usable records.
    Usable,
}

/// An exchange as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExchangeView {
    /// The MX preference.
    pub preference: u16,
    /// The policy covers it, a wildcard standing for one label (RFC 8461 §4.1).
    pub covered: Option<bool>,
    /// The policy covers it, a wildcard standing for any depth.
    pub covered_at_any_depth: Option<bool>,
    /// Its TLSA records.
    pub tlsa: TlsaView,
    /// The servers behind its addresses.
    pub servers: Vec<ServerView>,
}

/// How far the dialogue in clear came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Contact {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// No connection, or no SMTP.
    Silent,
    /// 4xx: come again.
    Defers,
    /// A greeting of 5xx: the next exchange is tried.
    Rejects,
    /// 5xx to EHLO and to HELO: the message bounces (Postfix).
    RejectsHello,
    /// EHLO or HELO was answered.
    Answers,
}

/// The answer to STARTTLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum StarttlsAnswer {
    /// Not learned.
    #[default]
    Unknown,
    /// 220.
    Accepted,
    /// 4xx or 5xx: a sender without policy goes on in clear at once.
    Refused,
    /// The connection broke at the command: tried again, never in clear.
    Broken,
}

/// The chain against the named store, apart from names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChainView {
    /// Not learned, or not judged.
    #[default]
    Unknown,
    /// It holds.
    Valid,
    /// It would hold, but for its time.
    Expired,
    /// It leads to no root of the store.
    NotTrusted,
    /// It fails for another reason.
    Invalid,
}

/// The chain against usable TLSA records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsaMatch {
    /// Not learned, or not judged.
    #[default]
    Unknown,
    /// One record holds.
    Holds,
    /// None holds: for want of a match, of the name, of the time (for DANE-TA).
    Fails(Cause),
}

/// What handshakes showed a server to speak; `None`: not learned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TlsView {
    /// A sender of today gets through (TLS 1.0 and up, without RC4, DES and NULL).
    pub today: Option<bool>,
    /// TLS 1.2 or later, as RFC 8461 §4.2 wants it.
    pub from12: Option<bool>,
    /// TLS 1.1 or earlier is spoken.
    pub before12: Option<bool>,
    /// TLS 1.3 is spoken.
    pub v13: Option<bool>,
    /// A post-quantum group is spoken.
    pub post_quantum: Option<bool>,
}

/// A server as a sender finds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ServerView {
    /// How far it came in clear.
    pub contact: Contact,
    /// STARTTLS stands in the EHLO reply: senders do not send it otherwise.
    pub advertised: Option<bool>,
    /// The answer to the command.
    pub starttls: StarttlsAnswer,
    /// The handshake.
    pub tls: TlsView,
    /// The chain.
    pub chain: ChainView,
    /// The leaf names the exchange (DNS-ID, RFC 9525).
    pub names_exchange: Option<bool>,
    /// The leaf has a name that a pattern of the policy covers, at any depth.
    pub names_pattern: Option<bool>,
    /// The chain against TLSA records.
    pub tlsa: TlsaMatch,
    /// REQUIRETLS stands in the EHLO reply inside TLS.
    pub requiretls: Option<bool>,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Delivery {
    /// Its fate; where servers of one preference differ, the least protected.
    pub fate: Fate,
    /// Who authenticated the server.
    pub authority: Option<Authority>,
    /// Position in [`Destination::exchanges`] of the exchange that it reaches.
    pub exchange: Option<usize>,
    /// Why it is refused, or why it is less protected than the policy wanted.
    pub cause: Option<Cause>,
    /// Servers that it may reach with the same right differ.
    pub varies: bool,
    /// An attacker on the path who strips STARTTLS reads it.
    pub strip_wins: Option<bool>,
    /// An attacker who forges unsigned DNS answers reads it. With MTA-STS: against a sender that holds the policy.
    pub forge_wins: Option<bool>,
    /// Refused, and every server is known to be.
    pub would_lose_mail: Option<bool>,
}

impl Delivery {
    fn ended(fate: Fate, cause: Option<Cause>) -> Self {
        Self {
            fate,
            authority: None,
            exchange: None,
            cause,
            varies: false,
            strip_wins: None,
            forge_wins: None,
            would_lose_mail: match fate {
                Fate::Unknown => None,
                Fate::Refused => Some(true),
                _ => Some(false),
            },
        }
    }
}

/// What one try at one server comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    /// Delivered, with what was waived under a policy in testing.
    Delivered(Protection, Option<Cause>),
    /// It does not answer now; a sender goes on.
    Passed(Cause),
    /// Policy, or the server, refuses; a sender goes on to the next.
    Refused(Cause),
    /// The handshake fails where no policy wants it: the next exchange now, in clear later.
    Failed,
    /// The message bounces here.
    Bounced(Cause),
    /// Not learned.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Protection {
    Clear,
    Encrypted,
    Authenticated(Authority),
}

/// What policy asks of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// Nothing.
    Nothing,
    /// TLS, from anybody (unusable TLSA records).
    Encryption,
    /// TLSA records must hold.
    Dane,
    /// The certificate must hold, and the exchange be covered.
    Sts(StsReading),
    /// It must not be used.
    Never(Cause),
    /// Not learned.
    Unknown,
}

/// What becomes of a message to `destination` from a sender of `profile`.
pub fn deliver(destination: &Destination, profile: &Profile) -> Delivery {
    match destination.takes_mail {
        None => return Delivery::ended(Fate::Unknown, None),
        Some(false) => return Delivery::ended(Fate::NoMail, None),
        Some(true) => {}
    }
    let mut walk = Walk::default();
    let exchanges = &destination.exchanges;
    let mut first = 0;
    while first < exchanges.len() {
        let preference = exchanges[first].preference;
        let end = exchanges[first..]
            .iter()
            .position(|exchange| exchange.preference != preference)
            .map_or(exchanges.len(), |length| first + length);
        if let Some(delivery) = walk.group(destination, profile, first..end) {
            return delivery;
        }
        first = end;
    }
    walk.end(destination, profile)
}

/// What a walk has met so far.
#[derive(Default)]
struct Walk {
    refused: Option<Cause>,
    passed: Option<Cause>,
    /// The first exchange whose handshake failed without a policy.
    failed: Option<usize>,
    waived: Option<Cause>,
}

impl Walk {
    /// The exchanges of one preference: they are tried in any order. Nothing where a sender goes on.
    fn group(
        &mut self,
        destination: &Destination,
        profile: &Profile,
        range: std::ops::Range<usize>,
    ) -> Option<Delivery> {
        let mut reached: Vec<(usize, Protection, Option<Cause>)> = Vec::new();
        let mut bounced = None;
        let mut is_open = false;
        for position in range {
            for tried in tries(destination, &destination.exchanges[position], profile) {
                match tried {
                    Try::Delivered(protection, waived) => {
                        reached.push((position, protection, waived));
                    }
                    Try::Passed(cause) => {
                        self.passed.get_or_insert(cause);
                    }
                    Try::Refused(cause) => {
                        self.refused.get_or_insert(cause);
                    }
                    Try::Failed => {
                        self.failed.get_or_insert(position);
                    }
                    Try::Bounced(cause) => bounced = Some(cause),
                    Try::Unknown => is_open = true,
                }
            }
        }
        // The least protected decides: nothing is less than clear, so that clear is known whatever is open.
        let worst = reached.iter().min_by_key(|(_, protection, _)| *protection);
        let varies = bounced.is_some()
            || reached.iter().map(|reached| reached.1).max() != worst.map(|worst| worst.1);
        match (worst, is_open) {
            (Some(&(position, protection, waived)), open)
                if !open || protection == Protection::Clear =>
            {
                let mut delivery = delivered(destination, profile, position, protection);
                delivery.cause = waived.or(delivery.cause).or(self.refused.or(self.waived));
                delivery.varies = varies || open;
                Some(delivery)
            }
            (_, true) => Some(Delivery::ended(Fate::Unknown, None)),
            (None, false) => bounced.map(|cause| Delivery::ended(Fate::Refused, Some(cause))),
            (Some(_), false) => None,
        }
    }

    /// No exchange took it at the first walk.
    fn end(&self, destination: &Destination, profile: &Profile) -> Delivery {
        if let Some(position) = self.failed {
            let mut delivery = delivered(destination, profile, position, Protection::Clear);
            delivery.cause = Some(Cause::ValidationFailure);
            return delivery;
        }
        match (self.refused, self.passed) {
            (Some(cause), passed) => Delivery {
                would_lose_mail: passed.is_none().then_some(true),
                strip_wins: Some(false),
                ..Delivery::ended(Fate::Refused, Some(cause))
            },
            (None, passed) => Delivery::ended(Fate::Unknown, passed),
        }
    }
}

/// A message that arrives, and who could have read it.
fn delivered(
    destination: &Destination,
    profile: &Profile,
    position: usize,
    protection: Protection,
) -> Delivery {
    let (fate, authority) = match protection {
        Protection::Clear => (Fate::Clear, None),
        Protection::Encrypted => (Fate::Encrypted, None),
        Protection::Authenticated(authority) => (Fate::Authenticated, Some(authority)),
    };
    let demand = demand(destination, &destination.exchanges[position], profile);
    let strip_wins = match demand {
        Demand::Nothing => profile.requires_tls.then_some(false).or(Some(true)),
        Demand::Unknown => None,
        _ => Some(false),
    };
    let forge_wins = match (demand, authority) {
        // Signed MX records lead only to signed exchanges.
        (Demand::Dane, Some(_)) => destination.mx_is_secure.map(|is_secure| !is_secure),
        (Demand::Sts(_), Some(_)) => Some(false),
        (Demand::Unknown, _) => None,
        _ => Some(true),
    };
    let cause = match destination.sts {
        StsPolicy::Unusable(cause) if profile.sts.is_some() && authority.is_none() => Some(cause),
        _ => None,
    };
    Delivery {
        authority,
        exchange: Some(position),
        cause,
        strip_wins,
        forge_wins,
        ..Delivery::ended(fate, None)
    }
}

/// What policy asks of an exchange: DANE comes before MTA-STS (RFC 8461 §2).
fn demand(destination: &Destination, exchange: &ExchangeView, profile: &Profile) -> Demand {
    if profile.is_dane {
        match exchange.tlsa {
            TlsaView::Unknown => return Demand::Unknown,
            TlsaView::Failed => return Demand::Never(Cause::DnssecInvalid),
            TlsaView::Unusable => return Demand::Encryption,
            TlsaView::Usable => return Demand::Dane,
            TlsaView::None => {}
        }
    }
    match (profile.sts, destination.sts) {
        (Some(_), StsPolicy::Unknown) => Demand::Unknown,
        (Some(reading), StsPolicy::Enforce) => Demand::Sts(reading),
        _ => Demand::Nothing,
    }
}

/// Every try that may happen at an exchange.
fn tries(destination: &Destination, exchange: &ExchangeView, profile: &Profile) -> Vec<Try> {
    let demand = demand(destination, exchange, profile);
    match demand {
        Demand::Never(cause) => return vec![Try::Refused(cause)],
        Demand::Sts(reading) => match is_covered(exchange, reading) {
            Some(false) => return vec![Try::Refused(Cause::ValidationFailure)],
            None => return vec![Try::Unknown],
            Some(true) => {}
        },
        _ => {}
    }
    let tries = exchange
        .servers
        .iter()
        .map(|server| at_server(server, demand, profile, destination.sts, exchange));
    tries.collect()
}

fn is_covered(exchange: &ExchangeView, reading: StsReading) -> Option<bool> {
    match reading {
        StsReading::Letter => exchange.covered,
        StsReading::PatternsFirst => exchange.covered_at_any_depth,
        StsReading::AnyPattern => Some(true),
    }
}

fn at_server(
    server: &ServerView,
    demand: Demand,
    profile: &Profile,
    sts: StsPolicy,
    exchange: &ExchangeView,
) -> Try {
    match server.contact {
        Contact::NotAsked | Contact::Silent => return Try::Passed(Cause::ServerSilent),
        Contact::Defers => return Try::Passed(Cause::ServerDefers),
        Contact::Rejects => return Try::Refused(Cause::ServerRejects),
        Contact::RejectsHello => return Try::Bounced(Cause::ServerRejects),
        Contact::Answers => {}
    }
    let tried = match demand {
        Demand::Unknown => without_policy_known(server, profile),
        Demand::Nothing => opportunistic(server, profile),
        Demand::Encryption => required(server, profile, Ok(None)),
        Demand::Dane => required(server, profile, held(server)),
        Demand::Sts(reading) => required(server, profile, certified(server, reading)),
        Demand::Never(cause) => Try::Refused(cause),
    };
    if profile.requires_tls {
        return requiring(server, tried);
    }
    let is_tested = profile.sts.is_some() && sts == StsPolicy::Testing && demand == Demand::Nothing;
    match tried {
        Try::Delivered(protection, None) if is_tested => {
            Try::Delivered(protection, tested(server, profile, exchange))
        }
        tried => tried,
    }
}

/// What a policy in testing would have refused (RFC 8461 §5).
fn tested(server: &ServerView, profile: &Profile, exchange: &ExchangeView) -> Option<Cause> {
    let reading = profile.sts?;
    if is_covered(exchange, reading) == Some(false) {
        return Some(Cause::ValidationFailure);
    }
    match required(server, profile, certified(server, reading)) {
        Try::Refused(cause) => Some(cause),
        _ => None,
    }
}

/// A policy that was not learned: clear stays unknown, since a policy would forbid it.
fn without_policy_known(server: &ServerView, profile: &Profile) -> Try {
    match opportunistic(server, profile) {
        tried @ (Try::Passed(_) | Try::Bounced(_)) => tried,
        _ => Try::Unknown,
    }
}

fn opportunistic(server: &ServerView, profile: &Profile) -> Try {
    match (server.advertised, server.starttls) {
        (Some(false), _) | (Some(true), StarttlsAnswer::Refused) => {
            Try::Delivered(Protection::Clear, None)
        }
        (Some(true), StarttlsAnswer::Broken) => Try::Refused(Cause::ValidationFailure),
        (Some(true), StarttlsAnswer::Accepted) => match speaks(server.tls, profile.tls) {
            Some(true) => Try::Delivered(Protection::Encrypted, None),
            Some(false) => Try::Failed,
            None => Try::Unknown,
        },
        _ => Try::Unknown,
    }
}

/// Under a policy: TLS or nothing; `proof` says what authenticates.
fn required(
    server: &ServerView,
    profile: &Profile,
    proof: Result<Option<Authority>, Option<Cause>>,
) -> Try {
    match (server.advertised, server.starttls) {
        (Some(false), _) | (Some(true), StarttlsAnswer::Refused) => {
            return Try::Refused(Cause::StarttlsNotSupported);
        }
        (Some(true), StarttlsAnswer::Broken) => return Try::Refused(Cause::ValidationFailure),
        (Some(true), StarttlsAnswer::Accepted) => {}
        _ => return Try::Unknown,
    }
    match speaks(server.tls, profile.tls) {
        Some(false) => Try::Refused(Cause::ValidationFailure),
        None => Try::Unknown,
        Some(true) => match proof {
            Ok(Some(authority)) => Try::Delivered(Protection::Authenticated(authority), None),
            Ok(None) => Try::Delivered(Protection::Encrypted, Some(Cause::TlsaInvalid)),
            Err(Some(cause)) => Try::Refused(cause),
            Err(None) => Try::Unknown,
        },
    }
}

fn held(server: &ServerView) -> Result<Option<Authority>, Option<Cause>> {
    match server.tlsa {
        TlsaMatch::Holds => Ok(Some(Authority::Dane)),
        TlsaMatch::Fails(cause) => Err(Some(cause)),
        TlsaMatch::Unknown => Err(None),
    }
}

/// The certificate under MTA-STS (RFC 8461 §4.2): version, chain, name.
fn certified(server: &ServerView, reading: StsReading) -> Result<Option<Authority>, Option<Cause>> {
    let named = match reading {
        StsReading::AnyPattern => server.names_pattern,
        StsReading::Letter | StsReading::PatternsFirst => server.names_exchange,
    };
    if reading == StsReading::Letter && server.tls.from12 == Some(false) {
        return Err(Some(Cause::ValidationFailure));
    }
    match (server.chain, named) {
        (ChainView::Expired, _) => Err(Some(Cause::CertificateExpired)),
        (ChainView::NotTrusted, _) => Err(Some(Cause::CertificateNotTrusted)),
        (ChainView::Invalid, _) => Err(Some(Cause::ValidationFailure)),
        (_, Some(false)) => Err(Some(Cause::CertificateHostMismatch)),
        (ChainView::Valid, Some(true))
            if reading != StsReading::Letter || server.tls.from12 == Some(true) =>
        {
            Ok(Some(Authority::Pkix))
        }
        _ => Err(None),
    }
}

/// REQUIRETLS wants an authenticated server that offers it inside TLS (RFC 8689 §4.2.1).
fn requiring(server: &ServerView, tried: Try) -> Try {
    match (tried, server.requiretls) {
        (Try::Delivered(Protection::Authenticated(_), _), Some(true)) => tried,
        (Try::Delivered(Protection::Authenticated(_), _), None) => Try::Unknown,
        (_, Some(false)) => Try::Refused(Cause::RequiretlsNotSupported),
        (Try::Delivered(Protection::Clear, _), _) => Try::Refused(Cause::StarttlsNotSupported),
        (Try::Delivered(..) | Try::Failed, _) => Try::Refused(Cause::ValidationFailure),
        _ => tried,
    }
}

fn speaks(tls: TlsView, need: Need) -> Option<bool> {
    match need {
        Need::Today => tls.today,
        Need::Before12 => tls.before12,
        Need::Only13 => tls.v13,
        Need::PostQuantum => tls.post_quantum,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server of today: TLS 1.3 with X25519MLKEM768, TLS 1.0 not spoken, a certificate that holds and names the exchange.
    fn good() -> ServerView {
        ServerView {
            contact: Contact::Answers,
            advertised: Some(true),
            starttls: StarttlsAnswer::Accepted,
            tls: TlsView {
                today: Some(true),
                from12: Some(true),
                before12: Some(false),
                v13: Some(true),
                post_quantum: Some(true),
            },
            chain: ChainView::Valid,
            names_exchange: Some(true),
            names_pattern: Some(true),
            tlsa: TlsaMatch::Unknown,
            requiretls: Some(false),
        }
    }

    fn plain() -> ServerView {
        ServerView {
            advertised: Some(false),
            starttls: StarttlsAnswer::Refused,
            tls: TlsView::default(),
            chain: ChainView::Unknown,
            names_exchange: None,
            names_pattern: None,
            requiretls: None,
            ..good()
        }
    }

    fn silent(contact: Contact) -> ServerView {
        ServerView {
            contact,
            ..ServerView::default()
        }
    }

    fn at(preference: u16, servers: Vec<ServerView>) -> ExchangeView {
        ExchangeView {
            preference,
            covered: Some(true),
            covered_at_any_depth: Some(true),
            tlsa: TlsaView::None,
            servers,
        }
    }

    fn to(sts: StsPolicy, exchanges: Vec<ExchangeView>) -> Destination {
        Destination {
            takes_mail: Some(true),
            mx_is_secure: Some(true),
            sts,
            exchanges,
        }
    }

    fn with_tlsa(tlsa: TlsaView, held: TlsaMatch, server: ServerView) -> ExchangeView {
        ExchangeView {
            tlsa,
            ..at(
                10,
                vec![ServerView {
                    tlsa: held,
                    ..server
                }],
            )
        }
    }

    fn cell(delivery: Delivery) -> String {
        let mut cell = delivery.fate.word().to_owned();
        if let Some(authority) = delivery.authority {
            cell = format!("{authority}");
        }
        if let Some(cause) = delivery.cause {
            cell = format!("{cell} {cause}");
        }
        if let Some(exchange @ 1..) = delivery.exchange {
            cell = format!("{cell} @{exchange}");
        }
        cell
    }

    struct Row {
        /// The world, and the sentence that decides it.
        world: &'static str,
        destination: Destination,
        /// By profile: opportunistic, dane, mta_sts, exchange, google, postfix before 3.10.5, postfix, 2014, 1.3, pq,
        /// requiretls. `=` repeats the cell before.
        expected: [&'static str; 11],
    }

    fn rows() -> Vec<Row> {
        use StsPolicy::{Absent, Enforce, Testing};
        let encrypted = "encrypted";
        let mut rows = vec![
            Row {
                world: "one good server, no policy: RFC 7435 §3, encryption where it is offered",
                destination: to(Absent, vec![at(10, vec![good()])]),
                expected: [
                    encrypted,
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "refused requiretls_not_supported",
                ],
            },
            Row {
                world: "no STARTTLS, no policy: RFC 3207 §4.1, the client decides to go on in clear",
                destination: to(Absent, vec![at(10, vec![plain()])]),
                expected: [
                    "clear",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "=",
                    "refused starttls-not-supported",
                ],
            },
            Row {
                world: "no STARTTLS under enforce: RFC 8461 §5, MUST NOT deliver",
                destination: to(Enforce, vec![at(10, vec![plain()])]),
                expected: [
                    "clear",
                    "=",
                    "refused starttls-not-supported",
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear",
                    "=",
                    "=",
                    "refused starttls-not-supported",
                ],
            },
            Row {
                world: "no STARTTLS under testing: RFC 8461 §5, delivered and reported",
                destination: to(Testing, vec![at(10, vec![plain()])]),
                expected: [
                    "clear",
                    "=",
                    "clear starttls-not-supported",
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear",
                    "=",
                    "=",
                    "refused starttls-not-supported",
                ],
            },
            Row {
                world: "enforce, good server: RFC 8461 §4.2",
                destination: to(Enforce, vec![at(10, vec![good()])]),
                expected: [
                    encrypted,
                    "=",
                    "pkix",
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "refused requiretls_not_supported",
                ],
            },
            Row {
                world: "enforce, REQUIRETLS inside: RFC 8689 §4.2.1",
                destination: to(
                    Enforce,
                    vec![at(
                        10,
                        vec![ServerView {
                            requiretls: Some(true),
                            ..good()
                        }],
                    )],
                ),
                expected: [
                    encrypted,
                    "=",
                    "pkix",
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "pkix",
                ],
            },
            Row {
                world: "enforce, a pattern of one label and an exchange two below: RFC 8461 §4.1; old Postfix takes it",
                destination: to(
                    Enforce,
                    vec![ExchangeView {
                        covered: Some(false),
                        ..at(10, vec![good()])
                    }],
                ),
                expected: [
                    encrypted,
                    "=",
                    "refused validation-failure",
                    "=",
                    "=",
                    "pkix",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "refused validation-failure",
                ],
            },
            Row {
                world: "enforce, the first exchange uncovered, the second good: RFC 8461 §5, the next MX",
                destination: to(
                    Enforce,
                    vec![
                        ExchangeView {
                            covered: Some(false),
                            covered_at_any_depth: Some(false),
                            ..at(10, vec![good()])
                        },
                        at(20, vec![good()]),
                    ],
                ),
                expected: [
                    encrypted,
                    "=",
                    "pkix validation-failure @1",
                    "=",
                    "=",
                    "pkix",
                    "pkix validation-failure @1",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "refused validation-failure",
                ],
            },
        ];
        for (world, chain, named, cause) in [
            (
                "expired",
                ChainView::Expired,
                Some(true),
                "certificate-expired",
            ),
            (
                "unknown issuer",
                ChainView::NotTrusted,
                Some(true),
                "certificate-not-trusted",
            ),
            (
                "another name",
                ChainView::Valid,
                Some(false),
                "certificate-host-mismatch",
            ),
        ] {
            let refused: &'static str = Box::leak(format!("refused {cause}").into_boxed_str());
            rows.push(Row {
                world,
                destination: to(
                    Enforce,
                    vec![at(
                        10,
                        vec![ServerView {
                            chain,
                            names_exchange: named,
                            names_pattern: named,
                            ..good()
                        }],
                    )],
                ),
                expected: [
                    encrypted,
                    "=",
                    refused,
                    "=",
                    "=",
                    "=",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    "refused requiretls_not_supported",
                ],
            });
        }
        let usable = |held, server| to(Absent, vec![with_tlsa(TlsaView::Usable, held, server)]);
        for (world, destination, dane) in [
            (
                "TLSA holds: RFC 7672 §2.2",
                usable(TlsaMatch::Holds, good()),
                "dane",
            ),
            (
                "TLSA fails: RFC 7672 §2.2, no delivery by this server",
                usable(TlsaMatch::Fails(Cause::TlsaInvalid), good()),
                "refused tlsa-invalid",
            ),
            (
                "TLSA unusable: RFC 7672 §2.2, TLS without authentication",
                to(
                    Absent,
                    vec![with_tlsa(TlsaView::Unusable, TlsaMatch::Unknown, good())],
                ),
                "encrypted tlsa-invalid",
            ),
            (
                "TLSA bogus: RFC 7672 §2.1.2, the host must not be used",
                to(
                    Absent,
                    vec![with_tlsa(TlsaView::Failed, TlsaMatch::Unknown, good())],
                ),
                "refused dnssec-invalid",
            ),
            (
                "TLSA not asked: not known",
                to(
                    Absent,
                    vec![with_tlsa(TlsaView::Unknown, TlsaMatch::Unknown, good())],
                ),
                "unknown",
            ),
        ] {
            let required = match dane {
                "dane" | "encrypted tlsa-invalid" => "refused requiretls_not_supported",
                "unknown" => "refused requiretls_not_supported",
                "refused tlsa-invalid" => "refused requiretls_not_supported",
                refused => refused,
            };
            rows.push(Row {
                world,
                destination,
                expected: [
                    encrypted,
                    dane,
                    encrypted,
                    dane,
                    encrypted,
                    "=",
                    "=",
                    "clear validation-failure",
                    encrypted,
                    "=",
                    required,
                ],
            });
        }
        rows.push(Row {
            world: "TLSA fails at the first exchange, the second has none: Postfix goes on to it",
            destination: to(
                Absent,
                vec![
                    with_tlsa(
                        TlsaView::Usable,
                        TlsaMatch::Fails(Cause::TlsaInvalid),
                        good(),
                    ),
                    at(20, vec![good()]),
                ],
            ),
            expected: [
                encrypted,
                "encrypted tlsa-invalid @1",
                encrypted,
                "encrypted tlsa-invalid @1",
                encrypted,
                "=",
                "=",
                "clear validation-failure",
                encrypted,
                "=",
                "refused requiretls_not_supported",
            ],
        });
        rows
    }

    #[test]
    fn every_cell_of_the_table_is_as_the_rfcs_say() {
        let mut cells = 0;
        let mut faults = Vec::new();
        for row in rows() {
            let mut before = "";
            for (profile, expected) in PROFILES.iter().zip(row.expected) {
                let expected = if expected == "=" { before } else { expected };
                before = expected;
                let seen = cell(deliver(&row.destination, profile));
                cells += 1;
                if seen != expected {
                    faults.push(format!(
                        "{}: {}: {seen}, not {expected}",
                        row.world, profile.word
                    ));
                }
            }
        }
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(cells >= 120, "{cells} cells");
    }

    #[test]
    fn a_failed_handshake_goes_to_the_next_exchange_first_and_is_clear_only_without_one() {
        let broken = ServerView {
            tls: TlsView {
                today: Some(false),
                ..TlsView::default()
            },
            ..good()
        };
        let two = to(
            StsPolicy::Absent,
            vec![at(10, vec![broken.clone()]), at(20, vec![good()])],
        );
        assert_eq!(cell(deliver(&two, &PROFILES[0])), "encrypted @1");
        let one = to(StsPolicy::Absent, vec![at(10, vec![broken])]);
        assert_eq!(
            cell(deliver(&one, &PROFILES[0])),
            "clear validation-failure"
        );
        let reset = ServerView {
            starttls: StarttlsAnswer::Broken,
            ..good()
        };
        let reset = to(StsPolicy::Absent, vec![at(10, vec![reset])]);
        assert_eq!(
            cell(deliver(&reset, &PROFILES[0])),
            "refused validation-failure"
        );
    }

    #[test]
    fn what_did_not_answer_is_passed_over_and_alone_it_is_unknown() {
        for (contact, alone) in [
            (Contact::NotAsked, "unknown server_silent"),
            (Contact::Silent, "unknown server_silent"),
            (Contact::Defers, "unknown server_defers"),
            (Contact::Rejects, "refused server_rejects"),
            (Contact::RejectsHello, "refused server_rejects"),
        ] {
            let one = to(StsPolicy::Absent, vec![at(10, vec![silent(contact)])]);
            assert_eq!(cell(deliver(&one, &PROFILES[0])), alone, "{contact:?}");
            let two = to(
                StsPolicy::Absent,
                vec![at(10, vec![silent(contact)]), at(20, vec![good()])],
            );
            let delivery = deliver(&two, &PROFILES[0]);
            match contact {
                Contact::RejectsHello => assert_eq!(delivery.fate, Fate::Refused),
                _ => assert_eq!(
                    (delivery.fate, delivery.exchange),
                    (Fate::Encrypted, Some(1))
                ),
            }
        }
    }

    #[test]
    fn the_least_protected_of_one_preference_decides_and_clear_is_known_beside_the_unknown() {
        let open = ServerView {
            tls: TlsView::default(),
            ..good()
        };
        let both = |left: ServerView, right: ServerView| {
            let world = to(
                StsPolicy::Absent,
                vec![at(10, vec![left]), at(10, vec![right])],
            );
            deliver(&world, &PROFILES[0])
        };
        assert_eq!(both(good(), plain()).fate, Fate::Clear);
        assert!(both(good(), plain()).varies);
        assert!(!both(good(), good()).varies);
        assert_eq!(both(good(), open.clone()).fate, Fate::Unknown);
        assert_eq!(both(plain(), open).fate, Fate::Clear);
    }

    #[test]
    fn attackers_win_against_those_who_ask_for_nothing() {
        let world = to(StsPolicy::Enforce, vec![at(10, vec![good()])]);
        let opportunistic = deliver(&world, &PROFILES[0]);
        assert_eq!(
            (opportunistic.strip_wins, opportunistic.forge_wins),
            (Some(true), Some(true))
        );
        let heeding = deliver(&world, &PROFILES[2]);
        assert_eq!(
            (heeding.strip_wins, heeding.forge_wins),
            (Some(false), Some(false))
        );
        let mut unsigned = to(
            StsPolicy::Absent,
            vec![with_tlsa(TlsaView::Usable, TlsaMatch::Holds, good())],
        );
        assert_eq!(deliver(&unsigned, &PROFILES[1]).forge_wins, Some(false));
        unsigned.mx_is_secure = Some(false);
        let delivery = deliver(&unsigned, &PROFILES[1]);
        assert_eq!(
            (delivery.strip_wins, delivery.forge_wins),
            (Some(false), Some(true)),
            "the exchange itself can be forged (RFC 7672 §2.2.1)"
        );
    }

    #[test]
    fn mail_is_lost_only_where_every_server_is_known_to_refuse() {
        let uncovered = |contact| {
            to(
                StsPolicy::Enforce,
                vec![
                    ExchangeView {
                        covered: Some(false),
                        ..at(10, vec![good()])
                    },
                    at(20, vec![silent(contact)]),
                ],
            )
        };
        let sts = &PROFILES[2];
        let open = deliver(&uncovered(Contact::Silent), sts);
        assert_eq!((open.fate, open.would_lose_mail), (Fate::Refused, None));
        let known = deliver(&uncovered(Contact::Rejects), sts);
        assert_eq!(
            (known.fate, known.would_lose_mail),
            (Fate::Refused, Some(true))
        );
    }

    #[test]
    fn profiles_keep_their_ids() {
        for (position, profile) in PROFILES.iter().enumerate() {
            assert_eq!(usize::from(profile.id), position + 1);
            assert_eq!(
                Profile::from_word(profile.word).map(|found| found.id),
                Some(profile.id)
            );
        }
    }
}
