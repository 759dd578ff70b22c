//! `--fail-on SEVERITY[,new]`: when a report ends with 3, so that a job can tell.

use std::str::FromStr;

use super::asked::ReportSettings;
use super::compare::Difference;
use super::questions::worst;
use super::survey::Survey;
use crate::judge::problem::Severity;

/// Which problems fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailOn {
    /// Those that are at least as bad.
    pub severity: Severity,
    /// Only those that the survey of `--since` was known not to have.
    pub only_new: bool,
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (word, only_new) = match text.split_once(',') {
            Some((word, "new")) => (word, true),
            Some(_) => ("", false),
            None => (text, false),
        };
        let severity = Severity::from_word(word)
            .ok_or("notice, serious or critical, or one of these and \",new\"")?;
        Ok(Self { severity, only_new })
    }
}

impl FailOn {
    /// Whether there is such a problem; accepted ones are none.
    ///
    /// # Errors
    ///
    /// Where the survey cannot be read.
    pub fn is_met(self, survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<bool> {
        let asked = ReportSettings {
            severity: self.severity,
            ..asked.clone()
        };
        if !self.only_new {
            return Ok(worst(survey, &asked)?.is_some());
        }
        let mut new = (asked.since.iter()).flat_map(|it| asked.found(it, Difference::New));
        Ok(new.next().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_and_new() {
        let parse = |text: &str| text.parse::<FailOn>().ok();
        let fail_on = |severity, only_new| Some(FailOn { severity, only_new });
        assert_eq!(parse("critical"), fail_on(Severity::Critical, false));
        assert_eq!(parse("notice,new"), fail_on(Severity::Notice, true));
        for text in ["", "new", "critical,old", "critical,", ",new", "Critical"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
