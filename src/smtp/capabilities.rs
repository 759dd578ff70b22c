//! What an EHLO reply offers (RFC 5321 §4.1.1.1; SIZE: RFC 1870, AUTH: RFC 4954, STARTTLS: RFC 3207).

use crate::record::{Capabilities, Capability, Reply, Text};

/// The keyword this project is about.
pub const STARTTLS: &str = "STARTTLS";

impl Capabilities {
    /// Reads the reply to EHLO: the first line names the host, each other line is a keyword and its parameters.
    ///
    /// ```
    /// use mx_survey::record::Capabilities;
    /// use mx_survey::smtp::reply::ReplyParser;
    ///
    /// let mut bytes = b"250-mx.example.org\r\n250-SIZE 52428800\r\n250 starttls\r\n".as_slice();
    /// let reply = ReplyParser::default().feed(&mut bytes).unwrap().unwrap();
    /// let capabilities = Capabilities::from_reply(&reply);
    /// assert!(capabilities.offers("STARTTLS"));
    /// assert_eq!(capabilities.size, Some(52_428_800));
    /// ```
    pub fn from_reply(reply: &Reply) -> Self {
        let keywords: Vec<_> = reply.lines.iter().skip(1).filter_map(capability).collect();
        Self {
            host: host(reply),
            size: size(&keywords),
            auth: mechanisms(&keywords),
            keywords,
        }
    }

    /// Whether a keyword (upper case) is offered.
    pub fn offers(&self, keyword: &str) -> bool {
        self.keywords
            .iter()
            .any(|offered| offered.keyword == keyword)
    }

    /// A keyword that seems to have been STARTTLS before something on the way wrote over it (RFC 3207 §6).
    ///
    /// Such boxes keep the length, so that no TCP sequence number changes: Cisco's write `XXXXXXXA`, others change a
    /// letter or two.
    pub fn masked_starttls(&self) -> Option<&str> {
        let masks = |keyword: &str| {
            keyword != STARTTLS
                && keyword.len() == STARTTLS.len()
                && (keyword.starts_with("XXXXXXX") || differing_letters(keyword, STARTTLS) <= 2)
        };
        self.keywords
            .iter()
            .find(|offered| offered.parameters.is_none() && masks(&offered.keyword))
            .map(|offered| offered.keyword.as_str())
    }
}

/// The name that a greeting, or a reply to EHLO or HELO, begins with.
pub fn host(reply: &Reply) -> Option<Text> {
    let first = reply.lines.first()?;
    let word = first.0.split(|byte| is_blank(*byte)).next()?;
    (!word.is_empty()).then(|| word.into())
}

fn capability(line: &Text) -> Option<Capability> {
    let line = line.0.trim_ascii();
    // `AUTH=LOGIN` of the time before RFC 2554 ends the keyword without a space: no keyword contains `=`.
    let end = line
        .iter()
        .position(|byte| is_blank(*byte) || *byte == b'=')
        .unwrap_or(line.len());
    let (keyword, parameters) = line.split_at(end);
    let parameters = parameters.trim_ascii();
    (!line.is_empty()).then(|| Capability {
        keyword: String::from_utf8_lossy(keyword).to_ascii_uppercase(),
        parameters: (!parameters.is_empty()).then(|| parameters.into()),
    })
}

fn size(keywords: &[Capability]) -> Option<u64> {
    let offered = keywords.iter().find(|offered| offered.keyword == "SIZE")?;
    match &offered.parameters {
        // RFC 1870 §3: without a number, the limit is not told.
        None => None,
        // Digits alone; a number of Rust may have a sign.
        Some(Text(digits)) if !digits.iter().all(u8::is_ascii_digit) => None,
        Some(parameters) => std::str::from_utf8(&parameters.0).ok()?.parse().ok(),
    }
}

/// Mechanisms of every AUTH line, old form or new, each once, in their order.
fn mechanisms(keywords: &[Capability]) -> Vec<String> {
    let mut mechanisms: Vec<String> = Vec::new();
    for offered in keywords.iter().filter(|offered| offered.keyword == "AUTH") {
        let Some(parameters) = &offered.parameters else {
            continue;
        };
        for word in parameters.lossy().split([' ', '\t', '=']) {
            let mechanism = word.to_ascii_uppercase();
            if !mechanism.is_empty() && !mechanisms.contains(&mechanism) {
                mechanisms.push(mechanism);
            }
        }
    }
    mechanisms
}

fn differing_letters(one: &str, other: &str) -> usize {
    one.bytes()
        .zip(other.bytes())
        .filter(|(a, b)| a != b)
        .count()
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Capabilities {
        Capabilities::from_reply(&Reply {
            code: 250,
            enhanced: None,
            lines: lines.iter().map(|&line| line.into()).collect(),
        })
    }

    #[test]
    fn keywords_are_upper_case_and_parameters_as_they_came() {
        let read = read(&[
            "mx.example at your service",
            "size 35882577",
            "8BITMIME",
            "StartTLS",
            "LIMITS RCPTMAX=100 MailMax=5",
            "X-Odd\tthing",
            "",
        ]);
        assert_eq!(read.host, Some("mx.example".into()));
        assert_eq!(read.size, Some(35_882_577));
        assert!(read.offers(STARTTLS));
        let parameters = |keyword: &str| {
            let mut found = read.keywords.iter().filter(|k| k.keyword == keyword);
            found.next().and_then(|found| found.parameters.clone())
        };
        assert_eq!(parameters("LIMITS"), Some("RCPTMAX=100 MailMax=5".into()));
        assert_eq!(parameters("X-ODD"), Some("thing".into()));
        assert_eq!(read.keywords.len(), 5);
    }

    #[test]
    fn the_name_of_the_host_is_no_keyword() {
        let read = read(&["STARTTLS"]);
        assert!(!read.offers(STARTTLS));
        assert_eq!(read.host, Some(STARTTLS.into()));
    }

    #[test]
    fn mechanisms_are_read_in_both_forms_and_once() {
        let read = read(&["mx", "AUTH PLAIN LOGIN", "AUTH=login NTLM", "AUTH"]);
        assert_eq!(read.auth, ["PLAIN", "LOGIN", "NTLM"]);
        assert_eq!(read.keywords[1].keyword, "AUTH");
        assert_eq!(read.keywords[1].parameters, Some("=login NTLM".into()));
    }

    #[test]
    fn a_size_that_is_no_number_is_no_size() {
        assert_eq!(read(&["mx", "SIZE"]).size, None);
        assert_eq!(read(&["mx", "SIZE -1"]).size, None);
        assert_eq!(read(&["mx", "SIZE +1000"]).size, None);
        assert_eq!(read(&["mx", "SIZE 0"]).size, Some(0));
        assert_eq!(read(&["mx", "SIZE 99999999999999999999"]).size, None);
    }

    #[test]
    fn starttls_under_a_mask_is_recognised() {
        for (line, masked) in [
            ("XXXXXXXA", true),
            ("xxxxxxxa", true),
            ("XXXXXXXX", true),
            ("STARTTLX", true),
            ("XTARTTLS", true),
            ("STARTTLS", false),
            ("8BITMIME", false),
            ("SMTPUTF8", false),
            ("CHUNKING", false),
            ("XXXXXXXXXXX", false),
            ("XCLIENT", false),
            ("XXXXXXXA NAME", false),
        ] {
            assert_eq!(
                read(&["mx", line]).masked_starttls().is_some(),
                masked,
                "{line}"
            );
        }
    }
}
