//! What a server saw of its clients: the manners that a test can hold a scanner to.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;

/// The counts of one address.
#[derive(Debug, Default, Serialize)]
pub struct Counters {
    /// Connections accepted.
    pub connections: u64,
    /// Most connections open at once.
    pub at_once: u64,
    /// Smallest time from the begin of a connection to the begin of the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_gap_ms: Option<u64>,
    /// Smallest time from the end of a connection to the begin of the next; 0 when they overlap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_gap_ms: Option<u64>,
    /// Begin of a connection and the last word that the server said on it, milliseconds of Unix time, of the first connections: over
    /// several addresses they tell how many were open at once. Behind its last word a client may be gone before the server knows.
    pub visits_ms: Vec<(u64, u64)>,
    /// QUITs in clear.
    pub quits: u64,
    /// QUITs inside TLS.
    pub quits_inside: u64,
    /// STARTTLS commands.
    pub starttls: u64,
    /// TLS handshakes completed.
    pub handshakes: u64,
    /// TLS handshakes that failed.
    pub handshakes_failed: u64,
    /// Connections on which the client closed first, in clear and without QUIT, where the server waited for a command.
    pub without_quit: u64,
    /// Connections on which something in clear followed a 220 to STARTTLS.
    pub clear_after_starttls: u64,
    /// Connections on which the client spoke before the whole banner was out.
    pub early_talkers: u64,
    /// Commands that a measurement has no business to send, by verb.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub improper: BTreeMap<String, u64>,
    /// Messages taken in clear, by servers that take any.
    #[serde(skip_serializing_if = "is_none")]
    pub messages: u64,
    /// Messages taken inside TLS.
    #[serde(skip_serializing_if = "is_none")]
    pub messages_inside: u64,
    /// The name of the last EHLO or HELO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ehlo_name: Option<String>,
    /// Bytes received in clear and inside TLS.
    pub bytes_in: u64,
    /// Bytes sent in clear and inside TLS.
    pub bytes_out: u64,
    #[serde(skip)]
    open: u64,
    #[serde(skip)]
    last_start: Option<Instant>,
    #[serde(skip)]
    last_end: Option<Instant>,
}

/// What is known of a connection when it begins.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Which connection to this address it is, from 1.
    pub number: u64,
    /// Time since the one before began.
    pub after: Option<Duration>,
    /// Others that are open.
    pub others: u64,
}

/// The line of an address in `--counters`.
#[derive(Serialize)]
struct Line<'a> {
    r#type: &'static str,
    ip: IpAddr,
    #[serde(flatten)]
    counters: &'a Counters,
}

/// Visits that are kept for an address.
const VISITS: usize = 16;

/// Distinct improper verbs that are kept for an address.
const VERBS: usize = 16;

impl Counters {
    /// A connection begins.
    pub fn begin(&mut self) -> Arrival {
        let now = Instant::now();
        let after = self.last_start.map(|start| now.duration_since(start));
        smaller(
            &mut self.start_gap_ms,
            after.map(|gap| gap.as_millis() as u64),
        );
        let idle = match self.last_end {
            Some(end) if self.open == 0 => Some(now.duration_since(end).as_millis() as u64),
            None if self.open == 0 => None,
            _ => Some(0),
        };
        smaller(&mut self.idle_gap_ms, idle);
        self.last_start = Some(now);
        let others = self.open;
        if self.visits_ms.len() < VISITS {
            let begun = milliseconds(SystemTime::now());
            self.visits_ms.push((begun, begun));
        }
        self.connections += 1;
        self.open += 1;
        self.at_once = self.at_once.max(self.open);
        Arrival {
            number: self.connections,
            after,
            others,
        }
    }

    /// When the last word was said on the connection that arrived so.
    pub fn said(&mut self, arrival: Arrival, said: SystemTime) {
        let at = usize::try_from(arrival.number - 1).ok();
        if let Some(visit) = at.and_then(|at| self.visits_ms.get_mut(at)) {
            visit.1 = visit.0.max(milliseconds(said));
        }
    }

    /// A connection ends.
    pub fn end(&mut self) {
        self.open = self.open.saturating_sub(1);
        self.last_end = Some(Instant::now());
    }

    /// A command came that no measurement needs.
    pub fn improper(&mut self, verb: &[u8]) {
        let mut word = String::from_utf8_lossy(&verb[..verb.len().min(16)]).to_uppercase();
        if !self.improper.contains_key(&word) && self.improper.len() >= VERBS {
            word = "OTHERS".into();
        }
        *self.improper.entry(word).or_default() += 1;
    }

    /// The counts as a line.
    pub fn line(&self, ip: IpAddr) -> String {
        let line = Line {
            r#type: "address",
            ip,
            counters: self,
        };
        match serde_json::to_string(&line) {
            Ok(json) => json,
            // A struct of numbers and strings.
            Err(error) => unreachable!("counters cannot be written: {error}"),
        }
    }
}

fn milliseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

fn smaller(kept: &mut Option<u64>, seen: Option<u64>) {
    if let Some(seen) = seen {
        *kept = Some(kept.map_or(seen, |kept| kept.min(seen)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_gaps_and_overlap() {
        let mut counters = Counters::default();
        let first = counters.begin();
        assert_eq!((first.number, first.others), (1, 0));
        assert!(first.after.is_none());
        let second = counters.begin();
        assert_eq!((second.number, second.others), (2, 1));
        assert!(second.after.is_some());
        counters.end();
        counters.end();
        assert_eq!(counters.at_once, 2);
        assert_eq!(counters.idle_gap_ms, Some(0));
        counters.said(second, SystemTime::now() + Duration::from_secs(1));
        let (begun, said) = counters.visits_ms[1];
        assert!(said - begun >= 900 && counters.visits_ms[0].0 == counters.visits_ms[0].1);
        for _ in 0..100 {
            let arrival = counters.begin();
            counters.said(arrival, SystemTime::now());
        }
        assert_eq!(counters.visits_ms.len(), VISITS);
    }

    #[test]
    fn improper_verbs_are_bounded() {
        let mut counters = Counters::default();
        for n in 0..100 {
            counters.improper(format!("v{n}").as_bytes());
        }
        assert_eq!(counters.improper.len(), VERBS + 1);
        assert_eq!(counters.improper["OTHERS"], 84);
    }
}
