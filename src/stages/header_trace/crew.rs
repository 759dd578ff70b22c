//! Threads that trace messages. What they found comes back in the order in which it was handed out, so that the output is the
//! same for any number of them.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::ndjson;
use crate::received::tracer::{Manner, TraceCounts};

/// Octets of messages that are handed out together: enough that the handing out costs nothing.
const BATCH_OCTETS: usize = 128 << 10;
/// Messages and lines that are handed out together.
const BATCH_ENTRIES: usize = 64;
/// Octets that are out, in all, before what came first is waited for. One message may have more.
const OUT_OCTETS: usize = 32 << 20;
/// Batches that are out, for each thread.
const OUT_EACH: usize = 3;
/// The most threads: the one that reads and writes keeps no more of them busy.
const MOST_THREADS: usize = 8;

/// What an input holds, on its way to a thread.
pub(super) enum Entry {
    /// A header block.
    Message(Vec<u8>),
    /// A line of another record and its number.
    Line(Vec<u8>, u64),
    /// What is to be said of what, on stderr.
    Complaint(String, String),
}

/// The same on its way back.
pub(super) enum TracedEntry {
    /// A message that was traced: its id, its figures, its hops as lines.
    Message {
        /// The id of the message.
        id: [u8; 16],
        /// What it adds, unless it was seen before.
        counts: TraceCounts,
        /// Whole lines.
        lines: Vec<u8>,
    },
    /// As it was handed out.
    Line(Vec<u8>, u64),
    /// As it was handed out.
    Complaint(String, String),
}

/// One thread, and the two ends of its line.
struct Hand {
    given: Sender<Vec<Entry>>,
    done: Receiver<Vec<TracedEntry>>,
}

/// The threads; none before there is work for two.
pub(super) struct Crew {
    manner: Arc<Manner>,
    most: usize,
    hands: Vec<Hand>,
    batch: Vec<Entry>,
    octets: usize,
    /// The octets of each batch that is out, the oldest first; batch by batch the threads take turns.
    out: VecDeque<usize>,
    /// Whose turn it is to be given a batch, and whose is the oldest.
    next: usize,
    oldest: usize,
}

impl Crew {
    /// A crew that traces by `manner`, with a thread a core.
    pub(super) fn new(manner: Arc<Manner>) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            manner,
            most: cores.min(MOST_THREADS),
            hands: Vec::new(),
            batch: Vec::new(),
            octets: 0,
            out: VecDeque::new(),
            next: 0,
            oldest: 0,
        }
    }

    /// Takes one more, and gives what is ready by now, if something is: not what is still out.
    ///
    /// # Errors
    ///
    /// A thread that the system refuses, or one that broke off.
    pub(super) fn hand_out(&mut self, entry: Entry) -> io::Result<Vec<TracedEntry>> {
        self.octets += match &entry {
            Entry::Message(bytes) | Entry::Line(bytes, _) => bytes.len(),
            Entry::Complaint(..) => 0,
        };
        self.batch.push(entry);
        if self.octets < BATCH_OCTETS && self.batch.len() < BATCH_ENTRIES {
            return Ok(Vec::new());
        }
        if self.most < 2 {
            return Ok(self.trace_here());
        }
        let mut ready = Vec::new();
        while self.is_full() {
            ready.append(&mut self.take_oldest()?);
        }
        self.give()?;
        Ok(ready)
    }

    /// Everything that was handed out and has not come back.
    ///
    /// # Errors
    ///
    /// A thread that broke off.
    pub(super) fn settle(&mut self) -> io::Result<Vec<TracedEntry>> {
        let mut ready = Vec::new();
        while !self.out.is_empty() {
            ready.append(&mut self.take_oldest()?);
        }
        // The last few are not worth a thread.
        ready.append(&mut self.trace_here());
        Ok(ready)
    }

    /// Whether what came first has to come back before more is handed out.
    fn is_full(&self) -> bool {
        let octets = self.out.iter().sum::<usize>() + self.octets;
        !self.out.is_empty() && (self.out.len() >= self.most * OUT_EACH || octets > OUT_OCTETS)
    }

    fn trace_here(&mut self) -> Vec<TracedEntry> {
        self.octets = 0;
        trace(&self.manner, std::mem::take(&mut self.batch))
    }

    fn give(&mut self) -> io::Result<()> {
        if self.hands.len() < self.most && self.next == self.hands.len() {
            self.hands.push(Hand::new(Arc::clone(&self.manner))?);
        }
        let batch = std::mem::take(&mut self.batch);
        let given = self.hands[self.next].given.send(batch);
        given.map_err(|_| broke_off())?;
        self.out.push_back(std::mem::take(&mut self.octets));
        self.next = (self.next + 1) % self.most;
        Ok(())
    }

    fn take_oldest(&mut self) -> io::Result<Vec<TracedEntry>> {
        let done = self.hands[self.oldest].done.recv();
        self.out.pop_front();
        self.oldest = (self.oldest + 1) % self.most;
        done.map_err(|_| broke_off())
    }
}

fn broke_off() -> io::Error {
    io::Error::other("a thread that traces messages broke off")
}

impl Hand {
    fn new(manner: Arc<Manner>) -> io::Result<Self> {
        let (given, batches) = channel::<Vec<Entry>>();
        let (results, done) = channel();
        thread::Builder::new().name("trace".into()).spawn(move || {
            for batch in batches {
                if results.send(trace(&manner, batch)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { given, done })
    }
}

fn trace(manner: &Manner, batch: Vec<Entry>) -> Vec<TracedEntry> {
    let traced = batch.into_iter().map(|entry| match entry {
        Entry::Message(header) => {
            let traced = manner.trace(&header);
            let mut lines = Vec::with_capacity(traced.hops.len() * 640);
            for hop in &traced.hops {
                ndjson::append(&mut lines, hop);
            }
            TracedEntry::Message {
                id: traced.id,
                counts: traced.counts,
                lines,
            }
        }
        Entry::Line(bytes, number) => TracedEntry::Line(bytes, number),
        Entry::Complaint(of, why) => TracedEntry::Complaint(of, why),
    });
    traced.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ids of all that comes back, in its order, of `count` messages with a complaint behind every tenth.
    fn course(most: usize, count: usize) -> Vec<String> {
        let manner = Arc::new(Manner::new("run", Vec::new(), None));
        let mut crew = Crew::new(manner);
        crew.most = most;
        let mut all = Vec::new();
        for number in 0..count {
            let length = if number.is_multiple_of(97) {
                BATCH_OCTETS
            } else {
                10
            };
            let header = format!(
                "Subject: {number}\r\nX: {}\r\nReceived: from a.test by b.test with ESMTP; x\r\n",
                "x".repeat(length)
            );
            all.append(&mut crew.hand_out(Entry::Message(header.into())).unwrap());
            if number.is_multiple_of(10) {
                let complaint = Entry::Complaint("file".into(), number.to_string());
                all.append(&mut crew.hand_out(complaint).unwrap());
            }
        }
        all.append(&mut crew.settle().unwrap());
        assert!(crew.out.is_empty() && crew.batch.is_empty());
        let shown = all.into_iter().map(|ready| match ready {
            TracedEntry::Message { lines, .. } => String::from_utf8(lines).unwrap(),
            TracedEntry::Line(..) => unreachable!("none was handed out"),
            TracedEntry::Complaint(_, why) => why,
        });
        shown.collect()
    }

    #[test]
    fn what_comes_back_is_in_the_order_of_what_was_handed_out_for_any_number_of_threads() {
        let alone = course(1, 2000);
        assert_eq!(alone.len(), 2200);
        for most in [2, 3, 8] {
            assert!(course(most, 2000) == alone, "{most} threads");
        }
        assert_eq!(course(4, 3), alone[..4]);
    }
}
