//! From `policy` records to domains that say they have a policy for TLS, and from these to `sts` records.

pub mod manners;

use std::net::IpAddr;

use serde::Deserialize;

use crate::dns::name::Name;
use crate::driver::{Found, Key, Observe, Observed, Select, Subject, Taken, Turn};
use crate::ndjson::{self, Line, NotARecord};
use crate::policy::fetch::{self, Fetcher, WantedPolicy};
use crate::record::{PolicyState, Reason, Sts, now};

/// Finds domains with a record of MTA-STS.
#[derive(Clone, Copy, Debug)]
pub struct StsSelect {
    /// Also those that have no record, or none that is known: a policy without a record is a finding too.
    pub without_record: bool,
}

/// What of a `policy` line is needed.
#[derive(Deserialize)]
struct PolicyLine {
    domain: String,
    mta_sts: Option<Part>,
    #[serde(default)]
    exchanges: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Part {
    state: PolicyState,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    lenient: Option<Lenient>,
}

#[derive(Deserialize)]
struct Lenient {
    state: PolicyState,
}

impl Part {
    /// Somebody reads a record there, or somebody meant one.
    fn is_there(&self) -> bool {
        let is_some = |state| !matches!(state, PolicyState::Absent | PolicyState::Unknown);
        is_some(self.state) || (self.lenient.as_ref()).is_some_and(|lenient| is_some(lenient.state))
    }
}

impl Select for StsSelect {
    type Job = WantedPolicy;

    const OWN: &'static [&'static str] = &["sts"];

    fn select(
        &mut self,
        line: &Line,
        kind: Result<&str, &NotARecord>,
        found: &mut Found<'_, WantedPolicy>,
    ) -> Taken {
        match kind {
            Ok("policy") => {}
            Ok(_) => return Taken::Passed,
            Err(why) => return Taken::Refused(why.to_string()),
        }
        let policy: PolicyLine = match serde_json::from_slice(&line.bytes) {
            Ok(policy) => policy,
            Err(error) => return Taken::Refused(ndjson::describe(&error)),
        };
        let Some(part) = policy.mta_sts else {
            found.count("mta_sts_not_asked");
            return Taken::Passed;
        };
        if !part.is_there() && !self.without_record {
            found.count(match part.state {
                PolicyState::Unknown => "record_unknown",
                _ => "without_record",
            });
            return Taken::Passed;
        }
        // A line of what is no name stands for no domain.
        if let Ok(domain) = Name::parse(policy.domain.as_bytes()) {
            found.subject(Subject {
                key: Key::Sts(domain.to_string().into()),
                place: None,
                names: vec![domain.to_string(), format!("mta-sts.{domain}")],
                job: WantedPolicy {
                    domain,
                    record: part.state,
                    id: part.id,
                    exchanges: policy.exchanges,
                },
            });
        }
        Taken::Passed
    }

    fn done(&self, line: &Line) -> Result<Option<Key<'static>>, String> {
        #[derive(Deserialize)]
        struct Done {
            domain: String,
        }
        let done: Done =
            serde_json::from_slice(&line.bytes).map_err(|error| ndjson::describe(&error))?;
        Ok(Some(Key::Sts(done.domain.into())))
    }
}

/// Fetches policies.
pub struct Fetching(pub Fetcher);

impl Fetching {
    fn finish(mut sts: Sts, run: &str) -> Observed<WantedPolicy> {
        sts.run = run.to_owned();
        sts.time = now();
        Observed {
            connections: sts.connections,
            ..Observed::record(&sts, &sts.outcome)
        }
    }
}

impl Observe for Fetching {
    type Job = WantedPolicy;
    const AWAITS: &'static str = "policy hosts";

    async fn observe(&self, wanted: WantedPolicy, turn: Turn) -> Observed<WantedPolicy> {
        let sts = self.0.fetch(&wanted).await;
        Self::finish(sts, &turn.run)
    }

    fn refusal(&self, _ip: Option<IpAddr>, names: &[&str]) -> Option<Reason> {
        let exclude = &self.0.connector.gate.exclude;
        (names.iter())
            .any(|name| exclude.has_name(name))
            .then_some(Reason::Excluded)
    }

    fn refused(&self, wanted: WantedPolicy, reason: Reason, run: &str) -> Observed<WantedPolicy> {
        Self::finish(fetch::unasked(&wanted, reason), run)
    }

    fn note(&self) -> Option<String> {
        let servers = self.0.resolver.servers();
        Some(format!(
            "{} of {} resolvers healthy",
            servers.healthy, servers.all
        ))
    }
}
