//! Findings that are known and accepted until a day, so that a job stays quiet about them.

use std::collections::HashMap;

use time::Date;
use time::macros::format_description;

use crate::judge::problem::ProblemCode;
use crate::store::printable;

/// Any domain, or any code.
const ANY: &str = "*";

/// What is accepted, by domain and code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// By domain, then code; none: every code.
    codes: HashMap<String, Vec<Option<ProblemCode>>>,
}

/// A file of what is accepted, as it was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptFile {
    /// What holds today.
    pub accepted: Accepted,
    /// Sentences about lines that are not understood, each with its number from 1.
    pub faults: Vec<String>,
    /// Sentences about lines whose day is over: they are accepted no more.
    pub expired: Vec<String>,
}

impl AcceptFile {
    /// Reads a file of lines `DOMAIN CODE UNTIL`, apart by blanks, tabs or commas: `*` stands for any domain or any code,
    /// UNTIL is the last day on which it holds (`2026-12-31`). Empty lines and those that begin with `#` say nothing.
    pub fn parse(text: &str, today: Date) -> Self {
        let mut file = Self::default();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_start_matches('\u{feff}').trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let number = number + 1;
            match Line::parse(line) {
                Err(why) => file.faults.push(format!("line {number}: {why}")),
                Ok(line) if line.until < today => file.expired.push(format!(
                    "line {number}: {} {}: accepted until {}, and no more",
                    printable(&line.domain),
                    line.code.map_or(ANY, ProblemCode::word),
                    line.until
                )),
                Ok(line) => {
                    let codes = file.accepted.codes.entry(line.domain).or_default();
                    codes.push(line.code);
                }
            }
        }
        file
    }
}

/// A line that was understood.
struct Line {
    domain: String,
    code: Option<ProblemCode>,
    until: Date,
}

impl Line {
    fn parse(line: &str) -> Result<Self, String> {
        let fields = line.split(|it: char| it.is_whitespace() || it == ',');
        let fields: Vec<&str> = fields.filter(|field| !field.is_empty()).collect();
        let [domain, code, until] = fields[..] else {
            return Err(format!(
                "{} fields where domain, code and last day are expected",
                fields.len()
            ));
        };
        let code =
            match code {
                ANY => None,
                word => Some(ProblemCode::from_word(word).ok_or_else(|| {
                    format!("{}: no code of mx-survey-problems(7)", printable(word))
                })?),
            };
        let form = format_description!("[year]-[month]-[day]");
        let until = Date::parse(until, form)
            .map_err(|_| format!("{}: no day such as 2026-12-31", printable(until)))?;
        let domain = domain.trim_end_matches('.').to_ascii_lowercase();
        Ok(Self {
            domain,
            code,
            until,
        })
    }
}

impl Accepted {
    /// Whether a problem of a domain is accepted.
    pub fn covers(&self, domain: &str, code: ProblemCode) -> bool {
        [domain, ANY].into_iter().any(|domain| {
            let codes = self.codes.get(domain);
            codes.is_some_and(|codes| codes.iter().any(|it| it.is_none_or(|it| it == code)))
        })
    }

    /// Whether nothing is accepted.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_hold_until_their_day_and_faults_bear_their_number() {
        let text = "\u{feff}# known\n\nA.test. spf_missing 2026-12-01\nb.test,*,2027-01-01\n*\tdmarc_missing\t2026-11-30\n\
                    c.test nonsense 2027-01-01\nc.test spf_missing soon\nc.test spf_missing\n";
        let today = Date::from_calendar_date(2026, time::Month::December, 1).unwrap();
        let file = AcceptFile::parse(text, today);
        let accepted = &file.accepted;
        assert!(accepted.covers("a.test", ProblemCode::SpfMissing));
        assert!(!accepted.covers("a.test", ProblemCode::DmarcMissing));
        assert!(accepted.covers("b.test", ProblemCode::Nxdomain));
        assert!(!accepted.covers("x.test", ProblemCode::DmarcMissing));
        assert_eq!(
            file.expired,
            ["line 5: * dmarc_missing: accepted until 2026-11-30, and no more"]
        );
        assert_eq!(
            file.faults,
            [
                "line 6: nonsense: no code of mx-survey-problems(7)",
                "line 7: soon: no day such as 2026-12-31",
                "line 8: 2 fields where domain, code and last day are expected",
            ]
        );
        assert_eq!(AcceptFile::parse("", today), AcceptFile::default());
    }
}
