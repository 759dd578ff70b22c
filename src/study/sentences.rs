//! What the study says in words, checked.

use super::contradictions::said;
use super::count::{Counted, StudyCount, StudySurvey};
use super::printed::{registered, rows};
use super::tables::with_tls;
use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::matrix::Matrix;
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table};

/// A sentence and what it comes to.
struct Sentence {
    place: &'static str,
    says: &'static str,
    check: fn(&StudySurvey<'_>, &Mail) -> rusqlite::Result<Finding>,
}

/// Whether it holds, and why.
type Finding = (Truth, String);

/// Who sent how to whom; empty without Received fields.
struct Mail(Matrix);

const SENTENCES: [Sentence; 12] = [
    Sentence {
        place: "§5.1",
        says: "Six of the top ten domains are the same for both sources",
        check: |census, _| {
            let names = |domains: &[(u32, u64)]| -> rusqlite::Result<String> {
                let names: Result<Vec<String>, _> = (domains.iter())
                    .map(|&(row, _)| census.survey.name(row))
                    .collect();
                Ok(names?.join(", "))
            };
            // As the tables have it: domains without their operator's others, and operators.
            let is_own = |row: &(u32, u64)| census.operator(row.0) == row.0;
            let mut first = census.largest("adobe", false);
            first.retain(is_own);
            let tables = common(&first, &census.largest("gawker", true));
            let alone = common(
                &census.largest("adobe", false),
                &census.largest("gawker", false),
            );
            if alone.is_empty() {
                return Ok(unknown());
            }
            Ok((
                Some(tables.len() == 6).into(),
                format!(
                    "{} of table 1's ten are in table 2: {}. Of the ten largest by domain alone {}: {}",
                    tables.len(),
                    names(&tables)?,
                    alone.len(),
                    names(&alone)?
                ),
            ))
        },
    },
    Sentence {
        place: "§5.1",
        says: "More than 60 % of users get service from just twenty email providers",
        check: |census, _| {
            let (domains, operators) = (
                census.number("twenty")?,
                census.number("twenty (operator)")?,
            );
            Ok(compared(
                &domains,
                |percent| percent > 60.0,
                |domains| {
                    format!(
                        "{domains} at twenty domains; {} at twenty operators",
                        said(&operators)
                    )
                },
            ))
        },
    },
    Sentence {
        place: "§5.1",
        says: "At least half of the top providers have no TLS",
        check: |census, _| {
            let mut without = 0;
            for domain in rows("table1_adobe") {
                without += usize::from(census.truth(domain, Fact::Accepted)? == Truth::No);
            }
            let largest = census.largest("adobe", false);
            let ten = largest.get(..10).unwrap_or(&largest);
            if ten.is_empty() {
                return Ok(unknown());
            }
            Ok((
                Some(without >= 5).into(),
                format!(
                    "{without} of table 1's ten have none; of the ten largest domains {} have none or are unknown",
                    ten.len() - with_tls(census, ten)
                ),
            ))
        },
    },
    Sentence {
        place: "§5.2",
        says: "Support for TLS increases from the first 2,000 providers to 20,000 and to 100,000",
        check: |census, _| {
            let first = |rank| census.number(&format!("tls rank<={rank}"));
            if census.last_rank() < 100_000 {
                return Ok(unknown());
            }
            let [few, some, many] = [first(2000)?, first(20_000)?, first(100_000)?];
            let rises = few.value() < some.value() && some.value() <= many.value();
            Ok(compared(
                &few,
                |_| rises,
                |few| format!("{few}; {}; {}", said(&some), said(&many)),
            ))
        },
    },
    Sentence {
        place: "§5.2",
        says: "At most about 72 % of email users receive encrypted emails",
        check: |census, _| {
            let mut most = Counted::default();
            let mut which = String::new();
            for list in census.lists() {
                let share = census.count(&StudyCount::Users {
                    list: list.to_owned(),
                    measure: "accepted".to_owned(),
                    first: None,
                })?;
                if share.value() > most.value() {
                    (most, which) = (share, list.to_owned());
                }
            }
            Ok(compared(
                &most,
                |percent| percent < 73.0,
                |most| format!("the highest list is {which}: {most}"),
            ))
        },
    },
    Sentence {
        place: "§5.3",
        says: "RC4-MD5 and RC4-SHA together are used by less than 0.06 % of the servers",
        check: |census, _| {
            let servers = census.number("weak suites")?;
            let to_10_000 = census.number("weak suites, rank<=10000")?;
            let (Some(of_servers), Some(of_pie)) = (servers.value(), to_10_000.value()) else {
                return Ok(unknown());
            };
            let holds = match (of_servers < 0.06, of_pie < 0.06) {
                (true, true) => Truth::Yes,
                (false, false) => Truth::No,
                _ => Truth::Mixed,
            };
            let (servers, pie) = (said(&servers), said(&to_10_000));
            Ok((
                holds,
                format!(
                    "{servers} of all servers; {pie} of the domains with TLS to rank 10,000, where the pie is"
                ),
            ))
        },
    },
    Sentence {
        place: "§5.5",
        says: "Of those seven, all but hotmail.com and mail.ru support TLS",
        check: |census, _| {
            let mut holds = Truth::Yes;
            let mut told = Vec::new();
            for domain in SEVEN {
                let truth = census.truth(domain, Fact::Accepted)?;
                let wanted = Truth::from(Some(!matches!(domain, "hotmail.com" | "mail.ru")));
                holds = match truth {
                    Truth::Unknown if holds == Truth::Yes => Truth::Unknown,
                    Truth::Unknown => holds,
                    truth if truth == wanted => holds,
                    _ => Truth::No,
                };
                told.push(format!("{domain} {}", truth.word()));
            }
            Ok((holds, told.join(", ")))
        },
    },
    Sentence {
        place: "§5.5",
        says: "Domains that do not support STARTTLS do not receive messages with encryption",
        check: |census, mail| {
            let mut without = Vec::new();
            for domain in SEVEN {
                if census.truth(domain, Fact::Accepted)? == Truth::No {
                    without.push(domain);
                }
            }
            Ok(mail.all(
                SEVEN
                    .iter()
                    .flat_map(|from| without.iter().map(move |to| (*from, *to))),
                Truth::No,
            ))
        },
    },
    Sentence {
        place: "§5.5",
        says: "hotmail.com does not use TLS on its outgoing emails",
        check: |_, mail| Ok(mail.all(SEVEN.iter().map(|to| ("hotmail.com", *to)), Truth::No)),
    },
    Sentence {
        place: "§5.5",
        says: "mail.ru uses encryption where the destination does",
        check: |_, mail| {
            let with_tls = SEVEN
                .iter()
                .filter(|to| !matches!(**to, "hotmail.com" | "mail.ru"));
            Ok(mail.all(with_tls.map(|to| ("mail.ru", *to)), Truth::Yes))
        },
    },
    Sentence {
        place: "§5.5",
        says: "yahoo.com did not use encryption when sending to gmail.com or gmx.de",
        check: |_, mail| {
            Ok(mail.all(
                [("yahoo.com", "gmail.com"), ("yahoo.com", "gmx.de")].into_iter(),
                Truth::No,
            ))
        },
    },
    Sentence {
        place: "§5.6",
        says: "The majority of email was being hosted by the five companies",
        check: |census, _| {
            let hosted = census.number("five hosts")?;
            Ok(compared(
                &hosted,
                |percent| percent > 50.0,
                |hosted| format!("{hosted} of the domains"),
            ))
        },
    },
];

/// The providers between which the study sent mail.
pub const SEVEN: [&str; 7] = [
    "hotmail.com",
    "gmail.com",
    "yahoo.com",
    "aol.com",
    "web.de",
    "gmx.de",
    "mail.ru",
];

pub fn sentences(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "study-sentences",
        "What the study says, checked",
        "Each sentence with the numbers of this survey that it stands or falls with. Unknown: the survey has not measured \
         what it is about.",
    )
    .columns([
        ("where", "Where"),
        ("says", "It says"),
        ("holds", "Holds"),
        ("ours", "Ours"),
    ]);
    let census = StudySurvey::new(survey, asked)?;
    let mail = Mail(Matrix::read(&survey.connection, usize::MAX)?);
    for sentence in &SENTENCES {
        let (holds, ours) = (sentence.check)(&census, &mail)?;
        table.row([
            Cell::from(sentence.place),
            sentence.says.into(),
            holds.word().into(),
            ours.into(),
        ]);
    }
    Ok(table)
}

fn unknown() -> Finding {
    (Truth::Unknown, "not in this survey".to_owned())
}

fn compared(
    counted: &Counted,
    holds: impl FnOnce(f64) -> bool,
    why: impl FnOnce(String) -> String,
) -> Finding {
    match counted.value() {
        None => unknown(),
        Some(percent) => (Some(holds(percent)).into(), why(said(counted))),
    }
}

/// What stands in the first ten of both.
fn common(a: &[(u32, u64)], b: &[(u32, u64)]) -> Vec<(u32, u64)> {
    let (a, b) = (&a[..a.len().min(10)], &b[..b.len().min(10)]);
    let is_in_b = |row: &&(u32, u64)| b.iter().any(|other| other.0 == row.0);
    a.iter().filter(is_in_b).copied().collect()
}

impl Mail {
    /// Whether all of some pairs went one way.
    fn all<'a>(&self, pairs: impl Iterator<Item = (&'a str, &'a str)>, wanted: Truth) -> Finding {
        let mut holds = Truth::Yes;
        let (mut seen, mut told) = (0, Vec::new());
        for (from, to) in pairs.filter(|(from, to)| from != to) {
            let Some(hops) = self.0.hops(registered(from), registered(to)) else {
                continue;
            };
            seen += 1;
            told.push(format!("{from} to {to} {}", hops.strongest));
            if hops.verdict() != wanted {
                holds = Truth::No;
            }
        }
        match seen {
            0 => unknown(),
            _ => (holds, told.join(", ")),
        }
    }
}
