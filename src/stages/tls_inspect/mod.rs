//! The two halves that the driver asks for: which servers the input names, and what to do about each.

pub mod options;
pub mod regrade;
pub mod start;

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::driver::resume::Resumed;
use crate::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn, place};
use crate::ndjson::{Line, NotARecord, append, describe};
use crate::net::pacing::Place;
use crate::record::{ADDRESS_LIMIT, DOMAIN_ADDRESS_LIMIT};
use crate::record::{For, Outcome, Phase, Reason, TlsLine};
use crate::smtp::probe::Conversation;
use crate::tls::inspect::{conclude, unasked};
use crate::tls::inspector::{ConnectionPace, Inspected, Inspector, TlsTarget};
use crate::tls::ledger::Ledger;
use crate::tls::names;

/// Names of one address that are asked for with `--sni each`.
const MOST_NAMES: usize = 32;

/// Which server names are sent (`--sni`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Sni {
    /// That of the exchange.
    Exchange,
    /// Each name that leads to the address.
    Each,
    /// None.
    None,
}

/// Finds the servers.
pub struct TlsSelect {
    sni: Sni,
    spacing: Duration,
    examiner: Examiner,
    /// `--sni each`: what is known of every address.
    addresses: HashMap<IpAddr, Address>,
}

#[derive(Default)]
struct Address {
    names: Vec<String>,
    /// Ports that accepted STARTTLS, and the line that said so.
    accepted: Vec<Heard>,
}

/// An `smtp` line, as far as it concerns us.
#[derive(Clone, Deserialize)]
struct Heard {
    ip: IpAddr,
    port: u16,
    #[serde(rename = "for", default)]
    cause: For,
    starttls: Starttls,
    connected: Option<String>,
    #[serde(default)]
    timings: Lasted,
    /// Another stage goes on in the same connection, and writes the `tls` line.
    tls: Option<TlsLine>,
}

#[derive(Clone, Default, Deserialize)]
struct Lasted {
    total_ms: Option<u64>,
}

#[derive(Clone, Deserialize)]
struct Starttls {
    accepted: Option<bool>,
}

/// A `tls` line, as far as it concerns us.
#[derive(Deserialize)]
struct Done {
    ip: IpAddr,
    port: u16,
    server_name: Option<String>,
    #[serde(default)]
    chain: Vec<String>,
}

/// A `domain` line, as far as `--sni each` needs it.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow, default)]
    mx: Vec<Exchange<'a>>,
}

#[derive(Deserialize)]
struct Exchange<'a> {
    #[serde(borrow)]
    exchange: Cow<'a, str>,
    #[serde(default)]
    addresses: Vec<Ip>,
}

#[derive(Deserialize)]
struct Ip {
    ip: IpAddr,
}

impl TlsSelect {
    /// Servers that accepted STARTTLS.
    pub fn new(sni: Sni, spacing: Duration, examiner: Examiner) -> Self {
        Self {
            sni,
            spacing,
            examiner,
            addresses: HashMap::new(),
        }
    }

    fn smtp(&mut self, line: &Line, found: &mut Found<'_, TlsJob>) -> Taken {
        let heard: Heard = match serde_json::from_slice(&line.bytes) {
            Ok(heard) => heard,
            Err(error) => {
                return Taken::Refused(format!("not an smtp record: {}", describe(&error)));
            }
        };
        if heard.tls.is_some() {
            found.count("tls_follows");
            return Taken::Passed;
        }
        match heard.starttls.accepted {
            Some(true) => {}
            Some(false) => {
                found.count("starttls_not_accepted");
                return Taken::Passed;
            }
            None => {
                found.count("starttls_unknown");
                return Taken::Passed;
            }
        }
        let exchange = heard.cause.exchange.clone();
        match self.sni {
            Sni::Exchange => self.name(&heard, exchange, found),
            Sni::None => self.name(&heard, None, found),
            Sni::Each => {
                let address = self.addresses.entry(heard.ip).or_default();
                address.accepted.push(heard.clone());
                let mut names: Vec<_> = address.names.iter().cloned().map(Some).collect();
                if names.is_empty() || exchange.is_some() && !names.contains(&exchange) {
                    names.insert(0, exchange);
                }
                for name in names {
                    self.name(&heard, name, found);
                }
            }
        }
        Taken::Passed
    }

    /// A domain whose exchanges lead to addresses that may be known already.
    fn domain(&mut self, line: &Line, found: &mut Found<'_, TlsJob>) -> Taken {
        let named: Named<'_> = match serde_json::from_slice(&line.bytes) {
            Ok(named) => named,
            Err(error) => {
                return Taken::Refused(format!("not a domain record: {}", describe(&error)));
            }
        };
        // As many as mx-lookup writes at the most; others write records, too.
        let mut room = DOMAIN_ADDRESS_LIMIT;
        for Exchange {
            exchange,
            addresses,
        } in &named.mx
        {
            let taken = addresses.len().min(ADDRESS_LIMIT).min(room);
            room -= taken;
            found.count_many("addresses_left_out", (addresses.len() - taken) as u64);
            for Ip { ip } in addresses.iter().take(taken) {
                let address = self.addresses.entry(ip.to_canonical()).or_default();
                if address.names.iter().any(|name| name == exchange) {
                    continue;
                }
                if address.names.len() == MOST_NAMES {
                    found.count("server_names_left_out");
                    continue;
                }
                address.names.push(exchange.to_string());
                for heard in address.accepted.clone() {
                    self.name(&heard, Some(exchange.to_string()), found);
                }
            }
        }
        Taken::Passed
    }

    /// A server, asked for by a name.
    fn name(&self, heard: &Heard, server_name: Option<String>, found: &mut Found<'_, TlsJob>) {
        let target = TlsTarget {
            ip: heard.ip.to_canonical(),
            port: heard.port,
            operator: (heard.cause.exchange.as_deref()).and_then(crate::smtp::targets::operator),
            cause: heard.cause.clone(),
            server_name: server_name.and_then(|name| names::server_name(&name)),
        };
        let names = [
            &target.cause.exchange,
            &target.cause.domain,
            &target.server_name,
        ];
        let lasted = Duration::from_millis(heard.timings.total_ms.unwrap_or(0));
        let due = not_before(heard.connected.as_deref(), lasted, self.spacing);
        found.subject(Subject {
            key: self.key(target.ip, target.port, target.server_name.clone()),
            place: Some(place(target.ip, target.operator.as_deref(), due)),
            names: names.into_iter().flatten().cloned().collect(),
            job: TlsJob::new(target),
        });
    }

    fn key(&self, ip: IpAddr, port: u16, name: Option<String>) -> Key<'static> {
        let name = name.filter(|_| self.sni == Sni::Each);
        Key::Tls(ip, port, name.map(Cow::Owned))
    }

    /// A certificate that an earlier stage wrote.
    fn certificate(&mut self, line: &Line) -> Taken {
        #[derive(Deserialize)]
        struct Certificate<'a> {
            #[serde(borrow)]
            sha256: Cow<'a, str>,
        }
        match serde_json::from_slice(&line.bytes) {
            Ok(Certificate { sha256 }) => {
                self.examiner.ledger.note(&sha256);
                Taken::Passed
            }
            Err(error) => Taken::Refused(format!("not a cert record: {}", describe(&error))),
        }
    }
}

impl Select for TlsSelect {
    type Job = TlsJob;

    const OWN: &'static [&'static str] = &["tls"];
    const READS: &'static [&'static str] = &["smtp", "cert"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, TlsJob>,
    ) -> Taken {
        match kind {
            Ok("smtp") => self.smtp(line, found),
            Ok("domain") if self.sni == Sni::Each => self.domain(line, found),
            Ok("cert") => self.certificate(line),
            Ok(_) => Taken::Passed,
            Err(why) => Taken::Refused(why.to_string()),
        }
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        match serde_json::from_slice::<Done>(&line.bytes) {
            Ok(done) => Ok(Some(self.key(
                done.ip.to_canonical(),
                done.port,
                done.server_name,
            ))),
            Err(error) => Err(format!("not a tls record: {}", describe(&error))),
        }
    }

    fn pack(&self, job: &TlsJob) -> Option<Vec<u8>> {
        let TlsTarget {
            port,
            cause: For { domain, exchange },
            server_name,
            ..
        } = &job.target;
        // Nearly always the name is that of the exchange.
        let named = (server_name != exchange).then_some(server_name);
        serde_json::to_vec(&(port, domain, exchange, named.is_some(), named)).ok()
    }

    fn unpack(&self, place: &Place, packed: &[u8]) -> anyhow::Result<TlsJob> {
        type Packed = (u16, Option<String>, Option<String>, bool, Option<String>);
        let (port, domain, exchange, is_named, named): Packed = serde_json::from_slice(packed)?;
        Ok(TlsJob::new(TlsTarget {
            ip: place.ip,
            port,
            operator: place.operator.clone(),
            server_name: if is_named { named } else { exchange.clone() },
            cause: For { domain, exchange },
        }))
    }

    /// The certificates go before the first line that names them.
    fn resume(&mut self, line: &[u8], resumed: &mut Resumed<'_>) -> anyhow::Result<bool> {
        if let Ok(done) = serde_json::from_slice::<Done>(line) {
            for sha256 in &done.chain {
                if self.examiner.ledger.note(sha256)
                    && let Some(certificate) = resumed.answer(&Key::Cert(sha256.into()))?
                {
                    resumed.emit(&certificate);
                }
            }
        }
        resumed.emit(line);
        Ok(true)
    }
}

/// When a server that an earlier stage has been to may be connected to again: spacing counts from the end of that
/// connection, which began at `connected` and lasted so long.
fn not_before(connected: Option<&str>, lasted: Duration, spacing: Duration) -> Option<Instant> {
    let connected = OffsetDateTime::parse(connected?, &Rfc3339).ok()?;
    let due = connected.checked_add(lasted.checked_add(spacing)?.try_into().ok()?)?;
    let wait = Duration::try_from(due - OffsetDateTime::now_utc()).ok()?;
    // A record from a clock ahead of ours must not hold a server back for hours.
    Some(Instant::now() + wait.min(spacing))
}

/// A server that is inspected, over all its tries.
pub struct TlsJob {
    target: TlsTarget,
    tries: Tries,
}

impl TlsJob {
    fn new(target: TlsTarget) -> Self {
        Self {
            target,
            tries: Tries::default(),
        }
    }
}

/// The tries before.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// How they ended.
    pub earlier: Vec<Outcome>,
    /// Connections that they took.
    pub connections: u32,
}

/// What one inspection brought.
#[derive(Debug)]
pub struct Examined {
    /// What the first connection said in clear.
    pub clear: Conversation,
    /// The `tls` line, behind those of the certificates that nobody has written yet.
    pub lines: Vec<u8>,
    /// How it ended.
    pub outcome: Outcome,
    /// Connections made.
    pub connections: u32,
    /// The tries so far, where there is to be one more.
    pub again: Option<Tries>,
}

/// Inspects the servers.
#[derive(Clone)]
pub struct Examiner {
    /// How.
    pub inspector: Arc<Inspector>,
    /// Certificates and verdicts.
    pub ledger: Arc<Ledger>,
}

impl Examiner {
    /// Inspects a server; `wants` says of the dialogue in clear whether the `tls` line is to be made.
    pub async fn examine(
        &self,
        target: &TlsTarget,
        tries: &Tries,
        turn: &Turn,
        wants: impl FnOnce(&Conversation) -> bool,
    ) -> Examined {
        let Inspected {
            mut tls,
            chain,
            others,
            clear,
        } = self.inspector.inspect(target, &Spaced(turn)).await;
        let connections = tls.connections;
        if !wants(&clear) {
            return Examined {
                outcome: clear.outcome.clone(),
                clear,
                lines: Vec::new(),
                connections,
                again: None,
            };
        }
        let time = OffsetDateTime::now_utc();
        conclude(&mut tls, time, &turn.run, turn.attempt, &tries.earlier);
        tls.connections += tries.connections;
        let (tls, chain) = self.ledger.judge_aside(chain, time, tls).await;
        let outcome = tls.outcome.clone();
        let mut lines = Vec::new();
        // From here on without a pause: what is noted as written must be so before anybody names it.
        for certificates in [&chain, &others] {
            for certificate in self.ledger.news(certificates, time, &turn.run) {
                append(&mut lines, &certificate);
            }
        }
        append(&mut lines, &*tls);
        // Of a server that says "later" to the second hello alone, something is to be learned later, too. One that has
        // shown certificates is not asked again: their lines are written now or never.
        let later = [Some(&outcome), tls.fallback.as_ref()];
        let later = (later.into_iter().flatten())
            .find(|it| it.reason == Reason::Deferred && chain.is_empty() && others.is_empty());
        let again = later.map(|later| Tries {
            connections: tls.connections,
            earlier: [&tries.earlier[..], std::slice::from_ref(later)].concat(),
        });
        Examined {
            clear,
            lines,
            outcome,
            connections,
            again,
        }
    }
}

impl Observe for Examiner {
    type Job = TlsJob;

    async fn observe(&self, job: TlsJob, turn: Turn) -> Observed<TlsJob> {
        let TlsJob { target, tries } = job;
        let examined = self.examine(&target, &tries, &turn, |_| true).await;
        Observed {
            lines: examined.lines,
            phase: examined.outcome.phase,
            reason: examined.outcome.reason,
            connections: examined.connections,
            again: examined.again.map(|tries| TlsJob { target, tries }),
        }
    }

    fn refusal(&self, ip: Option<IpAddr>, names: &[&str]) -> Option<Reason> {
        self.inspector.contact.connector.refusal(ip?, names)
    }

    fn refused(&self, job: TlsJob, reason: Reason, run: &str) -> Observed<TlsJob> {
        let outcome = Outcome::new(Phase::Input, reason);
        let record = unasked(&job.target, outcome, run);
        Observed::record(&record, &record.outcome)
    }
}

struct Spaced<'a>(&'a Turn);

impl ConnectionPace for Spaced<'_> {
    fn wait(&self) -> impl Future<Output = ()> + Send {
        self.0.reconnect()
    }
}
