//! The names of the world as one block of wire format and a table of offsets: a million names in some 100 MB.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use hashbrown::{DefaultHashBuilder, HashTable};
use hickory_proto::rr::RecordType;
use sha2::{Digest, Sha256, Sha512};

use super::super::world::{Denies, DnsFault, WorldName};

/// Record types by their numbers (IANA "DNS Parameters").
pub mod rtype {
    #![allow(missing_docs)]
    pub const A: u16 = 1;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const OPT: u16 = 41;
    pub const RRSIG: u16 = 46;
    pub const NSEC: u16 = 47;
    pub const TLSA: u16 = 52;
    pub const NXNAME: u16 = 128;
    pub const ANY: u16 = 255;
    pub const CAA: u16 = 257;
}

/// All names of a world.
#[derive(Default)]
pub struct Zones {
    /// Entries, one behind the other: length of the name, the name in wire form, flags, number of records, and for each its
    /// type, length of RDATA and RDATA.
    block: Vec<u8>,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    faults: HashMap<u32, Troubled>,
    /// Apexes of signed zones.
    signed: Vec<(Vec<u8>, Denies)>,
    everywhere: Option<Troubled>,
}

/// A fault and how often it struck.
#[derive(Debug)]
pub struct Troubled {
    /// What goes wrong.
    pub fault: DnsFault,
    types: Vec<u16>,
    questions: AtomicU32,
}

/// The records of a name.
#[derive(Clone, Copy)]
pub struct NameRecords<'a> {
    /// The AD bit is set on request.
    pub ad: bool,
    records: &'a [u8],
    at: u32,
}

/// The DER of the leaf that a server shows, for TLSA records that name the server.
pub type ShownLeaf<'a> = dyn Fn(IpAddr) -> Option<TlsaLeaf> + 'a;

/// What TLSA records are made of (RFC 6698 §2.1).
pub struct TlsaLeaf {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// Its SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
}

const AD: u8 = 1;

impl Zones {
    /// How many names there are, those between others included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Adds a name. A second line for a name is an error: which of the two would hold?
    pub fn add(&mut self, name: &WorldName, leaf_of: &ShownLeaf<'_>) -> Result<(), String> {
        let wire = wire_name(&name.name)?;
        let records = Records::of_name(name, leaf_of)?;
        if let Some(entry) = self.find(&wire)
            && !entry.is_empty()
        {
            return Err(format!("{} stands there twice", name.name));
        }
        let at = self.insert(&wire, name.ad, &records);
        if let Some(fault) = &name.dns {
            self.faults.insert(at, Troubled::new(fault)?);
        }
        if let Some(denies) = name.signed {
            self.signed.push((wire.clone(), denies));
        }
        self.add_ancestors(&wire);
        Ok(())
    }

    /// Names above a name exist (RFC 4592 §2.2.2): a question for them has no data, but is no NXDOMAIN.
    fn add_ancestors(&mut self, wire: &[u8]) {
        let mut rest = wire;
        while let Some(&length) = rest.first()
            && length > 0
        {
            rest = &rest[usize::from(length) + 1..];
            if self.find(rest).is_some() {
                return;
            }
            self.insert(rest, false, &Records::default());
        }
    }

    /// Sets what goes wrong with every name that has no fault of its own.
    pub fn trouble_everywhere(&mut self, fault: &DnsFault) -> Result<(), String> {
        self.everywhere = Some(Troubled::new(fault)?);
        Ok(())
    }

    /// The name in lower-case wire form.
    pub fn find(&self, wire: &[u8]) -> Option<NameRecords<'_>> {
        let hash = self.hasher.hash_one(wire);
        let at = *self
            .table
            .find(hash, |&at| name_at(&self.block, at) == wire)?;
        let start = at as usize + 1 + wire.len();
        let length = u32::from_be_bytes([
            0,
            self.block[start + 1],
            self.block[start + 2],
            self.block[start + 3],
        ]);
        Some(NameRecords {
            ad: self.block[start] & AD != 0,
            records: &self.block[start + 4..start + 4 + length as usize],
            at,
        })
    }

    /// The fault that strikes this question, counted.
    pub fn fault(&self, entry: Option<NameRecords<'_>>, question: u16) -> Option<&DnsFault> {
        let troubled = entry
            .and_then(|entry| self.faults.get(&entry.at))
            .or(self.everywhere.as_ref())?;
        troubled.strikes(question).then_some(&troubled.fault)
    }

    /// The signed zone that a name lies in: the nearest apex, and how it denies.
    pub fn signed_above(&self, wire: &[u8]) -> Option<(&[u8], Denies)> {
        (self.signed.iter())
            .filter(|(apex, _)| is_within(wire, apex))
            .max_by_key(|(apex, _)| apex.len())
            .map(|(apex, denies)| (&apex[..], *denies))
    }

    /// The names with records in the zone of `apex`, in canonical order (RFC 4034 §6.1). Made anew each time: signed worlds are small.
    pub fn owners(&self, apex: &[u8]) -> Vec<&[u8]> {
        let mut owners: Vec<&[u8]> = (self.table.iter())
            .map(|&at| name_at(&self.block, at))
            .filter(|name| {
                is_within(name, apex) && self.find(name).is_some_and(|entry| !entry.is_empty())
            })
            .collect();
        owners.sort_by_cached_key(|name| labels(name));
        owners
    }

    fn insert(&mut self, wire: &[u8], ad: bool, records: &Records) -> u32 {
        // A world of 4 GiB of names does not fit the machines this runs on; an offset of 32 bits halves the table.
        let at = u32::try_from(self.block.len()).unwrap_or(u32::MAX);
        let hash = self.hasher.hash_one(wire);
        if let Ok(old) = self
            .table
            .find_entry(hash, |&at| name_at(&self.block, at) == wire)
        {
            old.remove();
        }
        self.block.push(wire.len() as u8);
        self.block.extend_from_slice(wire);
        self.block.push(if ad { AD } else { 0 });
        self.block
            .extend_from_slice(&(records.0.len() as u32).to_be_bytes()[1..]);
        self.block.extend_from_slice(&records.0);
        let (block, hasher) = (&self.block, &self.hasher);
        self.table
            .insert_unique(hash, at, |&at| hasher.hash_one(name_at(block, at)));
        at
    }
}

/// Whether a name in wire form is `apex` or lies below it.
fn is_within(name: &[u8], apex: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > apex.len() {
        rest = &rest[usize::from(rest[0]) + 1..];
    }
    rest == apex
}

/// The labels of a name from right to left, which sort as RFC 4034 §6.1 has it.
pub fn labels(name: &[u8]) -> Vec<Vec<u8>> {
    let mut labels = Vec::new();
    let mut rest = name;
    while let Some((&length, tail)) = rest.split_first()
        && length > 0
    {
        let (label, tail) = tail.split_at(usize::from(length));
        labels.push(label.to_vec());
        rest = tail;
    }
    labels.reverse();
    labels
}

fn name_at(block: &[u8], at: u32) -> &[u8] {
    let at = at as usize;
    &block[at + 1..at + 1 + usize::from(block[at])]
}

impl<'a> NameRecords<'a> {
    /// Its records: type and RDATA.
    pub fn records(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.records;
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<4>()?;
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let (data, tail) = tail.split_at(length);
            rest = tail;
            Some((u16::from_be_bytes([head[0], head[1]]), data))
        })
    }

    /// Whether the name exists without records.
    pub fn is_empty(self) -> bool {
        self.records.is_empty()
    }
}

impl Troubled {
    fn new(fault: &DnsFault) -> Result<Self, String> {
        let types = fault
            .types
            .iter()
            .map(|word| {
                word.parse::<RecordType>()
                    .map(u16::from)
                    .map_err(|_| format!("no such record type: {word}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            fault: fault.clone(),
            types,
            questions: AtomicU32::new(0),
        })
    }

    fn strikes(&self, question: u16) -> bool {
        if !self.types.is_empty() && !self.types.contains(&question) {
            return false;
        }
        match self.fault.first {
            None => true,
            Some(first) => self.questions.fetch_add(1, Ordering::Relaxed) < first,
        }
    }
}

/// The records of a name in wire form.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    fn of_name(name: &WorldName, leaf_of: &ShownLeaf<'_>) -> Result<Self, String> {
        let mut records = Self::default();
        if let Some(target) = &name.cname {
            records.push(rtype::CNAME, &wire_name(target)?)?;
        }
        for (preference, exchange) in &name.mx {
            let mut data = preference.to_be_bytes().to_vec();
            data.extend(wire_name(exchange)?);
            records.push(rtype::MX, &data)?;
        }
        for address in &name.a {
            records.push(rtype::A, &address.octets())?;
        }
        for address in &name.aaaa {
            records.push(rtype::AAAA, &address.octets())?;
        }
        for text in &name.txt {
            let mut data = Vec::with_capacity(text.len() + 8);
            for string in text.as_bytes().chunks(255) {
                data.push(string.len() as u8);
                data.extend_from_slice(string);
            }
            if text.is_empty() {
                data.push(0);
            }
            records.push(rtype::TXT, &data)?;
        }
        for tlsa in &name.tlsa {
            records.push(rtype::TLSA, &tlsa_data(tlsa, leaf_of)?)?;
        }
        for text in &name.caa {
            records.push(rtype::CAA, &caa_data(text)?)?;
        }
        for (kind, data) in &name.other {
            records.push(*kind, &hex(data)?)?;
        }
        if records.0.len() >= 1 << 24 {
            return Err(format!("{}: too many records", name.name));
        }
        Ok(records)
    }

    fn push(&mut self, kind: u16, data: &[u8]) -> Result<(), String> {
        let length = u16::try_from(data.len()).map_err(|_| "a record over 64 KiB")?;
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(data);
        Ok(())
    }
}

/// `usage selector matching data` (RFC 6698 §2.2); data `@ADDRESS` is made from that server's leaf.
fn tlsa_data(text: &str, leaf_of: &ShownLeaf<'_>) -> Result<Vec<u8>, String> {
    let wrong = || format!("no TLSA record: {text}");
    let mut fields = text.split_ascii_whitespace();
    let mut number = || fields.next().and_then(|field| field.parse::<u8>().ok());
    let head = [
        number().ok_or_else(wrong)?,
        number().ok_or_else(wrong)?,
        number().ok_or_else(wrong)?,
    ];
    let data = fields.collect::<String>();
    let data = match data.strip_prefix('@') {
        None => hex(&data)?,
        Some(server) => {
            let leaf = server
                .parse()
                .ok()
                .and_then(leaf_of)
                .ok_or_else(|| format!("no server with TLS at {server}"))?;
            let selected = if head[1] == 0 {
                leaf.certificate
            } else {
                leaf.spki
            };
            match head[2] {
                0 => selected,
                1 => Sha256::digest(&selected).to_vec(),
                2 => Sha512::digest(&selected).to_vec(),
                _ => return Err(wrong()),
            }
        }
    };
    Ok([&head[..], &data].concat())
}

/// `flags tag value` (RFC 8659 §4.1); the value is the rest of the text.
fn caa_data(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || format!("no CAA record: {text}");
    let mut fields = text.splitn(3, ' ');
    let flags: u8 = (fields.next().and_then(|flags| flags.parse().ok())).ok_or_else(wrong)?;
    let tag = fields
        .next()
        .filter(|tag| tag.len() < 256)
        .ok_or_else(wrong)?;
    let value = fields.next().ok_or_else(wrong)?;
    let head = [flags, tag.len() as u8];
    Ok([&head[..], tag.as_bytes(), value.as_bytes()].concat())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|digit| !digit.is_whitespace())
        .map(|digit| digit.to_digit(16).map(|value| value as u8))
        .collect::<Option<_>>()
        .ok_or_else(|| format!("not hex: {text}"))?;
    if !digits.len().is_multiple_of(2) {
        return Err(format!("half a byte: {text}"));
    }
    Ok(digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect())
}

/// A name in lower-case wire form (RFC 1035 §3.1). Bytes are taken as they stand, so that worlds can hold odd names.
pub fn wire_name(name: &str) -> Result<Vec<u8>, String> {
    let mut wire = Vec::with_capacity(name.len() + 2);
    for label in name.trim_end_matches('.').split('.') {
        if name == "." || name.is_empty() {
            break;
        }
        if label.is_empty() || label.len() > 63 {
            return Err(format!("no DNS name: {name}"));
        }
        wire.push(label.len() as u8);
        wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    wire.push(0);
    if wire.len() > 255 {
        return Err(format!("no DNS name, too long: {name}"));
    }
    Ok(wire)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_leaf(_: IpAddr) -> Option<TlsaLeaf> {
        None
    }

    #[test]
    fn names_records_and_ancestors() {
        let mut zones = Zones::default();
        let mut name = WorldName::new("A.b.Test.");
        name.mx = vec![(10, "mx.b.test".into())];
        name.a = vec![[127, 0, 0, 1].into()];
        zones.add(&name, &no_leaf).unwrap();
        let entry = zones.find(&wire_name("a.b.test").unwrap()).unwrap();
        let records: Vec<_> = entry.records().collect();
        assert_eq!(
            records[0],
            (rtype::MX, &b"\x00\x0a\x02mx\x01b\x04test\x00"[..])
        );
        assert_eq!(records[1], (rtype::A, &[127, 0, 0, 1][..]));
        assert!(zones.find(b"\x01b\x04test\x00").unwrap().is_empty());
        assert!(zones.find(b"\x01c\x04test\x00").is_none());
        assert!(zones.add(&name, &no_leaf).unwrap_err().contains("twice"));
        // A name between others may get its own records later.
        zones.add(&WorldName::new("b.test"), &no_leaf).unwrap();
        assert_eq!(zones.len(), 4);
    }

    #[test]
    fn tlsa_from_hex_or_from_a_server() {
        let leaf = |ip: IpAddr| {
            (ip == IpAddr::from([127, 0, 0, 1])).then(|| TlsaLeaf {
                certificate: b"cert".to_vec(),
                spki: b"key".to_vec(),
            })
        };
        assert_eq!(tlsa_data("3 1 0 6B 65", &leaf).unwrap(), b"\x03\x01\x00ke");
        assert_eq!(
            tlsa_data("3 1 0 @127.0.0.1", &leaf).unwrap(),
            b"\x03\x01\x00key"
        );
        let hashed = tlsa_data("2 0 1 @127.0.0.1", &leaf).unwrap();
        assert_eq!(hashed[3..], Sha256::digest(b"cert")[..]);
        for wrong in [
            "3 1",
            "3 1 1 6",
            "3 1 1 xx",
            "3 1 1 @127.0.0.2",
            "300 1 1 aa",
        ] {
            assert!(tlsa_data(wrong, &leaf).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_that_cannot_be() {
        for wrong in ["a..b", &"x".repeat(64), &"a.".repeat(130)] {
            assert!(wire_name(wrong).is_err(), "{wrong}");
        }
        assert_eq!(wire_name(".").unwrap(), [0]);
    }
}
