//! What one thread counts of an input, before the census takes it over. Its memory does not grow with the list: names are
//! taken over as soon as they are many.

use std::borrow::Cow;

use super::address::{self, NotCounted};
use super::aliases::Aliases;
use super::distinct::DistinctAddresses;
use super::names::NameTable;
use super::short::{NameBatch, Short, Slots, whole};

/// How many lines of each cause `--debug` shows.
pub const SHOWN: usize = 10;

/// Names that are no short ones wait for the census until there are so many.
const WAITING: usize = 1 << 14;

/// What every address of a list is put through.
#[derive(Default)]
pub struct Rules {
    /// Domains that stand for others.
    pub aliases: Aliases,
    /// Addresses seen, where each counts once.
    pub distinct: Option<DistinctAddresses>,
    /// The first lines of each cause are kept, by number. Every domain is judged where it stands then, which is slow.
    pub debug: bool,
}

impl Rules {
    /// The canonical name of a raw domain that counts: under a known top-level domain, or an alias of one that is. What it
    /// counts as is `aliases.resolve` of it.
    pub fn name<'n>(&self, raw: &'n [u8]) -> Result<Cow<'n, [u8]>, NotCounted> {
        let name = address::canonical(raw)?;
        if self.aliases.holds(&name) || address::has_known_tld(&name) {
            Ok(name)
        } else {
            Err(NotCounted::UnknownTld)
        }
    }
}

/// Sums beside the users of domains.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    /// Lines and addresses that were not counted, by cause.
    pub causes: [u64; NotCounted::ALL.len()],
    /// Lines read.
    pub lines: u64,
    /// Lines of column names.
    pub headers: u64,
    /// Addresses that were there before, where each counts once.
    pub repeated: u64,
}

impl Sums {
    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (sum, count) in self.causes.iter_mut().zip(other.causes) {
            *sum += count;
        }
        self.lines += other.lines;
        self.headers += other.headers;
        self.repeated += other.repeated;
    }

    /// The causes that there are, and how often.
    pub fn causes(&self) -> impl Iterator<Item = (NotCounted, u64)> {
        let counts = NotCounted::ALL
            .iter()
            .map(|&cause| (cause, self.causes[cause as usize]));
        counts.filter(|&(_, count)| count > 0)
    }
}

/// A line that was not counted: which, and why. Nothing of what stands on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// Where the segment of the input begins that the line is in.
    pub segment: u64,
    /// Its number in the segment, from 1.
    pub line: u64,
    /// Why it was not counted.
    pub cause: NotCounted,
}

/// The sums of one thread.
pub struct ThreadTally<'a> {
    rules: &'a Rules,
    /// Short names, the many.
    slots: Slots,
    /// All other names, as written.
    others: NameTable,
    /// All that is no name.
    pub sums: Sums,
    /// The first of each cause, for `--debug`.
    pub complaints: Vec<Complaint>,
    /// How many lines each segment has, for `--debug`.
    pub segments: Vec<(u64, u64)>,
    /// Where the segment begins, and how many lines were read before it.
    segment: (u64, u64),
}

impl<'a> ThreadTally<'a> {
    /// Nothing yet.
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            rules,
            slots: Slots::default(),
            others: NameTable::default(),
            sums: Sums::default(),
            complaints: Vec::new(),
            segments: Vec::new(),
            segment: (0, 0),
        }
    }

    /// Whether a domain can be counted as it stands, without a look at the whole address.
    pub fn is_plain(&self) -> bool {
        self.rules.distinct.is_none() && !self.rules.debug
    }

    /// What stands in an address field.
    pub fn address(&mut self, field: &[u8]) {
        match address::split(field) {
            Ok((local, domain)) => self.user(local, domain),
            Err(cause) => self.reject(cause),
        }
    }

    /// A user with this local part at this domain, both as written.
    pub fn user(&mut self, local: &[u8], domain: &[u8]) {
        if self.is_plain() {
            return self.domain(domain);
        }
        let name = match self.rules.name(domain) {
            Ok(name) => name,
            Err(cause) => return self.reject(cause),
        };
        if let Some(distinct) = &self.rules.distinct
            && !distinct.insert(local, self.rules.aliases.resolve(&name))
        {
            self.sums.repeated += 1;
            return;
        }
        self.domain(&name);
    }

    /// One more user at a domain as written.
    fn domain(&mut self, raw: &[u8]) {
        match whole(raw) {
            Some(name) => self.short(name),
            None if raw.len() > address::RAW_LIMIT => self.reject(NotCounted::NameTooLong),
            None => self.others.add(raw, 1),
        }
    }

    /// One more user at a short domain.
    fn short(&mut self, name: Short) {
        if !self.slots.add(name) {
            name.with_bytes(|name| self.others.add(name, 1));
        }
    }

    /// One more user at each of some short domains.
    pub fn batch(&mut self, batch: &mut NameBatch) {
        batch.drain(|name| self.short(name));
    }

    /// A line, or what stands where its address should be, is not counted.
    pub fn reject(&mut self, cause: NotCounted) {
        let count = &mut self.sums.causes[cause as usize];
        *count += 1;
        if self.rules.debug && *count <= SHOWN as u64 {
            let (segment, before) = self.segment;
            self.complaints.push(Complaint {
                segment,
                line: self.sums.lines - before,
                cause,
            });
        }
    }

    /// A segment of the input begins at this byte of it.
    pub fn begin_segment(&mut self, start: u64) {
        self.segment = (start, self.sums.lines);
    }

    /// The segment has ended.
    pub fn end_segment(&mut self) {
        if self.rules.debug {
            let (start, before) = self.segment;
            self.segments.push((start, self.sums.lines - before));
        }
    }

    /// Whether the census should take the names over before more is read.
    pub fn is_full(&self) -> bool {
        self.slots.is_full() || self.others.len() >= WAITING
    }

    /// Takes every name out, each as it was written or in lower case.
    pub fn drain(&mut self, mut each: impl FnMut(&[u8], u64)) {
        self.slots.drain(&mut each);
        self.others.drain(each);
    }
}
