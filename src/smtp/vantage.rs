//! Whether this machine can see mail servers at all: most clouds and access networks block outbound port 25, and then
//! every server looks dead.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::record::{Outcome, Phase, Reason};

use super::probe::Conversation;

/// Connections that must have timed out before we say that nothing gets out.
const TIMEOUTS: u32 = 50;
/// Networks (/24, /48) that they must have gone to: one dead data centre is not the internet.
const PREFIXES: usize = 20;

/// What all connections of a run say about where it runs.
#[derive(Debug, Default)]
pub struct Vantage {
    /// Something was reached, or nobody wants to know.
    is_open: AtomicBool,
    timeouts: AtomicU32,
    /// Networks that timed out, at most [`PREFIXES`].
    prefixes: Mutex<HashSet<IpAddr>>,
}

impl Vantage {
    /// A check; one that is not `wanted` always says that all is well.
    pub fn new(wanted: bool) -> Self {
        Self {
            is_open: AtomicBool::new(!wanted),
            ..Self::default()
        }
    }

    /// Takes note of how a connection ended, now or in an earlier run.
    pub fn note(&self, ip: IpAddr, outcome: &Outcome) {
        if self.is_open.load(Ordering::Relaxed) {
            return;
        }
        match (outcome.phase, outcome.reason) {
            (Phase::Connect, Reason::Timeout) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                let mut prefixes = self.prefixes.lock().unwrap_or_else(PoisonError::into_inner);
                if prefixes.len() < PREFIXES {
                    prefixes.insert(prefix(ip));
                }
            }
            // No connection, but no silence either.
            (Phase::Connect | Phase::Input, _) => {}
            _ => self.is_open.store(true, Ordering::Relaxed),
        }
    }

    /// Why to stop, if nothing gets out of here.
    pub fn verdict(&self) -> Option<String> {
        if self.is_open.load(Ordering::Relaxed) {
            return None;
        }
        let timeouts = self.timeouts.load(Ordering::Relaxed);
        let prefixes = || {
            self.prefixes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .len()
        };
        (timeouts >= TIMEOUTS && prefixes() >= PREFIXES).then(|| {
            format!(
                "outbound port 25 seems to be blocked here: all of {timeouts} connections into {PREFIXES} networks or \
                 more timed out, and none succeeded; run this where mail may go out, or use --no-vantage-check"
            )
        })
    }
}

/// What keeps a server that is known to offer STARTTLS from being seen to do so, if anything does.
pub fn stripped(conversation: &Conversation) -> Option<String> {
    let Conversation {
        outcome, dialogue, ..
    } = conversation;
    let starttls = &dialogue.starttls;
    if starttls.advertised == Some(true) && starttls.accepted == Some(true) {
        return None;
    }
    Some(match &starttls.masked {
        Some(masked) => {
            format!("STARTTLS came through as {masked}: something on the way writes over it")
        }
        None if dialogue.banner.is_none() => {
            format!(
                "not reached from here ({}/{})",
                outcome.phase, outcome.reason
            )
        }
        None => format!(
            "STARTTLS did not come through (advertised: {}, accepted: {}; {}/{})",
            word(starttls.advertised),
            word(starttls.accepted),
            outcome.phase,
            outcome.reason
        ),
    })
}

fn word(fact: Option<bool>) -> &'static str {
    match fact {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    }
}

fn prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4((u32::from(ip) & !0xff).into()),
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 80 << 80).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeouts(vantage: &Vantage, count: u32, networks: u32) {
        for index in 0..count {
            let ip = format!("9.{}.1.1", index % networks).parse().unwrap();
            vantage.note(ip, &Outcome::new(Phase::Connect, Reason::Timeout));
        }
    }

    #[test]
    fn only_silence_everywhere_is_a_block() {
        let vantage = Vantage::new(true);
        timeouts(&vantage, 49, 20);
        assert_eq!(vantage.verdict(), None);
        timeouts(&vantage, 1, 20);
        assert!(vantage.verdict().unwrap().contains("all of 50 connections"));

        let one_network = Vantage::new(true);
        timeouts(&one_network, 500, 19);
        assert_eq!(one_network.verdict(), None);
    }

    #[test]
    fn one_that_was_reached_is_enough() {
        let vantage = Vantage::new(true);
        let ip = "9.9.9.9".parse().unwrap();
        vantage.note(ip, &Outcome::new(Phase::Connect, Reason::Refused));
        vantage.note(ip, &Outcome::new(Phase::Input, Reason::Excluded));
        timeouts(&vantage, 100, 50);
        assert!(vantage.verdict().is_some());
        vantage.note(ip, &Outcome::new(Phase::Banner, Reason::Timeout));
        assert_eq!(vantage.verdict(), None);
    }

    #[test]
    fn a_check_that_is_not_wanted_finds_nothing() {
        let vantage = Vantage::new(false);
        timeouts(&vantage, 100, 50);
        assert_eq!(vantage.verdict(), None);
    }
}
