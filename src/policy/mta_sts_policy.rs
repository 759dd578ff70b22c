//! The text of an MTA-STS policy (RFC 8461 §3.2), read by the letter, and as lax senders read it.

use super::fields;
use crate::record::{Fault, PolicyFault, PolicyState, StsError, StsMode, StsReading, Text};

/// The longest life of a policy, in seconds: a year.
pub const MAX_AGE_LIMIT: u64 = 31_557_600;
/// The octets of a policy that are read (RFC 8461 §3.3 lets a sender refuse more).
pub const TEXT_LIMIT: usize = 64 * 1024;

/// Reads a policy by the letter.
///
/// Lines end with LF or CRLF, the last one need not; a blank line is none of the grammar. Keys are case-sensitive, no
/// blank stands before the colon. Of a key but `mx` that stands again, the first counts. Unknown keys are passed over.
///
/// ```
/// use mx_survey::policy::mta_sts_policy::read_strictly;
/// use mx_survey::record::{PolicyState, StsMode};
///
/// let policy = read_strictly(b"version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: 86400\n");
/// assert_eq!((policy.state, policy.mode), (PolicyState::Ok, Some(StsMode::Enforce)));
/// assert_eq!(read_strictly(b"mode: enforce\n").state, PolicyState::Invalid);
/// ```
pub fn read_strictly(text: &[u8]) -> StsReading {
    let mut reader = Strict::default();
    if text.starts_with(b"\xef\xbb\xbf") {
        reader.refuse(Fault::new(PolicyFault::ByteOrderMark).in_term(0, b"\xef\xbb\xbf"));
        return reader.finish();
    }
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    let mut at = 0;
    for line in body.split(|&octet| octet == b'\n') {
        let inner = line.strip_suffix(b"\r").unwrap_or(line);
        // The CR of a last CRLF stands at the end of the body, like that of any other line.
        reader.line(inner, at);
        at += line.len() + 1;
    }
    reader.finish()
}

/// Reads a policy as most of the lax senders do: blank lines, lines without a colon and fields against the grammar are
/// passed over, exchanges are taken as they stand, and of a key that stands again the last counts.
///
/// ```
/// use mx_survey::policy::mta_sts_policy::{read_leniently, read_strictly};
/// use mx_survey::record::PolicyState;
///
/// let text = b"version: STSv1\n\nmode: testing\nmx: mx.a.test\nmax_age: 60\n";
/// assert_eq!(read_strictly(text).state, PolicyState::Invalid);
/// assert_eq!(read_leniently(text).state, PolicyState::Ok);
/// ```
pub fn read_leniently(text: &[u8]) -> StsReading {
    let (mut version, mut mode, mut max_age) = (None, None, None);
    let mut mx = Vec::new();
    for line in text.split(|&octet| octet == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else {
            continue;
        };
        let value = line[colon + 1..].trim_ascii();
        match &line[..colon] {
            b"version" => version = Some(value),
            b"mode" => mode = Some(value),
            b"max_age" => max_age = Some(value),
            b"mx" if !value.is_empty() => mx.push(Text::from(value)),
            _ => {}
        }
    }
    let mode = mode.and_then(mode_named);
    let max_age = max_age.and_then(seconds);
    let is_ok = version == Some(b"STSv1")
        && max_age.is_some()
        && mode.is_some_and(|mode| mode == StsMode::None || !mx.is_empty());
    reading(is_ok, mode, max_age, mx)
}

fn reading(is_ok: bool, mode: Option<StsMode>, max_age: Option<u64>, mx: Vec<Text>) -> StsReading {
    StsReading {
        state: if is_ok {
            PolicyState::Ok
        } else {
            PolicyState::Invalid
        },
        error: (!is_ok).then_some(StsError::Syntax),
        mode,
        max_age,
        mx,
        faults: Vec::new(),
    }
}

/// A policy being read by the letter.
#[derive(Default)]
struct Strict {
    has_version: bool,
    has_mode: bool,
    has_max_age: bool,
    mode: Option<StsMode>,
    max_age: Option<u64>,
    mx: Vec<Text>,
    faults: Vec<Fault>,
    is_refused: bool,
}

impl Strict {
    fn line(&mut self, line: &[u8], at: usize) {
        let fault = |code| Fault::new(code).in_term(at, fields::cut(line));
        if fields::trim(line).is_empty() {
            return self.refuse(fault(PolicyFault::BlankLine));
        }
        let Some(colon) = memchr::memchr(b':', line) else {
            return self.refuse(fault(PolicyFault::Syntax));
        };
        let (key, value) = (&line[..colon], fields::trim(&line[colon + 1..]));
        let is_repeated = match key {
            b"version" => std::mem::replace(&mut self.has_version, true),
            b"mode" => std::mem::replace(&mut self.has_mode, true),
            b"max_age" => std::mem::replace(&mut self.has_max_age, true),
            _ => false,
        };
        if is_repeated {
            self.remark(fault(PolicyFault::Duplicate));
        }
        match key {
            b"version" if !is_repeated => {
                if value != b"STSv1" {
                    self.refuse(fault(PolicyFault::Version));
                }
            }
            b"mode" if !is_repeated => {
                self.mode = mode_named(value);
                if self.mode.is_none() {
                    self.refuse(fault(PolicyFault::BadMode));
                }
            }
            b"max_age" if !is_repeated => {
                self.max_age = seconds(value);
                if self.max_age.is_none() {
                    self.refuse(fault(PolicyFault::BadMaxAge));
                }
            }
            b"mx" => self.exchange(value, &fault),
            _ if fields::is_extension_name(key) && is_extension_value(value) => {}
            _ => self.refuse(fault(PolicyFault::Syntax)),
        }
    }

    fn exchange(&mut self, value: &[u8], fault: &dyn Fn(PolicyFault) -> Fault) {
        let name = value.strip_prefix(b"*.").unwrap_or(value);
        if !is_domain(name) {
            return self.refuse(fault(PolicyFault::BadMx));
        }
        if is_number(name) {
            // Of the grammar, and no exchange bears such a name.
            self.remark(fault(PolicyFault::MxAddress));
        }
        self.mx.push(value.into());
    }

    fn refuse(&mut self, fault: Fault) {
        self.is_refused = true;
        fields::note(&mut self.faults, fault);
    }

    fn remark(&mut self, fault: Fault) {
        fields::note(&mut self.faults, fault);
    }

    fn finish(mut self) -> StsReading {
        let is_mx_missing = self.mode != Some(StsMode::None) && self.mx.is_empty();
        let missing = [
            (!self.has_version, PolicyFault::MissingVersion),
            (!self.has_mode, PolicyFault::MissingMode),
            (!self.has_max_age, PolicyFault::MissingMaxAge),
            (is_mx_missing, PolicyFault::MissingMx),
        ];
        // Where nothing could be read, what is missing says nothing more.
        let is_readable = self.has_version || self.has_mode || !self.is_refused;
        for (is_missing, code) in missing {
            if is_missing {
                self.is_refused = true;
                if is_readable {
                    fields::note(&mut self.faults, Fault::new(code));
                }
            }
        }
        let mut reading = reading(!self.is_refused, self.mode, self.max_age, self.mx);
        reading.faults = self.faults;
        reading
    }
}

fn mode_named(value: &[u8]) -> Option<StsMode> {
    match value {
        b"enforce" => Some(StsMode::Enforce),
        b"testing" => Some(StsMode::Testing),
        b"none" => Some(StsMode::None),
        _ => None,
    }
}

/// One to ten digits (erratum 7282), at most a year.
fn seconds(value: &[u8]) -> Option<u64> {
    let is_number = (1..=10).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    (is_number && number <= MAX_AGE_LIMIT).then_some(number)
}

/// Printable characters of UTF-8, with single blanks and more between them, and one at least.
fn is_extension_value(value: &[u8]) -> bool {
    !value.is_empty()
        && !value.iter().any(u8::is_ascii_control)
        && std::str::from_utf8(value).is_ok()
}

/// Labels of letters, digits and hyphens inside them (RFC 5321 §4.1.2), of the lengths of RFC 1035.
fn is_domain(name: &[u8]) -> bool {
    let is_label = |label: &[u8]| {
        (1..=63).contains(&label.len())
            && (label.iter()).all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-')
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
    };
    name.len() <= 253 && name.split(|&octet| octet == b'.').all(is_label)
}

/// Its last label is a number: an address, or nothing.
fn is_number(name: &[u8]) -> bool {
    name.rsplit(|&octet| octet == b'.')
        .next()
        .is_some_and(|label| label.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "version: STSv1\nmode: enforce\nmx: mx.example.org\nmax_age: 604800\n";

    fn states(text: &[u8]) -> (PolicyState, PolicyState) {
        (read_strictly(text).state, read_leniently(text).state)
    }

    fn codes(text: &str) -> Vec<PolicyFault> {
        (read_strictly(text.as_bytes()).faults.iter())
            .map(|fault| fault.code)
            .collect()
    }

    #[test]
    fn line_ends_of_either_kind_and_a_last_one_or_none() {
        use PolicyState::{Invalid, Ok};
        let crlf = GOOD.replace('\n', "\r\n");
        let mixed = GOOD.replacen('\n', "\r\n", 2);
        for text in [GOOD, &crlf, &mixed, GOOD.trim_end(), crlf.trim_end()] {
            assert_eq!(states(text.as_bytes()), (Ok, Ok), "{text:?}");
        }
        for text in [
            format!("{GOOD}\n"),
            format!("\n{GOOD}"),
            GOOD.replacen('\n', "\n\n", 1),
            GOOD.replacen('\n', "\n \t\n", 1),
            format!("{GOOD} "),
        ] {
            assert_eq!(states(text.as_bytes()), (Invalid, Ok), "{text:?}");
            assert!(codes(&text).contains(&PolicyFault::BlankLine), "{text:?}");
        }
        // A lone CR ends no line.
        let cr = GOOD.replace('\n', "\r");
        assert_eq!(states(cr.as_bytes()), (Invalid, Invalid));
    }

    #[test]
    fn every_rule_of_the_grammar_strict_and_lenient() {
        use PolicyState::{Invalid, Ok};
        let with = |from: &str, to: &str| GOOD.replace(from, to);
        for (text, strict, lenient) in [
            (with("version: ", "version:"), Ok, Ok),
            (with("version: ", "version: \t "), Ok, Ok),
            (with("enforce", "enforce \t"), Ok, Ok),
            (
                with("mode: enforce\nmx: mx.example.org", "mode: none"),
                Ok,
                Ok,
            ),
            (with("604800", "0"), Ok, Ok),
            (with("604800", "31557600"), Ok, Ok),
            (with("604800", "0000604800"), Ok, Ok),
            (with("mx.example.org", "*.example.org"), Ok, Ok),
            (with("mx.example.org", "xn--bcher-kva.example"), Ok, Ok),
            (with("mx.example.org", "192.0.2.1"), Ok, Ok),
            (format!("{GOOD}more:ext e  ns ion\nmä: x"), Invalid, Ok),
            (format!("{GOOD}more:ext e  ns ion ü"), Ok, Ok),
            (format!("{GOOD}mode: bogus"), Ok, Invalid),
            (format!("{GOOD}mode: testing"), Ok, Ok),
            (format!("\u{feff}{GOOD}"), Invalid, Invalid),
            (with("version:", "Version:"), Invalid, Invalid),
            (with("mode:", "mode :"), Invalid, Invalid),
            (with("mode:", " mode:"), Invalid, Invalid),
            (with("mx: mx.example.org\n", ""), Invalid, Invalid),
            (with("mx.example.org", ""), Invalid, Invalid),
            (with("enforce", "Enforce"), Invalid, Invalid),
            (with("enforce", "report"), Invalid, Invalid),
            (with("STSv1", "STSv2"), Invalid, Invalid),
            (with("STSv1", "stsv1"), Invalid, Invalid),
            (with("mode: enforce\n", ""), Invalid, Invalid),
            (with("version: STSv1\n", ""), Invalid, Invalid),
            (with("max_age: 604800\n", ""), Invalid, Invalid),
            (with("604800", "31557601"), Invalid, Invalid),
            (with("604800", "00000604800"), Invalid, Invalid),
            (with("604800", "-1"), Invalid, Invalid),
            (with("604800", "1.5"), Invalid, Invalid),
            (with("604800", "1 day"), Invalid, Invalid),
            (with("mx.example.org", "bücher.example"), Invalid, Ok),
            (with("mx.example.org", "mx_1.example.org"), Invalid, Ok),
            (with("mx.example.org", "mx.example.org."), Invalid, Ok),
            (with("mx.example.org", "*.*.example.org"), Invalid, Ok),
            (with("mx.example.org", "test.example-"), Invalid, Ok),
            (with("mx.example.org", "[192.0.2.1]"), Invalid, Ok),
            (with("mx.example.org", "*"), Invalid, Ok),
            (format!("{GOOD}ext:"), Invalid, Ok),
            (
                format!("{GOOD}a12345678901234567890123456789012:1"),
                Invalid,
                Ok,
            ),
            (format!("{GOOD}_bad: test"), Invalid, Ok),
            (format!("{GOOD}# a remark"), Invalid, Ok),
            (String::new(), Invalid, Invalid),
            ("<!DOCTYPE html>\n<html>".into(), Invalid, Invalid),
        ] {
            assert_eq!(states(text.as_bytes()), (strict, lenient), "{text:?}");
            assert!(strict == Ok || !codes(&text).is_empty(), "{text:?}");
        }
        assert_eq!(states(b"\xff\xfe\0"), (Invalid, Invalid));
        let latin = [GOOD.as_bytes(), b"x: \xe9"].concat();
        assert_eq!(states(&latin), (Invalid, Ok));
    }

    #[test]
    fn of_a_key_that_stands_again_the_first_counts_and_to_the_lax_the_last() {
        let text = format!("{GOOD}mode: testing\nmax_age: 1\nmx: b.example.org\n");
        let strict = read_strictly(text.as_bytes());
        assert_eq!(
            (strict.mode, strict.max_age),
            (Some(StsMode::Enforce), Some(604_800))
        );
        assert_eq!(strict.mx.len(), 2);
        assert_eq!(codes(&text), [PolicyFault::Duplicate; 2]);
        let lenient = read_leniently(text.as_bytes());
        assert_eq!(
            (lenient.mode, lenient.max_age),
            (Some(StsMode::Testing), Some(1))
        );
    }

    #[test]
    fn a_fault_stands_at_its_line() {
        let text = GOOD.replace("604800", "x");
        let faults = read_strictly(text.as_bytes()).faults;
        assert_eq!(faults.len(), 1);
        let at = faults[0].offset.unwrap() as usize;
        assert!(text[at..].starts_with("max_age: x"), "{faults:?}");
        assert_eq!(codes(""), [PolicyFault::BlankLine]);
        let blank_lines = "\n".repeat(60_000);
        assert_eq!(codes(&blank_lines).len(), 16);
    }
}
