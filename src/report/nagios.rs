//! `--format nagios`: one line and its status, by the guidelines of the Monitoring Plugins (texts before `|`, performance data
//! behind it, four statuses).

use super::asked::ReportSettings;
use super::compare::Difference;
use super::fail_on::FailOn;
use super::questions::sorted_problems;
use super::survey::{DomainState, Survey};
use crate::judge::problem::{ProblemCode, Severity};
use crate::ndjson::printable;
use crate::record::words::vocabulary;
use crate::store::query;

vocabulary! {
    /// What a monitoring plugin says of its subject.
    strict PluginStatus {
        /// No problem that counts.
        Ok = "OK",
        /// A serious one, or a notice where these count.
        Warning = "WARNING",
        /// A critical one.
        Critical = "CRITICAL",
        /// It could not be told.
        Unknown = "UNKNOWN",
    }
}

impl PluginStatus {
    /// The exit status.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// The line without its end, and the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PluginOutput {
    /// What the survey amounts to.
    pub status: PluginStatus,
    /// One line.
    pub line: String,
}

impl PluginOutput {
    /// That nothing could be told, and why.
    pub fn unknown(why: &str) -> Self {
        let status = PluginStatus::Unknown;
        Self {
            status,
            line: format!("MX-SURVEY {} - {}", status.word(), clean(why)),
        }
    }
}

/// A problem that counts.
struct Counted {
    severity: Severity,
    domain: String,
    code: ProblemCode,
}

/// Problems that are named in the line.
const NAMED: usize = 5;

/// Says how a survey stands: of the problems that count (at least serious, or as `fail_on` says) a critical one is CRITICAL, any
/// other WARNING; where no server could be connected to, or nothing was looked up, and nothing counts, it is UNKNOWN.
///
/// # Errors
///
/// Where the survey cannot be read.
pub fn nagios(
    survey: &Survey,
    asked: &ReportSettings,
    fail_on: Option<FailOn>,
) -> rusqlite::Result<PluginOutput> {
    let fail_on = fail_on.unwrap_or(FailOn {
        severity: Severity::Serious,
        only_new: false,
    });
    let all = counted(survey, asked, fail_on.only_new)?;
    let counts: Vec<&Counted> = (all.iter())
        .filter(|it| it.severity >= fail_on.severity)
        .collect();
    let domains = DomainCounts::read(survey)?;
    let status = status(survey, &counts, &domains)?;
    let looked_up = domains.looked_up;
    let why = match (status, looked_up) {
        (PluginStatus::Unknown, 0) => "nothing was looked up".to_owned(),
        (PluginStatus::Unknown, _) => {
            "no mail server could be connected to, so that none was learned".to_owned()
        }
        (PluginStatus::Ok, _) => format!("no such problem at {looked_up} domains"),
        _ => named(&counts),
    };
    let new = if fail_on.only_new { "new " } else { "" };
    let [critical, serious, notice] = SEVERITIES.map(|severity| count(&all, severity));
    let line = format!(
        "MX-SURVEY {} - {critical} critical, {serious} serious, {notice} notice {new}problems: {} | {}",
        status.word(),
        clean(&why),
        perfdata(&all, &domains)
    );
    Ok(PluginOutput { status, line })
}

/// The severities, the worst first.
const SEVERITIES: [Severity; 3] = [Severity::Critical, Severity::Serious, Severity::Notice];

fn count(all: &[Counted], severity: Severity) -> usize {
    all.iter().filter(|it| it.severity == severity).count()
}

/// How many domains were looked up, and how many of these take mail and did not answer.
struct DomainCounts {
    looked_up: usize,
    unknown: usize,
}

impl DomainCounts {
    fn read(survey: &Survey) -> rusqlite::Result<Self> {
        let states = || survey.verdicts().map(|all| all.iter().map(|it| it.status));
        let looked_up = states()?.filter(|it| *it != DomainState::NotLookedUp);
        let unknown = states()?.filter(|it| {
            it.takes_mail() && !matches!(it, DomainState::Answered | DomainState::NotLookedUp)
        });
        Ok(Self {
            looked_up: looked_up.count(),
            unknown: unknown.count(),
        })
    }
}

fn status(
    survey: &Survey,
    counts: &[&Counted],
    domains: &DomainCounts,
) -> rusqlite::Result<PluginStatus> {
    let lost = query::lost(&survey.connection)?;
    let is_unconnected = lost.servers > 0 && lost.unconnected == lost.servers;
    let is_critical = (counts.iter()).any(|it| it.severity == Severity::Critical);
    Ok(if is_critical {
        PluginStatus::Critical
    } else if !counts.is_empty() {
        PluginStatus::Warning
    } else if domains.looked_up == 0 || is_unconnected {
        PluginStatus::Unknown
    } else {
        PluginStatus::Ok
    })
}

/// The counts as a plugin gives them to whoever draws them.
fn perfdata(all: &[Counted], domains: &DomainCounts) -> String {
    let DomainCounts { looked_up, unknown } = domains;
    SEVERITIES
        .map(|severity| format!("{}={};;;0", severity.word(), count(all, severity)))
        .into_iter()
        .chain([
            format!("domains={looked_up};;;0"),
            format!("not_answered={unknown};;;0"),
        ])
        .collect::<Vec<_>>()
        .join(" ")
}

/// The problems of a survey, worst first; of those that are new alone where these are asked for.
fn counted(
    survey: &Survey,
    asked: &ReportSettings,
    only_new: bool,
) -> rusqlite::Result<Vec<Counted>> {
    let asked = ReportSettings {
        severity: Severity::Notice,
        ..asked.clone()
    };
    if only_new {
        let new = (asked.since.iter()).flat_map(|it| asked.found(it, Difference::New));
        let new = new.map(|it| Counted {
            severity: it.severity,
            domain: it.domain.clone(),
            code: it.code,
        });
        return Ok(new.collect());
    }
    let names = survey.names()?;
    let rows = sorted_problems(survey, &asked)?;
    let rows = rows.iter().map(|row| Counted {
        severity: Severity::from_word(&row.severity).unwrap_or(Severity::Notice),
        domain: names.get(row.domain as usize).to_owned(),
        code: ProblemCode::from(row.code.as_str()),
    });
    Ok(rows.collect())
}

/// The first of them, each domain and code once.
fn named(counts: &[&Counted]) -> String {
    let mut told: Vec<String> = (counts.iter())
        .map(|it| format!("{} {}", it.domain, it.code.word()))
        .collect();
    told.dedup();
    let more = told.len().saturating_sub(NAMED);
    told.truncate(NAMED);
    let mut text = told.join(", ");
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}

/// Text of one line that ends no text: `|` begins the performance data.
fn clean(text: &str) -> String {
    printable(text).replace('|', "/").replace('\n', " ")
}
