//! A line as a record of its type. Lines are parsed on the thread that reads, so that the one that writes only writes.

use serde::de::DeserializeOwned;

use super::exchange_key::ExchangeKey;
use super::whole;
use crate::ndjson;
use crate::record::{Cert, Domain, Hop, Listed, Other, Policy, Run, Smtp, Sts, Tls};

/// A line that was understood.
#[derive(Debug)]
pub(super) struct ParsedLine {
    /// What it says.
    pub(super) record: ParsedRecord,
    /// The tables can hold all of it: the line need not be kept.
    pub(super) is_whole: bool,
}

/// A record of any type.
#[derive(Debug)]
pub(super) enum ParsedRecord {
    Listed(Box<Listed>),
    Other(Box<Other>),
    /// With what tells each of its exchanges apart.
    Domain(Box<Domain>, Vec<ExchangeKey>),
    Smtp(Box<Smtp>),
    Tls(Box<Tls>),
    Cert(Box<Cert>),
    Policy(Box<Policy>),
    Sts(Box<Sts>),
    Hop(Box<Hop>),
    Run(Box<Run>),
    /// Of a type that this version does not know.
    Unknown(String),
}

impl ParsedLine {
    /// Parses a line without white space around it; an error says why it is no record.
    pub(super) fn parse(line: &[u8]) -> Result<Self, String> {
        let tag = match quick_tag(line) {
            Some(tag) => tag.into(),
            None => ndjson::tag(line).map_err(|error| error.to_string())?,
        };
        let mut is_whole = false;
        let record = match tag.as_ref() {
            "listed" => {
                let listed = parse::<Listed>(line, &tag)?;
                is_whole = whole::is_listed_whole(&listed, line);
                ParsedRecord::Listed(listed)
            }
            "domain" => {
                let domain = parse::<Domain>(line, &tag)?;
                is_whole = whole::is_domain_whole(&domain, line);
                let keys = domain.mx.iter().map(ExchangeKey::new).collect();
                ParsedRecord::Domain(domain, keys)
            }
            "other" => ParsedRecord::Other(parse(line, &tag)?),
            "smtp" => ParsedRecord::Smtp(parse(line, &tag)?),
            "tls" => ParsedRecord::Tls(parse(line, &tag)?),
            "cert" => ParsedRecord::Cert(parse(line, &tag)?),
            "policy" => ParsedRecord::Policy(parse(line, &tag)?),
            "sts" => ParsedRecord::Sts(parse(line, &tag)?),
            "hop" => ParsedRecord::Hop(parse(line, &tag)?),
            "run" => ParsedRecord::Run(parse(line, &tag)?),
            _ => {
                // The quick look did not check that the whole line is an object.
                ndjson::tag(line).map_err(|error| error.to_string())?;
                ParsedRecord::Unknown(tag.into_owned())
            }
        };
        Ok(Self { record, is_whole })
    }
}

/// The tag of a line that begins with it, as every stage writes them.
fn quick_tag(line: &[u8]) -> Option<&str> {
    let rest = line.strip_prefix(b"{\"type\":\"")?;
    let end = memchr::memchr(b'"', rest)?;
    let tag = std::str::from_utf8(&rest[..end]).ok()?;
    (!tag.contains('\\') && matches!(rest.get(end + 1), Some(b',' | b'}'))).then_some(tag)
}

fn parse<T: DeserializeOwned>(line: &[u8], tag: &str) -> Result<Box<T>, String> {
    let record = serde_json::from_slice(line).map_err(|error| {
        let text = error.to_string();
        // "at line 1" would be read as a line of the stream.
        let text = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(text, _)| text);
        let tag = ndjson::printable(tag);
        format!("not a {tag} record: {text} at column {}", error.column())
    })?;
    Ok(Box::new(record))
}
