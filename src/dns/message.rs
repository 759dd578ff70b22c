//! DNS messages as far as a survey needs them: one question out, what its answer says in (RFC 1035 §4, RFC 6891,
//! RFC 8914). Pure: bytes in, value out; the answers are read by hickory-proto.

use std::fmt;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::{self, RecordType};

use super::name::Name;

/// The largest UDP answer asked for: fits every path unfragmented (DNS flag day 2020).
pub const UDP_PAYLOAD: u16 = 1232;

const HEADER: usize = 12;
/// Recursion desired; AD set: "tell me whether it is authentic" (RFC 6840 §5.7).
const FLAGS: u16 = 0x0120;
const EXTENDED_ERROR: u16 = 15;
/// Extended DNS errors of an answer that are kept.
const EXTENDED_ERRORS_LIMIT: usize = 16;
/// In an answer with EDNS: its version is not known (RFC 6891 §9). 16 means "BADSIG" only to TSIG (RFC 8945), which nobody
/// here speaks.
const BADVERS: u16 = 16;

/// An RCODE by its number and its name.
pub fn rcode(code: ResponseCode) -> String {
    match u16::from(code) {
        BADVERS => "RCODE 16 (BADVERS)".to_owned(),
        number => format!("RCODE {number} ({code})"),
    }
}

/// Whether a server that answers so may know nothing of EDNS, or not enough (RFC 6891 §7).
pub fn blames_edns(code: ResponseCode) -> bool {
    matches!(code, ResponseCode::FormErr | ResponseCode::NotImp) || u16::from(code) == BADVERS
}

/// DO, among the flags of EDNS (RFC 3225).
const DNSSEC_OK: u16 = 0x8000;

/// The longest question: header, name (RFC 1035 §2.3.4), type and class, and the OPT record of EDNS.
const PACKET: usize = HEADER + 255 + 4 + 11;

/// A question as it goes over the wire, without an allocation.
#[derive(Clone, Debug)]
pub struct Packet {
    octets: [u8; PACKET],
    length: usize,
}

impl Packet {
    fn new() -> Self {
        Self {
            octets: [0; PACKET],
            length: 0,
        }
    }

    /// Names are bounded where they are made, so that all of a question fits.
    fn push(&mut self, octets: &[u8]) {
        let end = self.length + octets.len();
        self.octets[self.length..end].copy_from_slice(octets);
        self.length = end;
    }
}

impl std::ops::Deref for Packet {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

/// What is asked: a name and a type, class IN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name.
    pub name: Name,
    /// The type.
    pub kind: RecordType,
    /// Asked with DO (RFC 4035 §3.2.1): how a zone denies what it does not have comes along.
    pub wants_denial: bool,
}

impl Question {
    /// A question.
    pub fn new(name: Name, kind: RecordType) -> Self {
        Self {
            name,
            kind,
            wants_denial: false,
        }
    }

    /// The same with DO.
    pub fn with_denial(mut self) -> Self {
        self.wants_denial = true;
        self
    }

    /// The question as a packet; without EDNS for servers that do not know it.
    pub fn packet(&self, id: u16, edns: bool) -> Packet {
        let mut packet = Packet::new();
        for word in [id, FLAGS, 1, 0, 0, u16::from(edns)] {
            packet.push(&word.to_be_bytes());
        }
        packet.push(self.name.wire());
        packet.push(&u16::from(self.kind).to_be_bytes());
        packet.push(&[0, 1]);
        if edns {
            packet.push(&[0]);
            let flags = if self.wants_denial { DNSSEC_OK } else { 0 };
            for word in [u16::from(RecordType::OPT), UDP_PAYLOAD, 0, flags, 0] {
                packet.push(&word.to_be_bytes());
            }
        }
        packet
    }

    /// Whether `packet` has this question alone in its question section, in whatever case.
    fn is_in(&self, packet: &[u8]) -> bool {
        let Some(section) = packet.get(HEADER..) else {
            return false;
        };
        let name = self.name.wire();
        // Length octets are below 64 and so never taken for letters.
        section.len() >= name.len() + 4
            && packet[4..6] == [0, 1]
            && section[..name.len()].eq_ignore_ascii_case(name)
            && section[name.len()..name.len() + 2] == u16::from(self.kind).to_be_bytes()
            && section[name.len() + 2..name.len() + 4] == [0, 1]
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}

/// What an answer says.
#[derive(Clone, Debug)]
pub struct Response {
    /// RCODE, with the upper bits of EDNS.
    pub code: ResponseCode,
    /// TC: ask again over TCP.
    pub truncated: bool,
    /// AD: the server says that it has validated all of it.
    pub authentic: bool,
    /// A referral to other servers: this one does not recurse, and has not answered.
    pub referral: bool,
    /// A SOA came along: what the answer lacks does not exist (RFC 2308).
    pub negative: bool,
    /// The answer section.
    pub records: Vec<rr::Record>,
    /// The NSEC and NSEC3 records of the authority section.
    pub denial: Vec<rr::Record>,
    /// Extended DNS error codes.
    pub extended_errors: Vec<u16>,
}

/// Why a packet is no answer to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Not a response, or to another question: stray, or forged.
    NotOurs,
    /// To this question, and cannot be read.
    Malformed,
}

/// The id of a packet that could be a response.
pub fn id(packet: &[u8]) -> Option<u16> {
    (packet.len() >= HEADER).then(|| u16::from_be_bytes([packet[0], packet[1]]))
}

/// Reads the answer to `question`; the id has been matched already.
pub fn read(packet: &[u8], question: &Question) -> Result<Response, Unfit> {
    let is_response = packet.len() >= HEADER && packet[2] & 0x80 != 0;
    let is_query_opcode = packet.get(2).is_some_and(|flags| flags & 0x78 == 0);
    if !is_response || !is_query_opcode {
        return Err(Unfit::NotOurs);
    }
    // Some servers that cannot or will not answer leave the question out (RFC 6895 allows it for FORMERR).
    let bare_error = packet[4..6] == [0, 0] && packet[3] & 0x0f != 0 && packet[3] & 0x0f != 3;
    if !bare_error && !question.is_in(packet) {
        return Err(Unfit::NotOurs);
    }
    if packet[2] & 0x02 != 0 {
        // What a truncated packet holds is not to be used (RFC 2181 §9), so it need not be readable either.
        return Ok(Response::truncated());
    }
    let message = Message::from_vec(packet).map_err(|_| Unfit::Malformed)?;
    Ok(Response::from_message(message))
}

impl Response {
    fn truncated() -> Self {
        Self {
            code: ResponseCode::NoError,
            truncated: true,
            authentic: false,
            referral: false,
            negative: false,
            records: Vec::new(),
            denial: Vec::new(),
            extended_errors: Vec::new(),
        }
    }

    /// What a message says.
    pub fn from_message(message: Message) -> Self {
        let code = message.metadata.response_code;
        let has = |kind| {
            message
                .authorities
                .iter()
                .any(|record| record.record_type() == kind)
        };
        Self {
            code,
            truncated: message.metadata.truncation,
            authentic: message.metadata.authentic_data,
            referral: code == ResponseCode::NoError
                && message.answers.is_empty()
                && !message.metadata.authoritative
                && has(RecordType::NS)
                && !has(RecordType::SOA),
            negative: has(RecordType::SOA),
            extended_errors: extended_errors(&message),
            denial: (message.authorities.into_iter())
                .filter(|record| {
                    matches!(record.record_type(), RecordType::NSEC | RecordType::NSEC3)
                })
                .collect(),
            records: message.answers,
        }
    }
}

fn extended_errors(message: &Message) -> Vec<u16> {
    let options = message.edns.iter().flat_map(|edns| &edns.options().options);
    options
        .filter_map(|(code, option)| match option {
            EdnsOption::Unknown(_, data) if u16::from(*code) == EXTENDED_ERROR => {
                Some(u16::from_be_bytes(data.get(..2)?.try_into().ok()?))
            }
            _ => None,
        })
        .take(EXTENDED_ERRORS_LIMIT)
        .collect()
}

/// Names the codes that RFC 8914 gives for signatures that do not hold (6 to 12).
pub fn is_bogus(extended_error: u16) -> bool {
    (6..=12).contains(&extended_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::op::{Edns, Query};
    use hickory_proto::rr::{RData, rdata};

    fn question(name: &str) -> Question {
        Question::new(Name::parse(name.as_bytes()).unwrap(), RecordType::MX)
    }

    fn answer_to(question: &Question, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message = Message::from_vec(&question.packet(7, true)).unwrap();
        message.metadata.message_type = hickory_proto::op::MessageType::Response;
        change(&mut message);
        message.to_vec().unwrap()
    }

    #[test]
    fn d4_sixteen_is_an_unknown_version_of_edns() {
        assert_eq!(rcode(ResponseCode::from(1, 0)), "RCODE 16 (BADVERS)");
        assert!(blames_edns(ResponseCode::from(1, 0)) && blames_edns(ResponseCode::FormErr));
        assert!(!blames_edns(ResponseCode::ServFail));
    }

    #[test]
    fn a_question_is_what_hickory_reads() {
        let message = Message::from_vec(&question("example.org").packet(0xabcd, true)).unwrap();
        assert_eq!(message.metadata.id, 0xabcd);
        assert!(message.metadata.recursion_desired && message.metadata.authentic_data);
        assert_eq!(
            message.queries,
            [Query::query(
                "example.org.".parse().unwrap(),
                RecordType::MX
            )]
        );
        assert_eq!(message.max_payload(), UDP_PAYLOAD);
        let plain = Message::from_vec(&question("example.org").packet(1, false)).unwrap();
        assert!(plain.edns.is_none());
    }

    #[test]
    fn an_answer_is_read_whatever_case_its_question_comes_back_in() {
        let asked = question("example.org");
        let mut packet = answer_to(&asked, |message| {
            message.metadata.authentic_data = true;
            let exchange = rdata::MX::new(10, "mx.example.org.".parse().unwrap());
            message.add_answer(rr::Record::from_rdata(
                "example.org.".parse().unwrap(),
                60,
                RData::MX(exchange),
            ));
            let mut edns = Edns::new();
            edns.options_mut()
                .insert(EdnsOption::Unknown(15, vec![0, 9, b'x']));
            message.edns = Some(edns);
        });
        packet[13..20].make_ascii_uppercase();
        let response = read(&packet, &asked).unwrap();
        assert!(response.authentic && !response.truncated && !response.referral);
        assert_eq!(response.records.len(), 1);
        assert_eq!(response.extended_errors, [9]);
    }

    #[test]
    fn an_answer_to_another_question_is_not_ours() {
        let asked = question("example.org");
        let right = answer_to(&asked, |_| {});
        assert!(read(&right, &asked).is_ok());
        assert_eq!(
            read(&right, &question("example.com")).err(),
            Some(Unfit::NotOurs)
        );
        let other_type = Question::new(asked.name.clone(), RecordType::A);
        assert_eq!(read(&right, &other_type).err(), Some(Unfit::NotOurs));
        assert_eq!(
            read(&asked.packet(7, true), &asked).err(),
            Some(Unfit::NotOurs),
            "a question"
        );
        assert_eq!(read(&right[..11], &asked).err(), Some(Unfit::NotOurs));
    }

    #[test]
    fn a_referral_is_no_answer() {
        let asked = question("example.org");
        let packet = answer_to(&asked, |message| {
            let server = rdata::NS("ns.example.org.".parse().unwrap());
            message.add_authority(rr::Record::from_rdata(
                "org.".parse().unwrap(),
                60,
                RData::NS(server),
            ));
        });
        assert!(read(&packet, &asked).unwrap().referral);
    }

    #[test]
    fn no_cut_and_no_flipped_byte_of_an_answer_panics() {
        let asked = question("example.org");
        let packet = answer_to(&asked, |message| {
            for preference in 0..4 {
                let exchange = rdata::MX::new(preference, "mx.example.org.".parse().unwrap());
                message.add_answer(rr::Record::from_rdata(
                    "example.org.".parse().unwrap(),
                    60,
                    RData::MX(exchange),
                ));
            }
        });
        for end in 0..packet.len() {
            assert!(read(&packet[..end], &asked).is_err());
        }
        for at in 0..packet.len() {
            for value in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                let mut broken = packet.clone();
                broken[at] = value;
                let _ = read(&broken, &asked);
            }
        }
    }
}
