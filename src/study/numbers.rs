//! Every number that the study printed, beside ours.

use std::sync::LazyLock;

use serde::Deserialize;

use super::count::{Counted, StudyCount, StudySurvey};
use super::printed::part;
use crate::report::asked::ReportSettings;
use crate::report::survey::Survey;
use crate::report::table::{Cell, Table, thousands};

/// All of them, in order.
static NUMBERS: LazyLock<Vec<StudyNumber>> = LazyLock::new(|| part("numbers"));

/// A number of the study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyNumber {
    /// One word or several, for scripts.
    pub id: String,
    /// Table, figure or section.
    #[serde(rename = "where")]
    place: String,
    /// What it counts.
    what: String,
    /// As it stands there; `>`, `<` and `~` (about) go before it. None: it is ours alone.
    printed: Option<String>,
    /// What it is a number of, where it is no percentage.
    unit: Option<String>,
    pub count: StudyCount,
    basis: Basis,
    /// It cannot hold beside others of the study: the number of that contradiction.
    contradiction: Option<u64>,
}

/// What a made world has of a number.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Basis {
    /// It follows from published counts.
    Real,
    /// The world was made to give it.
    Fitted,
}

/// About is within so many points.
const ABOUT: f64 = 3.0;

pub fn numbers(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let census = StudySurvey::new(survey, asked)?;
    let survey = Asking {
        is_of_2014: census.is_of_2014()?,
        last_rank: census.last_rank(),
    };
    let mut table = Table::new(
        "study-numbers",
        "The study of 2014, number by number",
        format!(
            "What the study printed and what this survey counts, by the study's definitions: TLS is a 220 to STARTTLS, valid \
             is a chain to a root of the named store, percentages are of the domains that answered. Reproduced: ours, as \
             it was printed; fitted: ours as well, since the made world was made to give it; contradicts: it cannot hold \
             beside the study's other numbers (study-contradictions); not printed: ours alone; shorter list: its ranks end \
             before; differs: by as much as the column says, in points. > more than, < less than, ~ about, which is within {ABOUT} points. {}",
            ranks_of(&census)
        ),
    )
    .columns([
        ("id", "Number"),
        ("where", "Where"),
        ("what", "What"),
        ("printed", "Printed"),
        ("ours", "Ours"),
        ("difference", "Difference"),
        ("status", "Status"),
        ("contradiction", "Contradiction"),
        ("yes", "Yes"),
        ("of", "Of"),
        ("unknown", "Unknown"),
    ]);
    for number in &*NUMBERS {
        let ours = census.count(&number.count)?;
        table.row([
            Cell::from(number.id.as_str()),
            number.place.as_str().into(),
            number.what.as_str().into(),
            number.shown().into(),
            ours_of(&ours),
            number
                .difference(&ours)
                .map_or(Cell::Null, Cell::Difference),
            number.status(&ours, survey).into(),
            number.contradiction.into(),
            whole(ours.yes),
            ours.of.map_or(Cell::Null, whole),
            whole(ours.unknown),
        ]);
    }
    Ok(table)
}

/// Which ranks count.
pub fn ranks_of(census: &StudySurvey<'_>) -> String {
    match census.ranked {
        Some(list) => format!("Ranks are those of the list {}.", list.source),
        None => "No list has ranks here.".to_owned(),
    }
}

/// A whole number where it is one.
pub fn whole(number: f64) -> Cell {
    if (number - number.round()).abs() < 1e-6 {
        Cell::Count(number.round() as u64)
    } else {
        Cell::Fraction(number)
    }
}

/// Percent, or the count.
pub fn ours_of(counted: &Counted) -> Cell {
    match (counted.of, counted.value()) {
        (_, None) => Cell::Null,
        (None, Some(_)) => whole(counted.yes),
        (Some(_), Some(percent)) => Cell::Percent(percent),
    }
}

impl StudyNumber {
    /// What was printed, without the sign before it.
    fn value(&self) -> Option<(Option<char>, &str, f64)> {
        let printed = self.printed.as_deref()?;
        let sign = printed
            .chars()
            .next()
            .filter(|c| matches!(c, '>' | '<' | '~'));
        let digits = printed.trim_start_matches(['>', '<', '~']);
        Some((sign, digits, digits.parse().ok()?))
    }

    /// As the study has it, with a sign where it is a percentage.
    fn shown(&self) -> Option<String> {
        let printed = self.printed.as_deref()?;
        Some(match &self.unit {
            None => format!("{printed} %"),
            Some(_) => printed.parse().map_or(printed.to_owned(), thousands),
        })
    }

    fn difference(&self, ours: &Counted) -> Option<f64> {
        let (_, _, printed) = self.value()?;
        Some(ours.value()? - printed)
    }

    /// Whether ours is what was printed.
    fn holds(&self, ours: f64) -> Option<bool> {
        let (sign, digits, printed) = self.value()?;
        Some(match sign {
            Some('>') => ours > printed,
            Some('<') => ours < printed,
            Some(_) => (ours - printed).abs() <= ABOUT,
            None => {
                let decimals = digits.split_once('.').map_or(0, |(_, after)| after.len());
                format!("{ours:.decimals$}") == digits
            }
        })
    }

    fn status(&self, ours: &Counted, survey: Asking) -> &'static str {
        let Some(ours) = ours.value() else {
            return "not in this survey";
        };
        if self.count.last_rank() > Some(survey.last_rank) {
            return "shorter list";
        }
        match self.holds(ours) {
            None => "not printed",
            Some(true) if survey.is_of_2014 && self.basis == Basis::Fitted => "fitted",
            Some(true) => "reproduced",
            Some(false) if survey.is_of_2014 && self.contradiction.is_some() => "contradicts",
            Some(false) => "differs",
        }
    }
}

/// What is asked, as far as it decides what a number is worth.
#[derive(Clone, Copy)]
struct Asking {
    /// The made world of 2014.
    is_of_2014: bool,
    last_rank: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_of_the_data_file_are_read() {
        assert_eq!(NUMBERS.len(), 65);
    }

    fn number(printed: &str, contradiction: Option<u64>) -> StudyNumber {
        StudyNumber {
            id: String::new(),
            place: String::new(),
            what: String::new(),
            printed: Some(printed.to_owned()),
            unit: None,
            count: StudyCount::SuitesSeen,
            basis: Basis::Fitted,
            contradiction,
        }
    }

    #[test]
    fn what_was_printed_says_how_exactly() {
        for (printed, ours, holds) in [
            ("77.84", 77.784, false),
            ("75.9", 75.93, true),
            ("75.9", 75.96, false),
            ("98", 97.99, true),
            (">60", 61.68, true),
            ("<0.06", 0.72, false),
            ("~62", 62.75, true),
            ("~62", 57.0, false),
        ] {
            assert_eq!(
                number(printed, None).holds(ours),
                Some(holds),
                "{printed} {ours}"
            );
        }
    }

    #[test]
    fn only_the_world_of_2014_is_fitted_and_contradicts() {
        let counted = |yes| Counted {
            yes,
            of: Some(10_000.0),
            unknown: 0.0,
        };
        let world = |is_of_2014| Asking {
            is_of_2014,
            last_rank: 20_000,
        };
        for (printed, contradiction, ours, is_of_2014, status) in [
            ("77.84", Some(4), 7778.0, true, "contradicts"),
            ("77.84", Some(4), 7778.0, false, "differs"),
            ("77.84", None, 7778.0, true, "differs"),
            ("77.78", None, 7778.0, true, "fitted"),
            ("77.78", Some(4), 7778.0, false, "reproduced"),
        ] {
            let number = number(printed, contradiction);
            assert_eq!(number.status(&counted(ours), world(is_of_2014)), status);
        }
        let number = number("77.78", None);
        assert_eq!(
            number.status(&Counted::default(), world(true)),
            "not in this survey"
        );
        let number = StudyNumber {
            count: StudyCount::Suites {
                names: Vec::new(),
                first: Some(100_000),
                of: Default::default(),
            },
            ..number
        };
        assert_eq!(number.status(&counted(7778.0), world(true)), "shorter list");
    }
}
