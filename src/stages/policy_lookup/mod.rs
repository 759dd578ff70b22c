//! From names and `domain` records to what the domains publish: the stage behind policy-lookup.

mod ask;
mod reply;
mod select;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub use ask::SharedAnswers;
pub use select::{PolicyDomain, PolicyJob, PolicySelect};

use crate::dns::name::Name;
use crate::driver::{Observe, Observed, Turn};
use crate::policy::lookup::Lookup as _;
use crate::policy::spf::{SpfClient, check_host};
use crate::policy::{bimi, caa, dkim, dmarc, mta_sts, selectors, spf, tls_rpt};
use crate::record::{Outcome, Phase, Policy, PolicyState, Reason, Spf, SpfChecked, Text, now};
use crate::stages::silent::SilentNames;
use ask::DomainQuestions;

/// A part of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyPart {
    /// SPF.
    Spf,
    /// DMARC.
    Dmarc,
    /// DKIM keys.
    Dkim,
    /// The record of MTA-STS.
    MtaSts,
    /// TLS-RPT.
    TlsRpt,
    /// CAA.
    Caa,
    /// BIMI.
    Bimi,
}

impl PolicyPart {
    /// Every part, in the order of the record.
    pub const ALL: [Self; 7] = [
        Self::Spf,
        Self::Dmarc,
        Self::Dkim,
        Self::MtaSts,
        Self::TlsRpt,
        Self::Caa,
        Self::Bimi,
    ];

    /// Its name, as the record has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spf => "spf",
            Self::Dmarc => "dmarc",
            Self::Dkim => "dkim",
            Self::MtaSts => "mta_sts",
            Self::TlsRpt => "tls_rpt",
            Self::Caa => "caa",
            Self::Bimi => "bimi",
        }
    }

    /// The part of a name; hyphens may stand for underscores.
    ///
    /// # Errors
    ///
    /// Which names there are.
    pub fn parse(name: &str) -> Result<Self, String> {
        let wanted = name.trim().replace('-', "_");
        (Self::ALL.into_iter().find(|part| part.name() == wanted)).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("no part {name:?}; there are {names}")
        })
    }
}

/// The client of `--spf-client ADDRESS[,SENDER[,HELO]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientOption {
    ip: IpAddr,
    /// Without one, `postmaster` at each domain.
    sender: Option<String>,
    helo: Option<String>,
}

impl std::str::FromStr for ClientOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = text.splitn(3, ',');
        let address = fields.next().unwrap_or_default();
        let ip = address
            .parse()
            .map_err(|_| format!("{address:?} is no address"))?;
        let mut next = || {
            fields
                .next()
                .filter(|field| !field.is_empty())
                .map(str::to_owned)
        };
        Ok(Self {
            ip,
            sender: next(),
            helo: next(),
        })
    }
}

/// Exchanges that are looked at.
const EXCHANGE_LIMIT: usize = 100;
/// What is asked.
#[derive(Clone, Debug)]
pub struct PolicySettings {
    /// The parts of the record that are filled.
    pub parts: Vec<PolicyPart>,
    /// Selectors to ask for beside those of the operators.
    pub selectors: Vec<String>,
    /// Whom SPF is asked about, in every domain.
    pub client: Option<ClientOption>,
}

/// Looks policies up.
pub struct PolicyObserve {
    shared: Arc<SharedAnswers>,
    settled: spf::SettledRecords,
    settings: PolicySettings,
    /// Domains in a row about which no name server said anything.
    silent: SilentNames,
    is_heard: AtomicBool,
    is_dead: AtomicBool,
}

/// After so many domains in a row without a word, whether the name servers are dead is asked again.
const SILENT: u64 = 1000;

impl PolicyObserve {
    /// Asks by `shared`.
    pub fn new(shared: SharedAnswers, settings: PolicySettings) -> Self {
        Self {
            shared: Arc::new(shared),
            settled: spf::SettledRecords::default(),
            settings,
            silent: SilentNames::default(),
            is_heard: AtomicBool::new(false),
            is_dead: AtomicBool::new(false),
        }
    }

    /// The record of a domain, without its run and time.
    async fn policy(&self, wanted: &PolicyDomain) -> Box<Policy> {
        let start = Instant::now();
        let name = &wanted.name;
        let asker = DomainQuestions::new(&self.shared, name);
        self.ask_ahead(&asker, wanted).await;
        // Nearly always nothing is waited for any more.
        let mut policy = Box::pin(self.parts(&asker, wanted)).await;
        policy.questions = asker.sent();
        policy.elapsed_ms = start.elapsed().as_millis() as u64;
        policy
    }

    /// Asks what the parts will ask for certain of the domain's own names, all at once. A thousand domains wait here, and what
    /// waits here is small.
    async fn ask_ahead(&self, asker: &DomainQuestions<'_>, wanted: &PolicyDomain) {
        let parts = &self.settings.parts;
        let name = &wanted.name;
        let ask = async |is_wanted, prefix: &[&str]| {
            if is_wanted {
                text_below(asker, name, prefix).await;
            }
        };
        let has_spf = parts.contains(&PolicyPart::Spf) || parts.contains(&PolicyPart::Dkim);
        futures::join!(
            ask(has_spf, &[]),
            ask(parts.contains(&PolicyPart::Dmarc), &["_dmarc"]),
            async {
                if self.needs_exchanges() && wanted.exchanges.is_none() {
                    asker.mx(name).await;
                }
            }
        );
    }

    /// Whether a part hangs on the exchanges of the domain.
    fn needs_exchanges(&self) -> bool {
        [PolicyPart::Dkim, PolicyPart::MtaSts, PolicyPart::Caa]
            .iter()
            .any(|part| self.settings.parts.contains(part))
    }

    async fn parts(&self, asker: &DomainQuestions<'_>, wanted: &PolicyDomain) -> Box<Policy> {
        let name = &wanted.name;
        let mut policy = Box::new(blank(name.text(), Outcome::ok()));
        let known = match &wanted.exchanges {
            None if self.needs_exchanges() => exchanges_of(asker, name).await,
            known => known.clone(),
        };
        let exchanges = known.clone().unwrap_or_default();
        policy.exchanges = known.map(|names| names.iter().map(Name::to_string).collect());
        let (spf, dmarc, dkim, mta_sts, tls_rpt, caa, bimi) = futures::join!(
            self.wanted(PolicyPart::Spf, || self.spf(asker, name)),
            self.wanted(PolicyPart::Dmarc, || dmarc::part(asker, name)),
            self.wanted(PolicyPart::Dkim, || self.dkim(asker, name, &exchanges)),
            self.wanted(PolicyPart::MtaSts, || async {
                mta_sts::part(&text_below(asker, name, &["_mta-sts"]).await)
            }),
            self.wanted(PolicyPart::TlsRpt, || async {
                tls_rpt::part(&text_below(asker, name, &["_smtp", "_tls"]).await)
            }),
            self.wanted(PolicyPart::Caa, || caa::part(asker, name, &exchanges)),
            self.wanted(PolicyPart::Bimi, || async {
                bimi::part(&text_below(asker, name, &["default", "_bimi"]).await)
            }),
        );
        policy.outcome = outcome([
            spf.as_ref().map(|part| (part.state, &part.outcome)),
            dmarc.as_ref().map(|part| (part.state, &part.outcome)),
            dkim.as_ref().map(|part| (part.state, &part.outcome)),
            mta_sts.as_ref().map(|part| (part.state, &part.outcome)),
            tls_rpt.as_ref().map(|part| (part.state, &part.outcome)),
            caa.as_ref().map(|part| (part.state, &part.outcome)),
            bimi.as_ref().map(|part| (part.state, &part.outcome)),
        ]);
        (policy.spf, policy.dmarc, policy.dkim, policy.mta_sts) = (spf, dmarc, dkim, mta_sts);
        (policy.tls_rpt, policy.caa, policy.bimi) = (tls_rpt, caa, bimi);
        policy
    }

    /// The part, if it is wanted. What makes it is on the heap: what waits for an answer is moved about, and has no room for
    /// parts that nobody wants.
    fn wanted<T, F: Future<Output = T>>(
        &self,
        part: PolicyPart,
        make: impl FnOnce() -> F,
    ) -> impl Future<Output = Option<T>> {
        let made = (self.settings.parts.contains(&part)).then(|| Box::pin(make()));
        async move {
            match made {
                Some(made) => Some(made.await),
                None => None,
            }
        }
    }

    async fn spf(&self, asker: &DomainQuestions<'_>, name: &Name) -> Spf {
        let mut part = spf::survey_among(asker, name, Some(&self.settled)).await;
        if let Some(option) = &self.settings.client {
            part.client = Some(Box::pin(checked(asker, option, name)).await);
        }
        part
    }

    async fn dkim(
        &self,
        asker: &DomainQuestions<'_>,
        name: &Name,
        exchanges: &[Name],
    ) -> crate::record::Dkim {
        let included = spf::included_names(asker, name).await;
        let names: Vec<_> = (exchanges.iter().chain(&included))
            .map(Name::to_string)
            .collect();
        let operators = selectors::of_operators(names.iter().map(String::as_str));
        dkim::part(asker, name, &operators, &self.settings.selectors).await
    }

    /// Whether the name servers are dead, or the domains; the questions about this one began at `start`.
    async fn hear(&self, policy: &Policy, start: Instant) {
        let reason = policy.outcome.reason;
        if reason == Reason::InvalidName {
            return;
        }
        let mut heard = Some(start);
        if matches!(
            reason,
            Reason::Timeout | Reason::Unreachable | Reason::Refused | Reason::Local
        ) {
            let silent = self.silent.add(start);
            let is_first = silent == 1 && !self.is_heard.load(Ordering::Relaxed);
            if !is_first && !silent.is_multiple_of(SILENT) {
                return;
            }
            heard = self.shared.is_answered().await.then(Instant::now);
        }
        self.is_dead.store(heard.is_none(), Ordering::Relaxed);
        if let Some(asked) = heard {
            self.silent.heard(asked);
            self.is_heard.store(true, Ordering::Relaxed);
        }
    }

    fn unheard(&self, at_least: u64) -> Option<String> {
        let silent = self.silent.count();
        (silent >= at_least && self.is_dead.load(Ordering::Relaxed)).then(|| {
            format!("no name server answered anything about {silent} domains, nor about the root; --nameserver names others")
        })
    }
}

/// The exchanges by preference, then name (RFC 5321 §5.1): those of the MX records, else the name itself if it has an address.
/// `None` where that is not known.
async fn exchanges_of(asker: &DomainQuestions<'_>, name: &Name) -> Option<Vec<Name>> {
    use crate::policy::lookup::FoundRecords;
    match asker.mx(name).await.found {
        FoundRecords::Records(records) => {
            let mut records = records.to_vec();
            records.sort();
            records.dedup_by(|one, other| one.1 == other.1);
            let names = records.into_iter().map(|(_, exchange)| exchange);
            // A null MX (RFC 7505) is none.
            Some(
                names
                    .filter(|exchange| !exchange.is_root())
                    .take(EXCHANGE_LIMIT)
                    .collect(),
            )
        }
        FoundRecords::NoData => {
            let (ipv4, ipv6) = futures::join!(asker.ipv4(name), asker.ipv6(name));
            if !ipv4.records().is_empty() || !ipv6.records().is_empty() {
                return Some(vec![name.clone()]);
            }
            (ipv4.failure().is_none() && ipv6.failure().is_none()).then(Vec::new)
        }
        FoundRecords::Nxdomain => Some(Vec::new()),
        FoundRecords::Failed(_) => None,
    }
}

async fn text_below(
    asker: &DomainQuestions<'_>,
    name: &Name,
    prefix: &[&str],
) -> crate::policy::lookup::LookupAnswer<crate::policy::lookup::Txt> {
    use crate::policy::lookup::{FoundRecords, LookupAnswer};
    match name.under(prefix) {
        Some(place) => asker.txt(&place).await,
        // No name can stand there.
        None => LookupAnswer::new(FoundRecords::Nxdomain),
    }
}

async fn checked(asker: &DomainQuestions<'_>, option: &ClientOption, name: &Name) -> SpfChecked {
    let domain = name.to_string();
    let sender = option
        .sender
        .clone()
        .unwrap_or_else(|| format!("postmaster@{domain}"));
    let helo = option.helo.clone().unwrap_or_else(|| domain.clone());
    let mut client = SpfClient::new(option.ip, sender.as_bytes(), helo.as_bytes());
    client.seconds =
        (SystemTime::now().duration_since(UNIX_EPOCH)).map_or(0, |since| since.as_secs());
    let checked = check_host(asker, &client, domain.as_bytes()).await;
    SpfChecked {
        ip: option.ip,
        sender: sender.into(),
        helo: helo.into(),
        result: checked.result,
        term: checked.term.map(|term| Text::from(&term[..])),
        fault: checked.fault,
        explanation: checked.explanation.map(|text| Text::from(&text[..])),
        lookups: checked.lookups,
        voids: checked.voids,
    }
}

/// `done/ok` where no part is unknown for a question that failed; else how the first of those failed.
fn outcome(parts: [Option<(PolicyState, &Option<Outcome>)>; 7]) -> Outcome {
    let unknown = parts
        .into_iter()
        .flatten()
        .find_map(|(state, outcome)| (outcome.clone()).filter(|_| state == PolicyState::Unknown));
    unknown.unwrap_or_else(Outcome::ok)
}

fn blank(domain: String, outcome: Outcome) -> Policy {
    Policy {
        domain,
        outcome,
        exchanges: None,
        spf: None,
        dmarc: None,
        dkim: None,
        mta_sts: None,
        tls_rpt: None,
        caa: None,
        bimi: None,
        questions: 0,
        time: now(),
        elapsed_ms: 0,
        run: String::new(),
    }
}

impl Observe for PolicyObserve {
    type Job = PolicyJob;
    const AWAITS: &'static str = "answers about names";

    async fn observe(&self, job: PolicyJob, turn: Turn) -> Observed<PolicyJob> {
        let start = Instant::now();
        let mut policy = match job {
            // A task is moved a few times before it runs.
            Ok(wanted) => Box::pin(self.policy(&wanted)).await,
            Err((text, why)) => Box::new(blank(
                text,
                Outcome::new(Phase::Input, Reason::InvalidName).with(why),
            )),
        };
        self.hear(&policy, start).await;
        policy.run = turn.run.to_string();
        policy.time = now();
        Observed::record(&*policy, &policy.outcome)
    }

    fn refused(&self, job: PolicyJob, reason: Reason, run: &str) -> Observed<PolicyJob> {
        let mut policy = match job {
            Ok(wanted) => blank(wanted.name.to_string(), Outcome::new(Phase::Input, reason)),
            Err((text, why)) => blank(
                text,
                Outcome::new(Phase::Input, Reason::InvalidName).with(why),
            ),
        };
        policy.run = run.to_owned();
        Observed::record(&policy, &policy.outcome)
    }

    fn note(&self) -> Option<String> {
        let servers = self.shared.servers();
        Some(format!(
            "{} of {} resolvers healthy",
            servers.healthy, servers.all
        ))
    }

    fn verdict(&self) -> Option<String> {
        self.unheard(SILENT)
    }

    fn failure(&self) -> Option<String> {
        self.unheard(1)
    }

    fn counts(&self) -> BTreeMap<String, u64> {
        let counts = self.shared.counts().into_iter();
        counts
            .map(|(what, count)| (what.to_owned(), count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::dns::client::{ClientSettings, DnsClient};

    /// A thousand domains wait at once, and each is moved about before it does.
    #[test]
    fn what_waits_for_an_answer_is_small() {
        let client = DnsClient::new(ClientSettings {
            servers: vec!["127.0.0.1:1".parse().unwrap()],
            try_timeout: Duration::from_secs(1),
            tries: 1,
            rate_per_server: None,
            trust_ad: false,
        });
        let shared = SharedAnswers::new(Arc::new(client.unwrap()), Duration::from_secs(1), 1);
        let settings = PolicySettings {
            parts: Vec::new(),
            selectors: Vec::new(),
            client: None,
        };
        let (observe, name) = (
            PolicyObserve::new(shared, settings),
            Name::parse(b"a.test").unwrap(),
        );
        let wanted = PolicyDomain {
            name: name.clone(),
            exchanges: None,
        };
        let asker = DomainQuestions::new(&observe.shared, &name);
        let sizes = [
            size_of_val(&observe.policy(&wanted)),
            size_of_val(&observe.spf(&asker, &name)),
            size_of_val(&dmarc::part(&asker, &name)),
            size_of_val(&asker.txt(&name)),
        ];
        let limits = [1024, 3072, 2048, 256];
        let is_small = sizes.iter().zip(limits).all(|(size, limit)| *size <= limit);
        assert!(is_small, "{sizes:?}, where {limits:?} are allowed");
    }
}
