//! From header blocks to hops: each message once, and the figures of a run.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use super::header::{hex, message_id, received};
use super::hop::hops;
use crate::record::Hop;

/// Turns messages into hops.
#[derive(Debug)]
pub struct Tracer {
    run: String,
    trusted_by: Vec<String>,
    key: Option<Vec<u8>>,
    /// The ids of all messages so far: 16 bytes each.
    seen: HashSet<[u8; 16]>,
    counts: TraceCounts,
}

/// What was read and found.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceCounts {
    /// Distinct messages.
    pub messages: u64,
    /// Messages seen before in this run.
    pub repeats: u64,
    /// Messages without a Received field.
    pub without_received: u64,
    /// Hops written.
    pub hops: u64,
    /// Hops whose writer says that they went encrypted, in clear, and neither.
    pub encrypted: [u64; 3],
    /// Hops between organisations.
    pub inter_organisation: u64,
    /// Fields that could not be read.
    pub unreadable: u64,
}

impl Tracer {
    /// `run` is written into every hop; `trusted_by` and `key` are those of `--trusted-by` and `--id-key`.
    pub fn new(run: &str, trusted_by: Vec<String>, key: Option<Vec<u8>>) -> Self {
        Self {
            run: run.into(),
            trusted_by,
            key,
            seen: HashSet::new(),
            counts: TraceCounts::default(),
        }
    }

    /// The hops of a message, oldest first; none for one that was seen before.
    pub fn message(&mut self, header: &[u8]) -> Vec<Hop> {
        let id = message_id(header, self.key.as_deref());
        if !self.seen.insert(id) {
            self.counts.repeats += 1;
            return Vec::new();
        }
        self.counts.messages += 1;
        let fields = received(header);
        if fields.is_empty() {
            self.counts.without_received += 1;
        }
        let hops = hops(&hex(&id), &self.run, &fields, &self.trusted_by);
        for hop in &hops {
            self.count(hop);
        }
        hops
    }

    /// A message whose hops came in as records: it is not traced again.
    pub fn done(&mut self, message: &str) {
        let mut id = [0; 16];
        let digits = message.as_bytes().chunks_exact(2);
        if message.len() != 32 || !message.is_ascii() {
            return;
        }
        for (byte, pair) in id.iter_mut().zip(digits) {
            let Some(value) = std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            else {
                return;
            };
            *byte = value;
        }
        self.seen.insert(id);
    }

    /// The figures so far.
    pub fn counts(&self) -> TraceCounts {
        self.counts
    }

    fn count(&mut self, hop: &Hop) {
        let counts = &mut self.counts;
        counts.hops += 1;
        counts.encrypted[match hop.encrypted {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }] += 1;
        counts.inter_organisation += u64::from(hop.inter_organisation == Some(true));
        counts.unreadable += u64::from(hop.reason.is_some());
    }
}

impl TraceCounts {
    /// As the last line of a run has them.
    pub fn named(&self) -> BTreeMap<String, u64> {
        let [yes, no, unknown] = self.encrypted;
        [
            ("messages", self.messages),
            ("repeats", self.repeats),
            ("without_received", self.without_received),
            ("hops", self.hops),
            ("encrypted", yes),
            ("in_clear", no),
            ("unknown", unknown),
            ("inter_organisation", self.inter_organisation),
            ("unreadable", self.unreadable),
        ]
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
    }
}

impl std::fmt::Display for TraceCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [yes, no, unknown] = self.encrypted;
        write!(
            f,
            "{} messages ({} repeats, {} without Received), {} hops: {yes} encrypted, {no} in clear, {unknown} unknown",
            self.messages, self.repeats, self.without_received, self.hops
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_traced_once_and_not_when_it_is_done() {
        let mut tracer = Tracer::new("r", Vec::new(), None);
        let header = b"Received: from a.test by b.test with ESMTP; x\r\n";
        let hops = tracer.message(header);
        assert_eq!(hops.len(), 1);
        assert!(tracer.message(header).is_empty());
        assert!(tracer.message(b"Subject: x\n").is_empty());
        let counts = tracer.counts();
        assert_eq!(
            (
                counts.messages,
                counts.repeats,
                counts.without_received,
                counts.hops
            ),
            (2, 1, 1, 1)
        );

        let mut later = Tracer::new("r", Vec::new(), None);
        later.done("zz");
        later.done(&hops[0].message);
        assert!(later.message(header).is_empty());
        let mut keyed = Tracer::new("r", Vec::new(), Some(b"key".to_vec()));
        assert_ne!(keyed.message(header)[0].message, hops[0].message);
    }
}
