//! `--format prometheus`: the text exposition format (version 0.0.4) for the textfile collector of node_exporter: gauges
//! without timestamps, which that collector refuses.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::asked::ReportSettings;
use super::compare::{Difference, called};
use super::measure::MEASURES;
use super::questions::sorted_problems;
use super::survey::{DomainState, Survey, verdict_of};
use super::table::Tally;
use crate::judge::problem::{ProblemCode, Severity};
use crate::store::query;

/// A gauge and its samples.
struct Gauge {
    name: &'static str,
    help: &'static str,
    /// Labels, each name and value, and the value.
    samples: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl Gauge {
    fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            samples: Vec::new(),
        }
    }

    fn sample(&mut self, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|&(name, value)| (name, value.to_owned()));
        self.samples.push((labels.collect(), value));
    }

    fn write(&self, text: &mut String) {
        let Self {
            name,
            help,
            samples,
        } = self;
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let labels: Vec<String> = (labels.iter())
                .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
                .collect();
            let labels = match labels.is_empty() {
                true => String::new(),
                false => format!("{{{}}}", labels.join(",")),
            };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
}

/// The value of a label: backslash, quotes and line feed are escaped.
fn escaped(value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"");
    value.replace('\n', "\\n")
}

/// A survey as gauges.
///
/// # Errors
///
/// Where the survey cannot be read.
pub fn prometheus(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<String> {
    let mut gauges = vec![about(survey)?];
    gauges.extend(time(survey)?);
    gauges.push(domains(survey)?);
    gauges.extend(measures(survey, asked)?);
    gauges.extend(problems(survey, asked)?);
    gauges.extend(changes(asked));
    let mut text = String::new();
    gauges.iter().for_each(|gauge| gauge.write(&mut text));
    Ok(text)
}

fn about(survey: &Survey) -> rusqlite::Result<Gauge> {
    let mut gauge = Gauge::new("mx_survey_info", "The survey, by its label or day.");
    let synthetic = match query::is_synthetic(&survey.connection)? {
        true => "yes",
        false => "no",
    };
    let survey = called(survey, "")?;
    let labels = [
        ("survey", survey.as_str()),
        ("version", env!("CARGO_PKG_VERSION")),
        ("synthetic", synthetic),
    ];
    gauge.sample(&labels, 1.0);
    Ok(gauge)
}

fn time(survey: &Survey) -> rusqlite::Result<Option<Gauge>> {
    let times = query::times(&survey.connection)?;
    let last = times.and_then(|(_, last)| OffsetDateTime::parse(&last, &Rfc3339).ok());
    Ok(last.map(|last| {
        let mut gauge = Gauge::new(
            "mx_survey_last_measured_timestamp_seconds",
            "When the last measurement ended, in seconds since 1970.",
        );
        gauge.sample(&[], last.unix_timestamp() as f64);
        gauge
    }))
}

fn domains(survey: &Survey) -> rusqlite::Result<Gauge> {
    let mut gauge = Gauge::new("mx_survey_domains", "Domains by what became of them.");
    let verdicts = survey.verdicts()?;
    for status in DomainState::ALL {
        let count = verdicts.iter().filter(|it| it.status == status).count();
        gauge.sample(&[("status", status.word())], count as f64);
    }
    Ok(gauge)
}

fn measures(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<[Gauge; 2]> {
    let verdicts = survey.verdicts()?;
    let mut domains = Gauge::new(
        "mx_survey_measure_domains",
        "Domains by measure and answer; unknown is not no.",
    );
    let mut users = Gauge::new(
        "mx_survey_measure_users",
        "Users by list, measure and answer.",
    );
    let add = |gauge: &mut Gauge, list: Option<&str>, measure: &str, tally: &Tally| {
        for (answer, count) in [
            ("yes", tally.yes),
            ("no", tally.no),
            ("mixed", tally.mixed),
            ("unknown", tally.unknown),
        ] {
            let labels = [("measure", measure), ("answer", answer)];
            let labels: Vec<_> = (list.map(|list| ("list", list)).into_iter())
                .chain(labels)
                .collect();
            gauge.sample(&labels, count as f64);
        }
    };
    for measure in &MEASURES {
        let mut tally = Tally::default();
        for verdict in verdicts {
            if let Some(truth) = measure.truth(verdict, asked.rule) {
                tally.add(truth, 1);
            }
        }
        add(&mut domains, None, measure.word, &tally);
        for list in survey.counted()? {
            let mut tally = Tally::default();
            for entry in &list.entries {
                if let Some(truth) = measure.truth(&verdict_of(verdicts, entry.domain), asked.rule)
                {
                    tally.add(truth, entry.users);
                }
            }
            add(&mut users, Some(&list.source), measure.word, &tally);
        }
    }
    Ok([domains, users])
}

fn problems(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<[Gauge; 2]> {
    let mut by_severity = Gauge::new(
        "mx_survey_problem_domains",
        "Domains that have a problem of this severity; accepted ones are left out.",
    );
    let mut by_code = Gauge::new(
        "mx_survey_problem_code_domains",
        "Domains that have this problem.",
    );
    let mut codes: BTreeMap<(Severity, ProblemCode), Vec<u32>> = BTreeMap::new();
    let mut severities: BTreeMap<Severity, Vec<u32>> =
        Severity::ALL.iter().map(|&it| (it, Vec::new())).collect();
    for row in sorted_problems(survey, asked)?.iter() {
        let severity = Severity::from_word(&row.severity).unwrap_or(Severity::Notice);
        let code = ProblemCode::from(row.code.as_str());
        codes.entry((severity, code)).or_default().push(row.domain);
        severities.entry(severity).or_default().push(row.domain);
    }
    let distinct = |mut domains: Vec<u32>| {
        domains.sort_unstable();
        domains.dedup();
        domains.len() as f64
    };
    for (severity, domains) in severities {
        by_severity.sample(&[("severity", severity.word())], distinct(domains));
    }
    for ((severity, code), domains) in codes {
        let labels = [("severity", severity.word()), ("code", code.word())];
        by_code.sample(&labels, distinct(domains));
    }
    Ok([by_severity, by_code])
}

/// New and mended problems, where there is an earlier survey.
fn changes(asked: &ReportSettings) -> Option<Gauge> {
    let comparison = asked.since.as_deref()?;
    let mut gauge = Gauge::new(
        "mx_survey_changed_problems",
        "Problems that are new or mended since the earlier survey.",
    );
    for &difference in Difference::ALL {
        for &severity in Severity::ALL {
            let found = asked.found(comparison, difference);
            let count = found.filter(|it| it.severity == severity).count();
            let labels = [
                ("difference", difference.word()),
                ("severity", severity.word()),
            ];
            gauge.sample(&labels, count as f64);
        }
    }
    Some(gauge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_labels_are_escaped() {
        let mut gauge = Gauge::new("x", "An x.");
        gauge.sample(&[("a", "b\"\\\nc"), ("d", "é")], 2.5);
        gauge.sample(&[], 3.0);
        let mut text = String::new();
        gauge.write(&mut text);
        assert_eq!(
            text,
            "# HELP x An x.\n# TYPE x gauge\nx{a=\"b\\\"\\\\\\nc\",d=\"é\"} 2.5\nx 3\n"
        );
    }
}
