//! Between which two times a run will end, from its targets and its limits (`--dry-run`). Pure: no clock, no network.
//!
//! Never earlier: every server answers at once, so that only the rate and the spacing hold the run up. Never later: a share of the
//! servers never answers, and every other takes its time. The target that starts last has waited for one of four things at any
//! moment: its operator, its prefix, the rate, or room for one more connection. Each can have been what it waited for no longer
//! than all of its work takes, so that their sum bounds the wait.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::found::RunTally;
use super::options::{Assumed, StageOptions};
use crate::net::pacing::{PaceLimits, Place};
use crate::program::say;

/// What a connection to a server that answers takes at most: ten round trips of 100 ms, and a second of thought.
pub const CONVERSATION: Duration = Duration::from_secs(2);

/// The targets of a run that was not made.
#[derive(Debug)]
pub(super) struct Forecast {
    assumed: Assumed,
    limits: PaceLimits,
    concurrency: usize,
    servers: u64,
    /// Those that the limits of operator, prefix and rate are for: not loopback.
    paced: u64,
    addresses: HashMap<IpAddr, u32>,
    prefixes: HashMap<u64, u64>,
    operators: HashMap<Arc<str>, u64>,
}

/// When the run would end, counted from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunEnd {
    /// Not earlier.
    pub least: Duration,
    /// Not later, but for tries after a 4xx.
    pub most: Duration,
    /// The operator that takes longest, if nothing else takes longer.
    pub bound: Option<RunBound>,
}

/// The operator without which a run would end earlier.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RunBound {
    /// Its registered domain.
    pub operator: Arc<str>,
    /// Its servers.
    pub servers: u64,
    /// When the run would end at the latest without it.
    pub without: Duration,
}

impl Forecast {
    /// Of no target yet, under the limits of the run.
    pub(super) fn new(assumed: Assumed, limits: PaceLimits, concurrency: usize) -> Self {
        Self {
            assumed,
            limits,
            concurrency,
            servers: 0,
            paced: 0,
            addresses: HashMap::new(),
            prefixes: HashMap::new(),
            operators: HashMap::new(),
        }
    }

    /// Of a run under `--dry-run`.
    pub(super) fn of_options(options: &StageOptions) -> Option<Self> {
        let assumed = options.forecast?;
        Some(Self::new(
            assumed,
            options.limits.clone(),
            options.concurrency,
        ))
    }

    /// Says it on standard error, and counts it for the last line.
    pub(super) fn tell(&self, stage: &str, tally: &mut RunTally) {
        for line in self.lines() {
            say(stage, &line);
        }
        let end = self.end();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        tally.add("planned_connections", self.connections());
        tally.add("planned_ms_least", milliseconds(end.least));
        tally.add("planned_ms_most", milliseconds(end.most));
    }

    /// One more target.
    pub(super) fn add(&mut self, place: &Place) {
        let ip = place.ip.to_canonical();
        self.servers += 1;
        *self.addresses.entry(ip).or_default() += 1;
        if let Some(operator) = &place.operator {
            *self.operators.entry(operator.clone()).or_default() += 1;
        }
        if !ip.is_loopback() {
            self.paced += 1;
            *self.prefixes.entry(place.prefix()).or_default() += 1;
        }
    }

    /// Connections, at the least.
    pub(super) fn connections(&self) -> u64 {
        self.servers * self.assumed.samples as u64
    }

    /// When the run would end.
    pub(super) fn end(&self) -> RunEnd {
        let mut operators: Vec<(u64, &Arc<str>)> = match self.paced {
            // Loopback is exempt.
            0 => Vec::new(),
            _ => (self.operators.iter())
                .map(|(name, servers)| (*servers, name))
                .collect(),
        };
        operators.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.cmp(other.1)));
        let longest = operators.first().map_or(0, |(servers, _)| *servers);
        let second = operators.get(1).map_or(0, |(servers, _)| *servers);
        let at_operator = self.operator_takes(longest);
        let others = self.rate_takes()
            + self.prefix_takes()
            + self.work(self.servers) / self.concurrency.max(1) as u32
            + self.last_takes();
        let bound = operators.first().filter(|_| at_operator > others);
        RunEnd {
            least: self.rate_takes().max(self.spacing_takes()),
            most: at_operator + others,
            bound: bound.map(|(servers, name)| RunBound {
                operator: Arc::clone(name),
                servers: *servers,
                without: self.operator_takes(second) + others,
            }),
        }
    }

    /// What all connections to so many servers take, one after the other: of a share none answers, at least of one.
    fn work(&self, servers: u64) -> Duration {
        let dead = (servers as f64 * self.assumed.dead).ceil();
        let alive = servers as f64 - dead;
        let once = self.assumed.patience.mul_f64(dead) + CONVERSATION.mul_f64(alive);
        once.mul_f64(self.assumed.samples as f64)
    }

    fn operator_takes(&self, servers: u64) -> Duration {
        let places = self.limits.per_operator.max(1) as f64;
        // Workers that share an operator keep so far apart.
        let stretch = (1.0 / places).max(self.limits.stretch);
        self.work(servers).mul_f64(stretch)
    }

    fn prefix_takes(&self) -> Duration {
        let longest = self.prefixes.values().max().copied().unwrap_or(0);
        self.work(longest) / self.limits.per_prefix.max(1) as u32
    }

    fn rate_takes(&self) -> Duration {
        let connections = (self.paced * self.assumed.samples as u64).saturating_sub(1);
        let rate = self.limits.rate.filter(|rate| *rate > 0.0);
        rate.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(connections as f64 / rate)
        })
    }

    /// Visits to one address, one after the other.
    fn visits(&self) -> u32 {
        let targets = self.addresses.values().max().copied().unwrap_or(0);
        targets.saturating_mul(self.assumed.samples as u32)
    }

    fn spacing_takes(&self) -> Duration {
        self.limits.spacing * self.visits().saturating_sub(1)
    }

    /// What the last target takes once nobody else holds it up: all visits to its address.
    fn last_takes(&self) -> Duration {
        let once = match self.assumed.dead > 0.0 {
            true => self.assumed.patience.max(CONVERSATION),
            false => CONVERSATION,
        };
        once * self.visits() + self.spacing_takes()
    }

    /// The operators with most servers.
    pub(super) fn largest(&self) -> Vec<(&str, u64)> {
        let mut operators: Vec<_> = self.operators.iter().collect();
        operators.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let operators = operators.into_iter().take(10);
        operators.map(|(name, count)| (&**name, *count)).collect()
    }

    /// What a person is told, in lines.
    pub(super) fn lines(&self) -> Vec<String> {
        let (connections, servers) = (self.connections(), self.servers);
        let at_rate = self.limits.rate.filter(|rate| *rate > 0.0);
        let at_rate = at_rate.map_or_else(String::new, |rate| {
            let seconds = (connections as f64 / rate).ceil();
            format!(", {seconds:.0} s at --rate {rate}")
        });
        let mut lines = vec![format!(
            "would make {connections} connections to {servers} servers{at_rate}; tries after a 4xx come on top"
        )];
        let end = self.end();
        lines.push(format!(
            "would end between {} (every server answers at once) and {} ({:.0} % never answer, every other takes {})",
            Spoken(end.least),
            Spoken(end.most),
            self.assumed.dead * 100.0,
            Spoken(CONVERSATION),
        ));
        if let Some(bound) = &end.bound {
            lines.push(format!(
                "{} bounds it: {} servers, {} at once; without it at most {}",
                bound.operator,
                bound.servers,
                self.limits.per_operator,
                Spoken(bound.without),
            ));
        }
        let largest = self.largest().into_iter();
        lines.extend(
            largest.map(|(operator, servers)| format!("{servers:>8} servers of {operator}")),
        );
        lines
    }
}

/// A time in two units.
struct Spoken(Duration);

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 => write!(f, "{:.1} s", self.0.as_secs_f64()),
            60..3600 => write!(f, "{} min {} s", seconds / 60, seconds % 60),
            3600..86_400 => write!(f, "{} h {} min", seconds / 3600, seconds % 3600 / 60),
            _ => write!(f, "{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUMED: Assumed = Assumed {
        dead: 0.1,
        patience: Duration::from_secs(10),
        samples: 1,
    };

    fn forecast(
        assumed: Assumed,
        targets: impl Iterator<Item = (String, &'static str)>,
    ) -> Forecast {
        let mut forecast = Forecast::new(assumed, PaceLimits::default(), 1000);
        for (ip, operator) in targets {
            forecast.add(&Place {
                ip: ip.parse().unwrap(),
                operator: Some(operator.into()),
                not_before: None,
            });
        }
        forecast
    }

    fn seconds(duration: Duration) -> f64 {
        (duration.as_secs_f64() * 1000.0).round() / 1000.0
    }

    #[test]
    fn one_large_operator_bounds_a_run_and_it_is_said_by_how_much() {
        let big = (0..1000).map(|n| (format!("9.{}.{}.1", n / 250, n % 250), "big.example"));
        let small = (0..10).map(|n| (format!("8.8.{n}.1"), "small.example"));
        let end = forecast(ASSUMED, big.chain(small)).end();
        // 1010 connections, 2 ms between two.
        assert_eq!(seconds(end.least), 2.018);
        // 100 dead of 10 s and 900 of 2 s, two at once.
        let operator = (100.0 * 10.0 + 900.0 * 2.0) / 2.0;
        // The rate, one server in a prefix, 1010 servers at 1000 once, and the last of them.
        let others = 2.018 + 10.0 / 4.0 + (101.0 * 10.0 + 909.0 * 2.0) / 1000.0 + 10.0;
        assert_eq!(seconds(end.most), operator + others);
        let bound = end.bound.unwrap();
        assert_eq!((&*bound.operator, bound.servers), ("big.example", 1000));
        assert_eq!(seconds(bound.without), (10.0 + 9.0 * 2.0) / 2.0 + others);
    }

    #[test]
    fn without_dead_servers_and_without_an_operator_that_matters_nothing_bounds_it() {
        let assumed = Assumed {
            dead: 0.0,
            ..ASSUMED
        };
        let names = ["a.example", "b.example", "c.example"];
        let end = forecast(assumed, (0..3).map(|n| (format!("9.9.{n}.1"), names[n]))).end();
        assert_eq!(end.bound, None);
        assert_eq!(seconds(end.least), 0.004);
        // Operator 1 s, prefix 0.5 s, the rate, room, and the last conversation.
        assert_eq!(seconds(end.most), 1.0 + 0.5 + 0.004 + 0.006 + 2.0);
    }

    #[test]
    fn visits_to_one_address_are_spaced_and_loopback_has_no_operator() {
        let assumed = Assumed {
            samples: 3,
            ..ASSUMED
        };
        let twice = (0..2).map(|_| ("127.0.0.1".to_owned(), "big.example"));
        let forecast = forecast(assumed, twice);
        let end = forecast.end();
        assert_eq!(forecast.connections(), 6);
        assert_eq!((seconds(end.least), end.bound), (5.0, None));
        assert_eq!(
            seconds(end.most),
            (10.0 + 2.0) * 3.0 / 1000.0 + 6.0 * 10.0 + 5.0
        );
    }

    #[test]
    fn no_target_takes_no_time() {
        let none = forecast(ASSUMED, std::iter::empty());
        assert_eq!(none.end().least, Duration::ZERO);
        assert_eq!(none.end().most, Duration::ZERO);
        assert_eq!(none.lines().len(), 2);
    }
}
