//! The world file: what a mail internet is made of, as NDJSON (`mail-lab(1)` documents every field).
//!
//! A `name` line is a DNS name with its records and its manners, a `server` line an address with a mail server's
//! behaviour, a `dns` line the manners of the whole DNS. Lines of the types `world` and `truth` say where the world comes
//! from and what is true in it; serving does not need them. A field that is not known is an error: a misspelt fault that
//! is quietly absent would make a test pass for nothing.

use std::io::{self, BufRead};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::https::Https;
use super::presets;
use super::tls::ServerTls;
use crate::ndjson::magic;

/// One line of a world that serving needs.
#[derive(Clone, Debug, PartialEq)]
pub enum WorldItem {
    /// A DNS name.
    Name(Box<WorldName>),
    /// A mail server.
    Server(Box<WorldServer>),
    /// The manners of the DNS server for every name that has none of its own.
    Dns(DnsFault),
}

/// Why a world cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// A line is not of this format.
    #[error("line {0}: {1}")]
    Line(u64, String),
}

/// A DNS name, its records, its faults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorldName {
    /// The name, without the trailing dot.
    pub name: String,
    /// Preference and exchange; `[0, "."]` is the null MX.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mx: Vec<(u16, String)>,
    /// IPv4 addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub a: Vec<Ipv4Addr>,
    /// IPv6 addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aaaa: Vec<Ipv6Addr>,
    /// The target of a CNAME.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cname: Option<String>,
    /// Text records; each is cut into strings of 255 bytes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub txt: Vec<String>,
    /// TLSA records in presentation form, `3 1 1 HEX`; `3 1 1 @127.0.0.1` takes the data from the certificate of that
    /// server of the world.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tlsa: Vec<String>,
    /// CAA records in presentation form, `0 issue ca.test`: flags, tag, and the value as the rest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub caa: Vec<String>,
    /// It is the apex of a signed zone: under DO, what the zone does not have is denied by NSEC, in this manner. (Nothing has a
    /// signature: whoever validates is not for this lab.)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Denies>,
    /// Records of any other type: its number and the RDATA in hex.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other: Vec<(u16, String)>,
    /// Answers carry the AD bit (RFC 4035 §3.2.3) when it was asked for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ad: bool,
    /// What goes wrong with questions for this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsFault>,
    /// Free remarks of whoever made the world: not read.
    #[serde(skip_serializing)]
    pub about: Option<IgnoredAny>,
    /// The line's tag, read before.
    #[serde(rename = "type", skip_serializing)]
    pub(super) tag: Option<IgnoredAny>,
}

/// How a signed zone denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denies {
    /// NXDOMAIN, and NSEC records between names that exist (RFC 4034 §4).
    Nsec,
    /// NOERROR for every name, and NXNAME for those that do not exist (RFC 9824).
    Compact,
    /// NOERROR for every name, without NXNAME; an empty name has more types than one that does not exist.
    CompactOld,
}

/// What goes wrong with a DNS question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsFault {
    /// What is answered instead of the truth.
    pub answer: Option<FalseAnswer>,
    /// Only questions of these types; all when empty.
    pub types: Vec<String>,
    /// Only the first so many questions for the name.
    pub first: Option<u32>,
    /// Time before the answer is sent.
    pub delay_ms: u64,
    /// Of a hundred questions over UDP, how many are lost.
    pub loss: u8,
    /// The line's tag, read before.
    #[serde(rename = "type", skip_serializing)]
    pub(super) tag: Option<IgnoredAny>,
}

/// An answer that is not the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FalseAnswer {
    /// RCODE 1.
    Formerr,
    /// RCODE 2.
    Servfail,
    /// RCODE 2 with "DNSSEC Bogus" (RFC 8914 §4.7), as a resolver says it that validates.
    Bogus,
    /// RCODE 3 for a name that exists.
    Nxdomain,
    /// RCODE 4.
    Notimp,
    /// RCODE 5.
    Refused,
    /// NOERROR without records.
    Empty,
    /// No answer over UDP or TCP.
    Drop,
    /// TC over UDP, the truth over TCP.
    Truncate,
    /// TC over UDP and no answer over TCP.
    TruncateDead,
    /// The truth under an id that was not asked.
    WrongId,
    /// The truth under a question that was not asked.
    WrongQuestion,
    /// The truth, with addresses for names that were not asked in the additional section.
    Poison,
    /// A forged answer (`WrongId`) first, the truth behind it.
    Forged,
    /// Bytes that are no DNS message.
    Garbage,
    /// A delegation upwards to the root, as lame servers give.
    Lame,
    /// RCODE 1 to a question with EDNS, the truth to one without.
    NoEdns,
}

/// A mail server: an address and a behaviour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorldServer {
    /// Its address, in 127.0.0.0/8 or ::1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// A named behaviour whose fields stand under those of this line (`mail-lab --behaviours`).
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// The host name that it says; `mx.lab.test` if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What becomes of a SYN.
    #[serde(skip_serializing_if = "Listen::is_accept")]
    pub listen: Listen,
    /// The EHLO keywords without STARTTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,
    /// The keyword line that stands for STARTTLS: `STARTTLS` with `tls`, none without; `""` for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advertise: Option<String>,
    /// TLS, if it has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ServerTls>,
    /// It is no mail server but a policy host: TLS from the first octet, with a leaf for each name that is asked for (but those of
    /// `tls.names`), and HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub https: Option<Https>,
    /// Steps of the dialogue that differ from those of a plain server.
    #[serde(skip_serializing_if = "Steps::is_empty")]
    pub steps: Steps,
    /// Steps that differ on some connections; the first that applies and has the step is taken.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<ConnectionScript>,
    /// `domain`: an EHLO or HELO name without a dot, or an address literal, is refused with 550.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ehlo_name: Option<EhloName>,
    /// It takes messages (MAIL, RCPT, DATA), for the mail servers of others to send to; what it gets is thrown away.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub takes_mail: bool,
    /// Time before every move.
    #[serde(skip_serializing_if = "is_zero")]
    pub latency_ms: u64,
    /// Everything is said one byte at a time, so far apart.
    #[serde(skip_serializing_if = "is_zero")]
    pub drip_ms: u64,
    /// Free remarks of whoever made the world: not read.
    #[serde(skip_serializing)]
    pub about: Option<IgnoredAny>,
    /// The line's tag, read before.
    #[serde(rename = "type", skip_serializing)]
    pub(super) tag: Option<IgnoredAny>,
}

/// What becomes of a SYN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// It is accepted.
    #[default]
    Accept,
    /// Nobody listens: RST.
    Refused,
    /// It is never answered.
    Blackhole,
}

impl Listen {
    fn is_accept(&self) -> bool {
        *self == Self::Accept
    }
}

/// A rule for the name a client gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EhloName {
    /// It must be a domain name of at least two labels.
    Domain,
}

/// The steps of a dialogue; absent ones are a plain server's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Steps {
    /// On connect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<Act>,
    /// To EHLO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ehlo: Option<Act>,
    /// To HELO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helo: Option<Act>,
    /// To STARTTLS. TLS follows if the server has it and this begins with 220.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starttls: Option<Act>,
    /// Instead of TLS, once the client has said something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handshake: Option<Act>,
    /// To EHLO inside TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inside: Option<Act>,
    /// To QUIT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quit: Option<Act>,
    /// To any other command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<Act>,
}

impl Steps {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a server does at a step: says one thing, or makes several moves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Act {
    /// One thing said.
    Say(String),
    /// Moves in their order.
    Moves(Vec<Move>),
}

/// A move: wait, speak, and perhaps end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Move {
    /// Time before it speaks (before each repetition).
    #[serde(skip_serializing_if = "is_zero")]
    pub wait_ms: u64,
    /// What it says. A character up to U+00FF is that byte. `{name}`, `{ip}` and `{default}` (what a plain server says at this
    /// step) are filled in.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub say: String,
    /// One byte at a time, so far apart.
    #[serde(skip_serializing_if = "is_zero")]
    pub drip_ms: u64,
    /// How often it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// How the connection ends behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<ServerEnd>,
}

/// How often something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Repeat {
    /// So often.
    Times(u64),
    /// As long as the client listens.
    Word(Forever),
}

/// The word `forever`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forever {
    /// As long as the client listens.
    Forever,
}

/// How a server ends a connection on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerEnd {
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// It reads on and never says anything again.
    Hang,
    /// FIN, and it reads on until the client closes.
    HalfClose,
}

/// Steps for some connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectionScript {
    /// From this connection to the address on, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Up to this connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Connections that begin within this time of the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// Connections that find at least this many others open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u64>,
    /// What differs then.
    pub steps: Steps,
}

impl WorldName {
    /// A name without records.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}

/// Calls `each` with every item of a world.
pub fn read(
    mut input: impl BufRead,
    mut each: impl FnMut(WorldItem) -> Result<(), String>,
) -> Result<(), WorldError> {
    if let Some(foreign) = magic::foreign(input.fill_buf()?) {
        return Err(io::Error::other(foreign).into());
    }
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        if number == 1 && line.starts_with(magic::BOM) {
            line.drain(..magic::BOM.len());
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Some(item) = parse(&line).map_err(|error| WorldError::Line(number, error))? {
            each(item).map_err(|error| WorldError::Line(number, error))?;
        }
    }
}

/// One line of a world; `None` for those that serving does not need.
pub fn parse(line: &[u8]) -> Result<Option<WorldItem>, String> {
    #[derive(Deserialize)]
    struct Tagged {
        #[serde(rename = "type")]
        kind: String,
    }
    let kind = typed::<Tagged>(line)?.kind;
    Ok(Some(match kind.as_str() {
        "name" => WorldItem::Name(Box::new(typed(line)?)),
        "server" => WorldItem::Server(Box::new(server(line)?)),
        "dns" => WorldItem::Dns(typed(line)?),
        "world" | "truth" => return Ok(None),
        other => return Err(format!("no such type of line: {other}")),
    }))
}

/// A server with its preset's fields filled in beneath its own.
fn server(line: &[u8]) -> Result<WorldServer, String> {
    let mut server: WorldServer = typed(line)?;
    if let Some(preset) = &server.preset {
        let beneath =
            presets::find(preset).ok_or_else(|| format!("no such behaviour: {preset}"))?;
        let mut fields: Map<String, Value> = typed(line)?;
        lay_under(&mut fields, beneath);
        server = serde_json::from_value(Value::Object(fields)).map_err(describe)?;
    }
    match server.ip {
        None => Err("a server needs an ip".into()),
        // Anything else would be somebody's machine.
        Some(ip) if !(ip.is_loopback() || is_for_benchmarks(ip)) => Err(format!(
            "{ip} is neither a loopback address nor one of 198.18.0.0/15"
        )),
        Some(_) => Ok(server),
    }
}

/// 198.18.0.0/15 (RFC 2544): nobody's on the Internet. A network namespace can have all of it on its loopback interface; there the
/// limits count that loopback's own addresses are exempt from.
fn is_for_benchmarks(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(ip) if ip.octets()[0] == 198 && ip.octets()[1] & 0xfe == 18)
}

/// Adds what `above` lacks; objects on both sides are merged.
fn lay_under(above: &mut Map<String, Value>, beneath: Map<String, Value>) {
    for (key, value) in beneath {
        match (above.get_mut(&key), value) {
            (Some(Value::Object(above)), Value::Object(beneath)) => lay_under(above, beneath),
            (Some(_), _) => {}
            (None, value) => {
                above.insert(key, value);
            }
        }
    }
}

fn typed<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    serde_json::from_slice(line).map_err(describe)
}

fn describe(error: serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => text[..at].to_string(),
        None => text,
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::super::tls::{Certificate, KeyKind};
    use super::*;

    fn item(line: &str) -> WorldItem {
        parse(line.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_preset_lies_under_the_line() {
        let WorldItem::Server(server) = item(
            r#"{"type":"server","ip":"127.0.0.9","as":"helo-only","name":"a.test","steps":{"helo":"250 me\r\n"}}"#,
        ) else {
            panic!("a server")
        };
        assert_eq!(server.steps.helo, Some(Act::Say("250 me\r\n".into())));
        assert!(server.steps.ehlo.is_some());
    }

    #[test]
    fn every_preset_is_a_server() {
        for preset in presets::PRESETS {
            let line = format!(
                r#"{{"type":"server","ip":"127.0.0.9","as":"{}"}}"#,
                preset.name
            );
            assert!(
                matches!(item(&line), WorldItem::Server(_)),
                "{} does not parse",
                preset.name
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for (line, error) in [
            (
                r#"{"type":"server","ip":"192.0.2.1"}"#,
                "neither a loopback",
            ),
            (
                r#"{"type":"server","ip":"198.20.0.1"}"#,
                "neither a loopback",
            ),
            (r#"{"type":"server"}"#, "needs an ip"),
            (
                r#"{"type":"server","ip":"127.0.0.1","as":"odd"}"#,
                "no such behaviour: odd",
            ),
            (
                r#"{"type":"server","ip":"127.0.0.1","tarpitt":1}"#,
                "unknown field",
            ),
            (
                r#"{"type":"name","name":"a.test","mxx":[]}"#,
                "unknown field",
            ),
            (r#"{"type":"nome"}"#, "no such type of line: nome"),
            (r#"[1]"#, "invalid type"),
        ] {
            let said = parse(line.as_bytes()).unwrap_err();
            assert!(said.contains(error), "{line}: {said}");
        }
    }

    #[test]
    fn names_and_faults() {
        let WorldItem::Name(name) = item(
            r#"{"type":"name","name":"a.test","mx":[[10,"mx.a.test"]],"dns":{"answer":"servfail","types":["MX"]},"about":{"rank":1}}"#,
        ) else {
            panic!("a name")
        };
        assert_eq!(name.mx, [(10, "mx.a.test".to_string())]);
        assert_eq!(name.dns.unwrap().answer, Some(FalseAnswer::Servfail));
        assert!(
            parse(br#"{"type":"truth","anything":1}"#)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn tls_by_class_or_in_full() {
        let WorldItem::Server(server) = item(
            r#"{"type":"server","ip":"::1","tls":{"certificate":"expired","key":"rsa2048","versions":["TLSv1.2"]}}"#,
        ) else {
            panic!("a server")
        };
        assert_eq!(server.tls.unwrap().key, KeyKind::Rsa2048);
        let WorldItem::Server(server) = item(r#"{"type":"server","ip":"::1","tls":"self-signed"}"#)
        else {
            panic!("a server")
        };
        assert_eq!(server.tls.unwrap().certificate, Certificate::SelfSigned);
    }
}
