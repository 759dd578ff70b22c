//! From header blocks to hops: each message once, and the figures of a run.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashSet;

use super::header::{hex, message_id, received};
use super::hop::hops;
use crate::record::Hop;

/// How messages are traced: the same for every one of a run, in whatever thread.
#[derive(Debug)]
pub struct Manner {
    run: String,
    trusted_by: Vec<String>,
    key: Option<Vec<u8>>,
}

/// A message that was traced.
#[derive(Debug)]
pub struct Traced {
    /// Its id.
    pub id: [u8; 16],
    /// Its hops, oldest first.
    pub hops: Vec<Hop>,
    /// What it adds to the figures of a run, if it is the first of its id.
    pub counts: TraceCounts,
}

impl Manner {
    /// `run` is written into every hop; `trusted_by` and `key` are those of `--trusted-by` and `--id-key`.
    pub fn new(run: &str, trusted_by: Vec<String>, key: Option<Vec<u8>>) -> Self {
        Self {
            run: run.into(),
            trusted_by,
            key,
        }
    }

    /// The hops of a message and what they come to; `header` is its header block.
    pub fn trace(&self, header: &[u8]) -> Traced {
        let id = message_id(header, self.key.as_deref());
        let fields = received(header);
        let hops = hops(&hex(&id), &self.run, &fields, &self.trusted_by);
        let mut counts = TraceCounts {
            messages: 1,
            without_received: fields.is_empty().into(),
            ..TraceCounts::default()
        };
        for hop in &hops {
            counts.count(hop);
        }
        Traced { id, hops, counts }
    }
}

/// Turns messages into hops, each message once.
#[derive(Debug)]
pub struct Tracer {
    manner: Arc<Manner>,
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
            manner: Arc::new(Manner::new(run, trusted_by, key)),
            seen: HashSet::new(),
            counts: TraceCounts::default(),
        }
    }

    /// How it traces, for threads that trace for it.
    pub fn manner(&self) -> Arc<Manner> {
        Arc::clone(&self.manner)
    }

    /// The hops of a message, oldest first; none for one that was seen before.
    pub fn message(&mut self, header: &[u8]) -> Vec<Hop> {
        let traced = self.manner.trace(header);
        match self.take(traced.id, &traced.counts) {
            true => traced.hops,
            false => Vec::new(),
        }
    }

    /// TraceCounts a message that was traced; false for one that was seen before, of which nothing is written.
    pub fn take(&mut self, id: [u8; 16], counts: &TraceCounts) -> bool {
        let is_first = self.seen.insert(id);
        match is_first {
            true => self.counts.add(counts),
            false => self.counts.repeats += 1,
        }
        is_first
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
}

impl TraceCounts {
    fn count(&mut self, hop: &Hop) {
        self.hops += 1;
        self.encrypted[match hop.encrypted {
            Some(true) => 0,
            Some(false) => 1,
            None => 2,
        }] += 1;
        self.inter_organisation += u64::from(hop.inter_organisation == Some(true));
        self.unreadable += u64::from(hop.reason.is_some());
    }

    fn add(&mut self, more: &Self) {
        self.messages += more.messages;
        self.repeats += more.repeats;
        self.without_received += more.without_received;
        self.hops += more.hops;
        for (all, more) in self.encrypted.iter_mut().zip(more.encrypted) {
            *all += more;
        }
        self.inter_organisation += more.inter_organisation;
        self.unreadable += more.unreadable;
    }

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
