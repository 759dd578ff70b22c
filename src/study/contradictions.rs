//! Where the study's numbers cannot hold together: both values, the arithmetic, and what a survey counts.

use super::count::{Counted, StudyCount, StudySurvey, named};
use super::printed::rows;
use super::tables::with_tls;
use crate::judge::{Fact, Truth};
use crate::report::asked::ReportSettings;
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table, thousands};

/// A place where the study contradicts itself.
struct Contradiction {
    place: &'static str,
    printed: &'static str,
    against: &'static str,
    /// Sums of printed or published numbers, apart by semicolons; a test adds them up again.
    arithmetic: &'static str,
    ours: fn(&StudySurvey<'_>) -> rusqlite::Result<String>,
    shown: &'static str,
}

const CONTRADICTIONS: [Contradiction; 15] = [
    Contradiction {
        place: "§5.2, table 2",
        printed: "75.28 % of the users of Gawker's ten largest have TLS",
        against: "at most 73.98 % if table 2's rows are single domains; 74.05 % of its own ten rows",
        arithmetic: "(32.24+20.46+3.81+1.08)/(57.59+15.66+1.50+1.08+0.47+1.08+0.47) = 73.98 %; (32.24+20.46+3.81)/76.31 = 74.05 %",
        ours: |census| {
            Ok(format!(
                "ten largest domains {}; gmail.com {} alone, {} its operator; yahoo.com {} and {}; hotmail.com {} and {}",
                number(census, "gawker top10")?,
                at_list(census, "gawker", "gmail.com", false)?,
                at_list(census, "gawker", "gmail.com", true)?,
                at_list(census, "gawker", "yahoo.com", false)?,
                at_list(census, "gawker", "yahoo.com", true)?,
                at_list(census, "gawker", "hotmail.com", false)?,
                at_list(census, "gawker", "hotmail.com", true)?,
            ))
        },
        shown: "the rows with > are operators' totals: then table, figure and 75.28 hold together; both columns are printed",
    },
    Contradiction {
        place: "table 1",
        printed: "hotmail.com has 21.36 % of the users",
        against: "26.95 % by table 2's rule, with the operator's other domains; hotmail.fr, msn.com, hotmail.co.uk, live.com, \
                  yahoo.co.jp and yahoo.com.tw are larger than rows that stand there",
        arithmetic: "32,570,577/152,470,436 = 21.36 %; 41,085,145/152,470,436 = 26.95 %",
        ours: |census| {
            Ok(format!(
                "alone {}; operator {}",
                at_list(census, "adobe", "hotmail.com", false)?,
                at_list(census, "adobe", "hotmail.com", true)?
            ))
        },
        shown: "table 1 has domains alone and leaves aliases out; table 2 has operators",
    },
    Contradiction {
        place: "table 2",
        printed: "naver.com has 0.43 % in the eleventh row",
        against: "mail.ru, with less (0.30 %), stands above it; it is table 1's row, and makes seven common providers of six",
        arithmetic: "659,968/152,470,436 = 0.43 %",
        ours: |census| at_list(census, "gawker", "naver.com", false),
        shown: "ten rows",
    },
    Contradiction {
        place: "§5.4",
        printed: "77.84 % of those with TLS have a valid certificate",
        against: "77.78 % by the two other percentages of the sentence; rounding allows 77.76 to 77.79",
        arithmetic: "42.45/54.58 = 77.78 %; 42.445/54.585 = 77.76 %; 42.455/54.575 = 77.79 %",
        ours: |census| number(census, "overall valid of tls"),
        shown: "77.78, marked",
    },
    Contradiction {
        place: "§5.3, §5.4",
        printed: "75.9 % of those with TLS have a valid certificate",
        against: "77.84 %",
        arithmetic: "(42.45-0.759*6.275)/(54.58-6.275) = 78.02 %",
        ours: |census| {
            Ok(format!(
                "first 100,000 {}; after them {}; all {}",
                number(census, "valid of tls, top 100,000")?,
                number(census, "valid of tls, after 100,000")?,
                number(census, "overall valid of tls")?
            ))
        },
        shown: "both, each with its base: the first 100,000 domains and the million",
    },
    Contradiction {
        place: "§5.2",
        printed: "47.94 % of the first 2,000",
        against: "no whole number of 2,000 domains: 958 are 47.90 %, 959 are 47.95 %",
        arithmetic: "0.4794*2,000 = 958.8; 956/1,994 = 47.94 %",
        ours: |census| number(census, "tls rank<=2000"),
        shown: "the base is the domains that answered",
    },
    Contradiction {
        place: "§5.2, §5.4",
        printed: "TLS levelled off around 62.75 % at 100,000",
        against: "54.58 % of the million: those after the first 100,000 have 53.67 %",
        arithmetic: "(0.5458*1,000,000-0.6275*100,000)/900,000 = 53.67 %",
        ours: |census| {
            Ok(format!(
                "first 100,000 {}; after them {}",
                number(census, "tls rank<=100000")?,
                number(census, "tls rank>100000")?
            ))
        },
        shown: "the curve falls again",
    },
    Contradiction {
        place: "§5.3, figures 3 and 4",
        printed: "RC4-MD5 and RC4-SHA, the only weak ciphers, at less than 0.06 % of the servers",
        against: "0.6 to 0.8 % in the study's own figures; ECDHE-RSA-RC4-SHA, 13.6 %, is RC4 as well",
        arithmetic: "0.0031+0.0046 = 0.77 %",
        ours: |census| {
            let weak = &["RC4-MD5", "RC4-SHA"].map(String::from)[..];
            Ok(format!(
                "of domains with TLS to rank 10,000 {}; of all {}; of all servers {}; ECDHE-RSA-RC4-SHA to rank 10,000 {}",
                number(census, "weak suites, rank<=10000")?,
                said(&census.with_suite(weak, None)),
                number(census, "weak suites")?,
                number(census, "pie ECDHE-RSA-RC4-SHA")?
            ))
        },
        shown: "the share on each base",
    },
    Contradiction {
        place: "§5.3, figures 3 and 4",
        printed: "eleven ciphers",
        against: "twelve in figure 3 (CAMELLIA256-SHA); the pie's labels add to 94.8 %",
        arithmetic: "0.357+0.226+0.168+0.136+0.061 = 94.8 %",
        ours: |census| {
            let names: Vec<&str> = census
                .suites()
                .into_iter()
                .map(|(suite, _)| suite)
                .collect();
            Ok(format!("{}: {}", names.len(), names.join(", ")))
        },
        shown: "all of them",
    },
    Contradiction {
        place: "§4.1, table 1",
        printed: "141 million records in the Adobe list",
        against: "152,470,436, of which hotmail.com's users are the 21.36 % of table 1",
        arithmetic: "32,570,577/141,000,000 = 23.10 %; 32,570,577/152,470,436 = 21.36 %",
        ours: |census| Ok(thousands(census.users_in("adobe"))),
        shown: "the count",
    },
    Contradiction {
        place: "§5.2",
        printed: "of the top ten only 50 % have TLS",
        against: "3 of the ten largest domains, and 3 of table 2's ten",
        arithmetic: "5/10 = 50.00 %; 3/10 = 30.00 %",
        ours: |census| {
            let of_table = |table: &str| -> rusqlite::Result<usize> {
                let mut with = 0;
                for domain in rows(table) {
                    with += usize::from(census.truth(domain, Fact::Accepted)? == Truth::Yes);
                }
                Ok(with)
            };
            let largest = census.largest("adobe", false);
            Ok(format!(
                "table 1: {} of {}; the ten largest domains: {}; table 2: {} of {}",
                of_table("table1_adobe")?,
                rows("table1_adobe").count(),
                with_tls(census, largest.get(..10).unwrap_or(&largest)),
                of_table("table2_gawker")?,
                rows("table2_gawker").count(),
            ))
        },
        shown: "all three",
    },
    Contradiction {
        place: "§5.1",
        printed: "more than 60 % of the users are at twenty providers",
        against: "it holds, by domain alone and more so by operator",
        arithmetic: "94,046,333/152,470,436 = 61.68 %",
        ours: |census| {
            Ok(format!(
                "domains {}; operators {}",
                number(census, "twenty")?,
                number(census, "twenty (operator)")?
            ))
        },
        shown: "both",
    },
    Contradiction {
        place: "§5.6, table 3",
        printed: "the majority is hosted by five",
        against: "19.44 % by the rows of the table",
        arithmetic: "0.1103+0.0345+0.0206+0.0158+0.0132 = 19.44 %",
        ours: |census| number(census, "five hosts"),
        shown: "the sum",
    },
    Contradiction {
        place: "§5.2, §5.3",
        printed: "50.13, 98, 71.84 and 99.44 % of all users",
        against: "the study's query groups by the number of users: of all domains with the same number one is added; names \
                  that begin with a digit (163.com, 126.com) are lost",
        arithmetic: "SELECT tls, sum(count) FROM (… GROUP BY count) GROUP BY tls",
        ours: |census| {
            let mut parts = Vec::new();
            for list in ["adobe", "gawker"] {
                for measure in ["accepted", "valid_of_accepted"] {
                    let Some(it) = named(measure) else { continue };
                    parts.push(format!(
                        "{list}, {}: {}, by the study's query {}",
                        it.label,
                        said(&census.users(list, it, None).into()),
                        said(&census.as_the_study_added(list, it, None)?.into()),
                    ));
                }
                let (kept, of) = census.distinct_counts(list);
                parts.push(format!(
                    "that adds {} of {} domains",
                    thousands(kept),
                    thousands(of)
                ));
            }
            Ok(parts.join("; "))
        },
        shown: "the plain sum, and what the study's query makes of it",
    },
    Contradiction {
        place: "§2, §4, §5",
        printed: "an EHLO answered with 220; a million domains",
        against: "250, in RFC 5321 and in the study's own code; a few million elsewhere; outlook.com and hotmail.com as one \
                  account",
        arithmetic: "wording",
        ours: |census| {
            let domains = census.number("domains")?;
            Ok(format!(
                "{} domains looked up",
                thousands(domains.yes as u64)
            ))
        },
        shown: "ESMTP is a 250 reply to EHLO",
    },
];

pub fn contradictions(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "study-contradictions",
        "Where the study contradicts itself",
        "What is printed, what stands against it, the arithmetic, and what this survey counts.",
    )
    .columns([
        ("contradiction", "Contradiction"),
        ("where", "Where"),
        ("printed", "Printed"),
        ("against", "Against it"),
        ("arithmetic", "Arithmetic"),
        ("ours", "Ours"),
        ("shown", "What is shown"),
    ]);
    let census = StudySurvey::new(survey, asked)?;
    for (number, it) in (1u64..).zip(&CONTRADICTIONS) {
        table.row([
            Cell::Count(number),
            it.place.into(),
            it.printed.into(),
            it.against.into(),
            it.arithmetic.into(),
            (it.ours)(&census)?.into(),
            it.shown.into(),
        ]);
    }
    Ok(table)
}

/// `956/1,994 = 47.94 %`.
pub fn said(counted: &Counted) -> String {
    let count = |number: f64| match number.fract().abs() < 1e-6 {
        true => thousands(number.round() as u64),
        false => format!("{number:.1}"),
    };
    match (counted.of, counted.value()) {
        (_, None) => "not in this survey".to_owned(),
        (None, Some(_)) => count(counted.yes),
        (Some(of), Some(percent)) => {
            let unknown = match counted.unknown > 0.0 {
                true => format!(", {} unknown", count(counted.unknown)),
                false => String::new(),
            };
            format!(
                "{}/{} = {percent:.2} %{unknown}",
                count(counted.yes),
                count(of)
            )
        }
    }
}

fn at_list(
    census: &StudySurvey<'_>,
    list: &str,
    domain: &str,
    operator: bool,
) -> rusqlite::Result<String> {
    Ok(said(&census.count(&StudyCount::At {
        list: list.to_owned(),
        domain: domain.to_owned(),
        operator,
    })?))
}

/// A number of the study, by its id.
fn number(census: &StudySurvey<'_>, id: &str) -> rusqlite::Result<String> {
    Ok(said(&census.number(id)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums, products and quotients of numbers with thousands apart.
    fn value(text: &str) -> f64 {
        let mut depth = 0;
        let places: Vec<(usize, char)> = (text.char_indices())
            .filter(|&(_, c)| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth == 0 && "+-*/".contains(c)
            })
            .collect();
        let last = |of: &str| places.iter().rev().find(|(_, c)| of.contains(*c)).copied();
        match last("+-").or_else(|| last("*/")) {
            Some((at, sign)) => {
                let (a, b) = (value(&text[..at]), value(&text[at + 1..]));
                match sign {
                    '+' => a + b,
                    '-' => a - b,
                    '*' => a * b,
                    _ => a / b,
                }
            }
            None => match text.trim().strip_prefix('(') {
                Some(inner) => value(inner.strip_suffix(')').unwrap()),
                None => text.trim().replace(',', "").parse().unwrap(),
            },
        }
    }

    #[test]
    fn the_arithmetic_is_right() {
        let mut checked = 0;
        for it in &CONTRADICTIONS {
            for sum in it.arithmetic.split(';') {
                let Some((left, right)) = sum.split_once(" = ") else {
                    continue;
                };
                let percent = right.trim().strip_suffix(" %");
                let result = value(left) * if percent.is_some() { 100.0 } else { 1.0 };
                let right = percent.unwrap_or(right.trim());
                let decimals = right.split_once('.').unwrap().1.len();
                assert_eq!(format!("{result:.decimals$}"), right, "{sum}");
                checked += 1;
            }
        }
        assert_eq!(checked, 20);
    }
}
