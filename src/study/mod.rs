//! What was printed before: the study of 2014 (Foster, Larson, Masich) and the survey of 2015 (Durumeric et al.), for
//! the columns beside today's numbers; and the study asked again, number by number, of a survey of ours.

mod contradictions;
mod count;
mod definitions;
mod figures;
mod numbers;
mod printed;
mod sentences;
mod tables;

pub use printed::Printed;

use crate::report::asked::{Named, ReportQuestion, ShownWhere};
use crate::report::questions;

/// The questions of the study, in its order.
pub const QUESTIONS: &[ReportQuestion] = &[
    ReportQuestion {
        name: "study-numbers",
        about: "the numbers of the study of 2014 beside those of this survey",
        shown: ShownWhere::Study,
        answer: numbers::numbers,
    },
    ReportQuestion {
        name: "study-table-1",
        about: "its table 1: the largest domains of the Adobe list",
        shown: ShownWhere::Study,
        answer: tables::table_1,
    },
    ReportQuestion {
        name: "study-table-2",
        about: "its table 2: those of the Gawker list, alone and by operator",
        shown: ShownWhere::Study,
        answer: tables::table_2,
    },
    ReportQuestion {
        name: "study-table-3",
        about: "its table 3: who hosts the mail",
        shown: ShownWhere::Study,
        answer: tables::table_3,
    },
    ReportQuestion {
        name: "study-figure-1",
        about: "its figure 1: TLS by rank and by users",
        shown: ShownWhere::Study,
        answer: figures::figure_1,
    },
    ReportQuestion {
        name: "study-figure-2",
        about: "its figure 2: valid certificates by rank and by users",
        shown: ShownWhere::Study,
        answer: figures::figure_2,
    },
    ReportQuestion {
        name: "study-figure-3",
        about: "its figure 3: ciphers by rank",
        shown: ShownWhere::Study,
        answer: figures::figure_3,
    },
    ReportQuestion {
        name: "study-figure-4",
        about: "its figure 4: the ciphers of the first 10,000",
        shown: ShownWhere::Study,
        answer: figures::figure_4,
    },
    ReportQuestion {
        name: "study-figure-5",
        about: "its figure 5: ESMTP, TLS and valid certificates of all domains",
        shown: ShownWhere::Study,
        answer: figures::figure_5,
    },
    ReportQuestion {
        name: "study-figure-6",
        about: "its figure 6: how mail went between seven providers",
        shown: ShownWhere::Study,
        answer: figures::figure_6,
    },
    ReportQuestion {
        name: "study-sentences",
        about: "what it says in words, checked",
        shown: ShownWhere::Study,
        answer: sentences::sentences,
    },
    ReportQuestion {
        name: "study-contradictions",
        about: "where it contradicts itself, with the arithmetic",
        shown: ShownWhere::Study,
        answer: contradictions::contradictions,
    },
    ReportQuestion {
        name: "study-definitions",
        about: "its definitions and those of today, asked of the same servers",
        shown: ShownWhere::Study,
        answer: definitions::definitions,
    },
];

/// Every question: those of the report, then those of the study.
pub fn catalogue() -> impl Iterator<Item = &'static ReportQuestion> + Clone {
    questions::QUESTIONS.iter().chain(QUESTIONS)
}

/// What `--table` names: a question, or `all`.
///
/// # Errors
///
/// There is no such question.
pub fn named(word: &str) -> Result<Named, String> {
    match word {
        "all" => Ok(Named::All),
        name => question(name).map(Named::One),
    }
}

/// A question by its name.
pub fn question(name: &str) -> Result<&'static ReportQuestion, String> {
    let found = catalogue().find(|question| question.name == name);
    found.ok_or_else(|| "no such question; --list names them".to_owned())
}
