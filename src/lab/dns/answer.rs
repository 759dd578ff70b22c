//! From a question to an answer: bytes in, bytes out (RFC 1035 §4, RFC 6891 for EDNS, RFC 2308 for negative answers).

use std::time::Duration;

use super::super::world::{Denies, DnsFault, FalseAnswer};
use super::zones::{NameRecords, Zones, labels, rtype};

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// In a datagram.
    Udp,
    /// On a stream.
    Tcp,
}

/// What is sent, and when.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LabAnswer {
    /// The messages; none at all is an answer that is lost.
    pub messages: Vec<Vec<u8>>,
    /// After this time.
    pub delay: Duration,
    /// The type that was asked, if the message was a question.
    pub asked: Option<u16>,
}

/// A question as far as an answer depends on it.
struct Question<'a> {
    header: &'a [u8],
    /// The name in lower case.
    name: Vec<u8>,
    /// Name, type and class as they came: their case is answered (draft-vixie-dnsext-dns0x20).
    section: &'a [u8],
    kind: u16,
    edns: Option<Edns>,
}

#[derive(Clone, Copy)]
struct Edns {
    payload: u16,
    wants_dnssec: bool,
}

const HEADER: usize = 12;
/// Longest chain of aliases that is followed.
const ALIASES: usize = 8;
const TTL: u32 = 300;

mod rcode {
    pub const NOERROR: u8 = 0;
    pub const FORMERR: u8 = 1;
    pub const SERVFAIL: u8 = 2;
    pub const NXDOMAIN: u8 = 3;
    pub const NOTIMP: u8 = 4;
    pub const REFUSED: u8 = 5;
}

/// The answer to a message. `chance` is a number below 100 for each question, against which losses are held.
pub fn reply(zones: &Zones, message: &[u8], transport: Transport, chance: u8) -> LabAnswer {
    let Some(question) = Question::read(message) else {
        return LabAnswer {
            messages: unreadable(message),
            ..LabAnswer::default()
        };
    };
    let entry = zones.find(&question.name);
    let mut reply = LabAnswer {
        asked: Some(question.kind),
        ..LabAnswer::default()
    };
    let Some(fault) = zones.fault(entry, question.kind) else {
        reply.messages.push(question.truth(zones, entry, transport));
        return reply;
    };
    reply.delay = Duration::from_millis(fault.delay_ms);
    if transport == Transport::Udp && chance < fault.loss {
        return reply;
    }
    reply.messages = question.falsehood(zones, entry, transport, fault);
    reply
}

/// FORMERR for what has a header, nothing for less and for answers.
fn unreadable(message: &[u8]) -> Vec<Vec<u8>> {
    match message.get(..HEADER) {
        Some(header) if header[2] & 0x80 == 0 => {
            let mut answer = header.to_vec();
            answer[2] = 0x80 | header[2] & 0x79;
            answer[3] = rcode::FORMERR;
            answer[4..].fill(0);
            vec![answer]
        }
        _ => Vec::new(),
    }
}

impl<'a> Question<'a> {
    /// A query (opcode 0) with one question of class IN.
    fn read(message: &'a [u8]) -> Option<Self> {
        let header = message.get(..HEADER)?;
        if header[2] & 0xf8 != 0 || header[4..10] != [0, 1, 0, 0, 0, 0] {
            return None;
        }
        let mut at = HEADER;
        let mut name = Vec::with_capacity(64);
        loop {
            let length = usize::from(*message.get(at)?);
            if length > 63 || name.len() + length + 1 > 255 {
                return None;
            }
            name.push(length as u8);
            at += 1;
            if length == 0 {
                break;
            }
            let label = message.get(at..at + length)?;
            name.extend(label.iter().map(u8::to_ascii_lowercase));
            at += length;
        }
        let fixed = message.get(at..at + 4)?;
        if fixed[2..] != [0, 1] {
            return None;
        }
        let section = &message[HEADER..at + 4];
        Some(Self {
            header,
            name,
            section,
            kind: u16::from_be_bytes([fixed[0], fixed[1]]),
            edns: Edns::read(&message[at + 4..]),
        })
    }

    fn truth(
        &self,
        zones: &Zones,
        entry: Option<NameRecords<'_>>,
        transport: Transport,
    ) -> Vec<u8> {
        let mut answer = Answer::new(self, rcode::NOERROR);
        let authentic = self.wants_authentic() && entry.is_some_and(|entry| entry.ad);
        answer.message[3] |= u8::from(authentic) << 5;
        let found = answer.records(zones, self.kind, entry);
        if !found {
            answer.soa(&self.name);
            if self.edns.is_some_and(|edns| edns.wants_dnssec) {
                answer.deny(zones, &self.name, entry);
            }
        }
        answer.finish(self, transport)
    }

    fn falsehood(
        &self,
        zones: &Zones,
        entry: Option<NameRecords<'_>>,
        transport: Transport,
        fault: &DnsFault,
    ) -> Vec<Vec<u8>> {
        let error = |code| vec![Answer::new(self, code).finish(self, transport)];
        let truth = || self.truth(zones, entry, transport);
        let over_tcp = transport == Transport::Tcp;
        let Some(answer) = fault.answer else {
            return vec![truth()];
        };
        match answer {
            FalseAnswer::Formerr => error(rcode::FORMERR),
            FalseAnswer::Servfail => error(rcode::SERVFAIL),
            FalseAnswer::Bogus => vec![self.bogus()],
            FalseAnswer::Notimp => error(rcode::NOTIMP),
            FalseAnswer::Refused => error(rcode::REFUSED),
            FalseAnswer::NoEdns if self.edns.is_some() => error(rcode::FORMERR),
            FalseAnswer::NoEdns => vec![truth()],
            FalseAnswer::Nxdomain => vec![self.negative(rcode::NXDOMAIN, transport)],
            FalseAnswer::Empty => vec![self.negative(rcode::NOERROR, transport)],
            FalseAnswer::Drop => Vec::new(),
            FalseAnswer::Truncate if over_tcp => vec![truth()],
            FalseAnswer::TruncateDead if over_tcp => Vec::new(),
            FalseAnswer::Truncate | FalseAnswer::TruncateDead => {
                vec![Answer::new(self, rcode::NOERROR).truncated(self)]
            }
            FalseAnswer::WrongId => vec![under_another_id(truth())],
            FalseAnswer::Forged => vec![under_another_id(truth()), truth()],
            FalseAnswer::WrongQuestion => vec![self.to_another_question(truth())],
            FalseAnswer::Poison => vec![self.poisoned(zones, entry, transport)],
            FalseAnswer::Garbage => vec![b"\xff\xc0\x0c\xc0\x0c not a message".to_vec()],
            FalseAnswer::Lame => vec![self.lame(transport)],
        }
    }

    /// The same message with another letter at the beginning of its question's name; the root has none.
    fn to_another_question(&self, mut message: Vec<u8>) -> Vec<u8> {
        if let Some(letter) = message.get_mut(HEADER + 1).filter(|_| self.name.len() > 1) {
            *letter = if letter.eq_ignore_ascii_case(&b'x') {
                b'y'
            } else {
                b'x'
            };
        }
        message
    }

    fn poisoned(
        &self,
        zones: &Zones,
        entry: Option<NameRecords<'_>>,
        transport: Transport,
    ) -> Vec<u8> {
        let mut answer = Answer::new(self, rcode::NOERROR);
        answer.records(zones, self.kind, entry);
        answer.poison();
        answer.finish(self, transport)
    }

    /// Neither authoritative nor recursive, and the way up: NS of the root.
    fn lame(&self, transport: Transport) -> Vec<u8> {
        let mut answer = Answer::new(self, rcode::NOERROR);
        answer.message[2] &= !4;
        answer.message[3] &= !0x80;
        let root = b"\x01a\x0croot-servers\x03net\x00";
        answer.record(&[0], 2, root, Section::Authority);
        answer.finish(self, transport)
    }

    /// SERVFAIL with the option that says why (RFC 8914 §2), where there is room for options.
    fn bogus(&self) -> Vec<u8> {
        const DNSSEC_BOGUS: [u8; 6] = [0, 15, 0, 2, 0, 6];
        let mut answer = Answer::new(self, rcode::SERVFAIL);
        answer.opt(self);
        if self.edns.is_some()
            && let Some([_, length]) = answer.message.last_chunk_mut::<2>()
        {
            *length = DNSSEC_BOGUS.len() as u8;
            answer.message.extend(DNSSEC_BOGUS);
        }
        answer.message
    }

    fn negative(&self, code: u8, transport: Transport) -> Vec<u8> {
        let mut answer = Answer::new(self, code);
        answer.soa(&self.name);
        answer.finish(self, transport)
    }

    /// AD or DO in the question asks for the AD bit (RFC 6840 §5.7).
    fn wants_authentic(&self) -> bool {
        self.header[3] & 0x20 != 0 || self.edns.is_some_and(|edns| edns.wants_dnssec)
    }
}

/// The data of an NSEC (RFC 4034 §4.1).
fn nsec(next: &[u8], mut types: Vec<u16>) -> Vec<u8> {
    types.sort_unstable();
    types.dedup();
    let mut data = next.to_vec();
    for window in 0..=255u8 {
        let mut octets = [0u8; 32];
        let mut length = 0;
        for kind in types.iter().filter(|kind| kind.to_be_bytes()[0] == window) {
            let [_, low] = kind.to_be_bytes();
            octets[usize::from(low / 8)] |= 0x80 >> (low % 8);
            length = length.max(usize::from(low / 8) + 1);
        }
        if length > 0 {
            data.extend([window, length as u8]);
            data.extend_from_slice(&octets[..length]);
        }
    }
    data
}

fn under_another_id(mut message: Vec<u8>) -> Vec<u8> {
    message[0] ^= 0x55;
    message
}

impl Edns {
    /// From the first additional record, which is where every client puts it.
    fn read(additional: &[u8]) -> Option<Self> {
        let head = additional.get(..11)?;
        let is_opt = head[0] == 0 && u16::from_be_bytes([head[1], head[2]]) == rtype::OPT;
        is_opt.then(|| Self {
            payload: u16::from_be_bytes([head[3], head[4]]).max(512),
            wants_dnssec: head[7] & 0x80 != 0,
        })
    }
}

/// The sections behind the question, by the place of their count in the header.
#[derive(Clone, Copy)]
enum Section {
    Answer = 6,
    Authority = 8,
    Additional = 10,
}

struct Answer {
    message: Vec<u8>,
}

impl Answer {
    /// A header and the question. The lab is authoritative for all and recurses, so that it serves as either.
    fn new(question: &Question<'_>, code: u8) -> Self {
        let mut message = Vec::with_capacity(512);
        message.extend_from_slice(question.header);
        message[2] = 0x84 | question.header[2] & 1;
        message[3] = 0x80 | code;
        message[HEADER - 2..].fill(0);
        message.extend_from_slice(question.section);
        Self { message }
    }

    /// The records of a type, through aliases; whether there are any.
    fn records(&mut self, zones: &Zones, kind: u16, entry: Option<NameRecords<'_>>) -> bool {
        let mut entry = entry;
        // The owner of the answers: first the name in the question, then the targets of aliases.
        let mut owner: Vec<u8> = vec![0xc0, HEADER as u8];
        for _ in 0..ALIASES {
            let Some(here) = entry else {
                self.set_code(rcode::NXDOMAIN);
                return false;
            };
            let mut alias = None;
            let mut found = false;
            for (own, data) in here.records() {
                if own == kind || kind == rtype::ANY {
                    self.record(&owner, own, data, Section::Answer);
                    found = true;
                } else if own == rtype::CNAME {
                    alias = Some(data);
                }
            }
            match alias {
                Some(target) if !found => {
                    self.record(&owner, rtype::CNAME, target, Section::Answer);
                    owner = target.to_vec();
                    entry = zones.find(target);
                }
                _ => return found,
            }
        }
        // A loop: as far as it was followed.
        true
    }

    fn record(&mut self, owner: &[u8], kind: u16, data: &[u8], section: Section) {
        let message = &mut self.message;
        message.extend_from_slice(owner);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&1u16.to_be_bytes());
        message.extend_from_slice(&TTL.to_be_bytes());
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        message.extend_from_slice(data);
        self.count(section);
    }

    /// A negative answer names the zone, the last label of the name here, for its time to live (RFC 2308 §3).
    fn soa(&mut self, name: &[u8]) {
        let mut zone = name;
        while let Some(&length) = zone.first()
            && let Some(parent) = zone.get(usize::from(length) + 1..)
            && parent.len() > 1
        {
            zone = parent;
        }
        let mut data = vec![0, 0];
        for number in [1, 3600, 600, 86400, TTL] {
            data.extend_from_slice(&number.to_be_bytes());
        }
        self.record(zone, rtype::SOA, &data, Section::Authority);
    }

    /// The NSEC by which a signed zone denies what the name does not have.
    fn deny(&mut self, zones: &Zones, name: &[u8], entry: Option<NameRecords<'_>>) {
        let Some((apex, denies)) = zones.signed_above(name) else {
            return;
        };
        let mut types: Vec<u16> = entry
            .iter()
            .flat_map(|entry| entry.records())
            .map(|(kind, _)| kind)
            .collect();
        types.extend([rtype::RRSIG, rtype::NSEC]);
        match denies {
            Denies::Nsec => {
                let owners = zones.owners(apex);
                let place = labels(name);
                let after = owners.iter().position(|owner| labels(owner) > place);
                let before = after.unwrap_or(owners.len()).checked_sub(1);
                let (Some(before), Some(first)) = (before, owners.first()) else {
                    return;
                };
                let next = after.map_or(*first, |after| owners[after]);
                let owner = owners[before];
                let mut types: Vec<u16> = zones
                    .find(owner)
                    .iter()
                    .flat_map(|entry| entry.records())
                    .map(|(kind, _)| kind)
                    .collect();
                types.extend([rtype::RRSIG, rtype::NSEC]);
                self.record(owner, rtype::NSEC, &nsec(next, types), Section::Authority);
                return;
            }
            Denies::Compact if entry.is_none() => types.push(rtype::NXNAME),
            Denies::CompactOld if entry.is_some_and(|entry| entry.is_empty()) => {
                types.extend([rtype::A, rtype::MX, rtype::AAAA, rtype::CAA]);
            }
            Denies::Compact | Denies::CompactOld => {}
        }
        self.message[3] &= 0xf0;
        let next = [&[1, 0][..], name].concat();
        self.record(
            &[0xc0, HEADER as u8],
            rtype::NSEC,
            &nsec(&next, types),
            Section::Authority,
        );
    }

    fn poison(&mut self) {
        for name in [
            &b"\x0bgmail-smtp-\x04test\x00"[..],
            b"\x02mx\x06victim\x04test\x00",
        ] {
            self.record(name, rtype::A, &[127, 66, 66, 66], Section::Additional);
        }
    }

    fn count(&mut self, section: Section) {
        let at = section as usize;
        let count = u16::from_be_bytes([self.message[at], self.message[at + 1]]) + 1;
        self.message[at..at + 2].copy_from_slice(&count.to_be_bytes());
    }

    fn set_code(&mut self, code: u8) {
        self.message[3] = self.message[3] & 0xf0 | code;
    }

    /// The OPT record and the bound of the transport.
    fn finish(mut self, question: &Question<'_>, transport: Transport) -> Vec<u8> {
        let limit = match (transport, question.edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => 512,
            (Transport::Udp, Some(edns)) => usize::from(edns.payload),
        };
        self.opt(question);
        if self.message.len() > limit {
            return Self::new(question, self.message[3] & 0x0f).truncated(question);
        }
        self.message
    }

    fn truncated(mut self, question: &Question<'_>) -> Vec<u8> {
        self.message[2] |= 2;
        self.opt(question);
        self.message
    }

    fn opt(&mut self, question: &Question<'_>) {
        if let Some(edns) = question.edns {
            let dnssec_ok = if edns.wants_dnssec { 0x80 } else { 0 };
            self.message.extend_from_slice(&[
                0,
                0,
                rtype::OPT as u8,
                4,
                208,
                0,
                0,
                dnssec_ok,
                0,
                0,
                0,
            ]);
            self.count(Section::Additional);
        }
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{
        Edns as HickoryEdns, Message, MessageType, OpCode, Query, ResponseCode,
    };
    use hickory_proto::rr::{Name as HickoryName, RecordType};

    use super::super::super::world::{WorldItem, parse};
    use super::*;

    fn zones(lines: &str) -> Zones {
        let mut zones = Zones::default();
        for line in lines.lines() {
            match parse(line.trim().as_bytes()).unwrap() {
                Some(WorldItem::Name(name)) => zones.add(&name, &|_| None).unwrap(),
                Some(WorldItem::Dns(fault)) => zones.trouble_everywhere(&fault).unwrap(),
                _ => {}
            }
        }
        zones
    }

    fn question(name: &str, kind: RecordType, edns: bool) -> Vec<u8> {
        let mut message = Message::new(7, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(HickoryName::from_ascii(name).unwrap(), kind));
        if edns {
            let mut edns = HickoryEdns::new();
            edns.set_max_payload(1232);
            edns.set_dnssec_ok(true);
            message.edns = Some(edns);
        }
        message.to_vec().unwrap()
    }

    fn ask(zones: &Zones, name: &str, kind: RecordType) -> Message {
        let reply = reply(zones, &question(name, kind, true), Transport::Udp, 99);
        assert_eq!(reply.asked, Some(u16::from(kind)));
        Message::from_vec(&reply.messages[0]).unwrap()
    }

    const WORLD: &str = r#"{"type":"name","name":"a.test","mx":[[10,"mx.a.test"],[20,"mx2.a.test"]],"ad":true}
        {"type":"name","name":"mx.a.test","a":["127.0.0.1","127.0.0.2"],"aaaa":["::1"],"txt":["one","two"]}
        {"type":"name","name":"www.a.test","cname":"mx.a.test"}
        {"type":"name","name":"lost.a.test","cname":"no.such.test"}
        {"type":"name","name":"loop.a.test","cname":"loop.a.test"}
        {"type":"name","name":"_25._tcp.mx.a.test","tlsa":["3 1 1 00ff"]}"#;

    #[test]
    fn the_truth() {
        let zones = zones(WORLD);
        let mx = ask(&zones, "A.test.", RecordType::MX);
        assert_eq!(mx.response_code, ResponseCode::NoError);
        assert_eq!(mx.answers.len(), 2);
        assert_eq!(mx.answers[0].data.to_string(), "10 mx.a.test.");
        assert!(mx.metadata.authentic_data && mx.metadata.authoritative);
        assert_eq!(mx.queries[0].name().to_string(), "A.test.");
        assert!(mx.edns.is_some());

        assert_eq!(ask(&zones, "mx.a.test.", RecordType::A).answers.len(), 2);
        assert_eq!(ask(&zones, "mx.a.test.", RecordType::AAAA).answers.len(), 1);
        assert_eq!(ask(&zones, "mx.a.test.", RecordType::TXT).answers.len(), 2);
        let tlsa = ask(&zones, "_25._tcp.mx.a.test.", RecordType::TLSA);
        assert_eq!(tlsa.answers.len(), 1);
    }

    #[test]
    fn negative_answers() {
        let zones = zones(WORLD);
        let missing = ask(&zones, "b.test.", RecordType::MX);
        assert_eq!(missing.response_code, ResponseCode::NXDomain);
        assert_eq!(missing.authorities[0].record_type(), RecordType::SOA);
        assert_eq!(missing.authorities[0].name.to_string(), "test.");
        let no_data = ask(&zones, "a.test.", RecordType::AAAA);
        assert_eq!(no_data.response_code, ResponseCode::NoError);
        assert!(no_data.answers.is_empty() && no_data.authorities.len() == 1);
        let between = ask(&zones, "_tcp.mx.a.test.", RecordType::TLSA);
        assert_eq!(between.response_code, ResponseCode::NoError);
    }

    #[test]
    fn aliases() {
        let zones = zones(WORLD);
        let www = ask(&zones, "www.a.test.", RecordType::A);
        let types: Vec<_> = www.answers.iter().map(|one| one.record_type()).collect();
        assert_eq!(types, [RecordType::CNAME, RecordType::A, RecordType::A]);
        let lost = ask(&zones, "lost.a.test.", RecordType::A);
        assert_eq!(lost.response_code, ResponseCode::NXDomain);
        assert_eq!(lost.answers.len(), 1);
        assert_eq!(
            ask(&zones, "loop.a.test.", RecordType::A).answers.len(),
            ALIASES
        );
    }

    #[test]
    fn what_does_not_fit_is_truncated() {
        let mut name = super::super::super::world::WorldName::new("big.test");
        name.a = (0..100).map(|n| [127, 0, 1, n].into()).collect();
        let mut zones = Zones::default();
        zones.add(&name, &|_| None).unwrap();
        let short = ask(&zones, "big.test.", RecordType::A);
        assert!(short.metadata.truncation && short.answers.is_empty());
        let whole = reply(
            &zones,
            &question("big.test.", RecordType::A, false),
            Transport::Tcp,
            99,
        );
        let whole = Message::from_vec(&whole.messages[0]).unwrap();
        assert!(!whole.metadata.truncation && whole.answers.len() == 100);
    }

    #[test]
    fn faults() {
        let world = |fault: &str| {
            zones(&format!(
                r#"{{"type":"name","name":"a.test","mx":[[1,"mx.test"]],"dns":{fault}}}"#
            ))
        };
        for (answer, code) in [
            ("formerr", ResponseCode::FormErr),
            ("servfail", ResponseCode::ServFail),
            ("nxdomain", ResponseCode::NXDomain),
            ("notimp", ResponseCode::NotImp),
            ("refused", ResponseCode::Refused),
            ("empty", ResponseCode::NoError),
            ("no-edns", ResponseCode::FormErr),
            ("lame", ResponseCode::NoError),
        ] {
            let zones = world(&format!(r#"{{"answer":"{answer}"}}"#));
            let said = ask(&zones, "a.test.", RecordType::MX);
            assert_eq!(said.response_code, code, "{answer}");
            assert!(said.answers.is_empty(), "{answer}");
        }
        let send = |zones: &Zones, transport, chance| {
            reply(
                zones,
                &question("a.test.", RecordType::MX, false),
                transport,
                chance,
            )
        };
        let truncate = world(r#"{"answer":"truncate"}"#);
        let udp = send(&truncate, Transport::Udp, 0);
        assert!(
            Message::from_vec(&udp.messages[0])
                .unwrap()
                .metadata
                .truncation
        );
        let tcp = send(&truncate, Transport::Tcp, 0);
        assert_eq!(
            Message::from_vec(&tcp.messages[0]).unwrap().answers.len(),
            1
        );
        assert!(
            send(&world(r#"{"answer":"drop"}"#), Transport::Udp, 0)
                .messages
                .is_empty()
        );
        let forged = send(&world(r#"{"answer":"forged"}"#), Transport::Udp, 0).messages;
        assert_eq!(forged.len(), 2);
        assert_ne!(forged[0][..2], forged[1][..2]);
        let wrong = send(&world(r#"{"answer":"wrong-question"}"#), Transport::Udp, 0);
        let wrong = Message::from_vec(&wrong.messages[0]).unwrap();
        assert_eq!(wrong.queries[0].name().to_string(), "x.test.");
        let poison = send(&world(r#"{"answer":"poison"}"#), Transport::Udp, 0);
        let poison = Message::from_vec(&poison.messages[0]).unwrap();
        assert_eq!((poison.answers.len(), poison.additionals.len()), (1, 2));

        let slow = world(r#"{"delay_ms":70,"loss":30}"#);
        let late = send(&slow, Transport::Udp, 30);
        assert_eq!((late.delay.as_millis(), late.messages.len()), (70, 1));
        assert!(send(&slow, Transport::Udp, 29).messages.is_empty());
        assert_eq!(send(&slow, Transport::Tcp, 29).messages.len(), 1);
    }

    #[test]
    fn faults_for_some_questions() {
        let zones = zones(
            r#"{"type":"name","name":"a.test","a":["127.0.0.1"],"dns":{"answer":"servfail","types":["MX"],"first":1}}"#,
        );
        let code = |kind| ask(&zones, "a.test.", kind).response_code;
        assert_eq!(code(RecordType::A), ResponseCode::NoError);
        assert_eq!(code(RecordType::MX), ResponseCode::ServFail);
        assert_eq!(code(RecordType::MX), ResponseCode::NoError);
    }

    #[test]
    fn a_fault_everywhere() {
        let zones = zones(
            r#"{"type":"dns","answer":"refused"}
            {"type":"name","name":"a.test","dns":{"answer":"empty"}}"#,
        );
        assert_eq!(
            ask(&zones, "b.test.", RecordType::A).response_code,
            ResponseCode::Refused
        );
        assert_eq!(
            ask(&zones, "a.test.", RecordType::A).response_code,
            ResponseCode::NoError
        );
    }

    #[test]
    fn what_is_no_question() {
        let zones = zones(WORLD);
        let good = question("a.test.", RecordType::MX, true);
        for cut in 0..good.len() {
            // Cut anywhere, mutated anywhere: no panic.
            reply(&zones, &good[..cut], Transport::Udp, 0);
            let mut bent = good.clone();
            bent[cut] ^= 0xff;
            reply(&zones, &bent, Transport::Udp, 0);
        }
        let mut response = good.clone();
        response[2] |= 0x80;
        assert!(
            reply(&zones, &response, Transport::Udp, 0)
                .messages
                .is_empty()
        );
        let mut status = good;
        status[2] |= 0x10;
        let refused = reply(&zones, &status, Transport::Udp, 0);
        assert_eq!(
            Message::from_vec(&refused.messages[0])
                .unwrap()
                .response_code,
            ResponseCode::FormErr
        );
    }

    #[test]
    fn a_signed_zone_denies_under_do_in_its_manner() {
        use crate::dns::name::Name;
        use crate::policy::denial;

        let zones = zones(
            r#"{"type":"name","name":"new.test","signed":"compact","txt":["apex"]}
               {"type":"name","name":"s1._domainkey.new.test","txt":["key"]}
               {"type":"name","name":"old.test","signed":"compact-old","txt":["apex"]}
               {"type":"name","name":"s1._domainkey.old.test","txt":["key"]}
               {"type":"name","name":"nsec.test","signed":"nsec","txt":["apex"]}
               {"type":"name","name":"s1._domainkey.nsec.test","txt":["key"]}"#,
        );
        let ask = |name: &str| {
            let name = Name::parse(name.as_bytes()).unwrap();
            let mut packet = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
            packet.extend_from_slice(name.wire());
            packet.extend([0, 16, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0]);
            let answer = reply(&zones, &packet, Transport::Udp, 99)
                .messages
                .remove(0);
            let nsec = answer
                .windows(10)
                .position(|window| window[..4] == [0, 47, 0, 1])
                .map(|at| at + 10)
                .unwrap();
            let length = usize::from(u16::from_be_bytes([answer[nsec - 2], answer[nsec - 1]]));
            let read = denial::read(&name, denial::NSEC, &answer[nsec..nsec + length], &name);
            (answer[3] & 0x0f, read.unwrap())
        };
        for (name, code, types) in [
            ("_domainkey.new.test", 0, &[46, 47][..]),
            ("missing.new.test", 0, &[46, 47, 128]),
            ("_domainkey.old.test", 0, &[1, 15, 28, 46, 47, 257]),
            ("missing.old.test", 0, &[46, 47]),
            ("_domainkey.nsec.test", 0, &[16, 46, 47]),
            ("missing.nsec.test", 3, &[16, 46, 47]),
        ] {
            let (found, denial) = ask(name);
            assert_eq!((found, &denial.types[..]), (code, types), "{name}");
        }
        let next = ask("_domainkey.nsec.test").1.next.unwrap().to_string();
        assert_eq!(next, "s1._domainkey.nsec.test");
    }
}
