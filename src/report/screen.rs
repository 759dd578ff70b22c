//! What `report` says without options: one screen of 80 columns and some 40 lines. Which survey this is and what it lacks, five headline
//! measures with their unknowns, what to mend first, and where more stands.

use std::collections::HashMap;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::asked::{ReportQuestion, ReportSettings};
use super::measure::MEASURES;
use super::questions;
use super::render::wrapped;
use super::summary::PageSummary;
use super::survey::{DomainState, Survey, SurveyList};
use super::table::{Cell, Table, Tally, thousands};
use crate::judge::Truth;
use crate::judge::delivery::{Fate, PROFILES};
use crate::judge::problem::Severity;
use crate::store::{printable, query};

/// Columns of a terminal.
const WIDTH: usize = 80;
/// Lists that are shown beside the domains.
const LISTS: usize = 2;
/// Rows of each list of things to mend.
const FIRST: usize = 3;
/// Kinds of problem, where no list counts users.
const KINDS: usize = 5;

/// Tables that are named.
const CHIEF: &[&str] = &[
    "overview",
    "problem-codes",
    "problems",
    "delivery",
    "policies",
    "standing",
    "tls-by-rank",
    "fixes",
    "hosts",
    "versions",
    "verdicts",
    "weaknesses",
    "silent",
];

/// What is measured of a domain, for the screen.
struct Headline {
    label: String,
    /// By row of `name`; none: outside.
    truths: Vec<Option<Truth>>,
    /// Its word in [`MEASURES`], by which earlier publications know it.
    word: Option<&'static str>,
}

/// Writes the screen; `catalogue` are the questions that it names.
///
/// # Errors
///
/// Those of the database and of writing.
pub fn screen(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    catalogue: impl Iterator<Item = &'static ReportQuestion>,
) -> anyhow::Result<()> {
    let summary = PageSummary::new(survey, asked)?;
    paragraphs(out, &summary)?;
    standing(out, survey)?;
    headlines(out, survey, asked)?;
    problems(out, survey, asked)?;
    operators(out, survey, asked)?;
    more(out, catalogue)?;
    Ok(())
}

fn paragraphs(out: &mut dyn Write, summary: &PageSummary) -> io::Result<()> {
    let about = summary.about();
    let cautions = summary
        .cautions()
        .iter()
        .map(|caution| format!("CAUTION: {caution}"));
    let band = summary.band().map(str::to_owned);
    for text in band.into_iter().chain([about]).chain(cautions) {
        for line in wrapped(&printable(&text), WIDTH) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// What became of the domains, each status that some have in words.
fn standing(out: &mut dyn Write, survey: &Survey) -> anyhow::Result<()> {
    let mut counts = [0u64; DomainState::ALL.len()];
    for verdict in survey.verdicts()? {
        if let Some(at) = DomainState::ALL
            .iter()
            .position(|status| *status == verdict.status)
        {
            counts[at] += 1;
        }
    }
    let all: u64 = counts.iter().sum();
    writeln!(out, "WHAT BECAME OF {} DOMAINS", thousands(all))?;
    for (status, count) in DomainState::ALL
        .iter()
        .zip(counts)
        .filter(|(_, count)| *count > 0)
    {
        let counts_as = match (status, status.takes_mail()) {
            (DomainState::Answered, _) => "",
            (_, true) => ": unknown below",
            (_, false) => ": outside",
        };
        let text = format!(
            "  {:>11}  {}{counts_as}",
            thousands(count),
            status.meaning()
        );
        writeln!(out, "{}", clipped(&text, WIDTH))?;
    }
    writeln!(out)?;
    Ok(())
}

/// The five measures of the screen.
fn measured(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Vec<Headline>> {
    let verdicts = survey.verdicts()?;
    let mut headlines = Vec::new();
    for (word, label) in [
        ("tls", "TLS"),
        ("valid", "valid certificate"),
        ("trusted", "that names the exchange"),
    ] {
        let measure = MEASURES.iter().find(|measure| measure.word == word);
        headlines.extend(measure.map(|measure| {
            Headline {
                label: label.to_owned(),
                truths: verdicts
                    .iter()
                    .map(|verdict| measure.truth(verdict, asked.rule))
                    .collect(),
                word: Some(measure.word),
            }
        }));
    }
    headlines.push(Headline {
        label: "under DANE or MTA-STS".to_owned(),
        truths: authenticated(survey, verdicts.len())?,
        word: None,
    });
    headlines.push(Headline {
        label: "DMARC that acts".to_owned(),
        truths: enforced(survey, verdicts.len())?,
        word: None,
    });
    headlines.retain(|headline| headline.truths.iter().any(Option::is_some));
    Ok(headlines)
}

/// Whether mail of a sender that heeds DANE and MTA-STS is authenticated on its way to a domain.
fn authenticated(survey: &Survey, domains: usize) -> rusqlite::Result<Vec<Option<Truth>>> {
    let profile = PROFILES
        .iter()
        .find(|profile| profile.word == "exchange")
        .map(|profile| profile.id);
    let mut fates: HashMap<u32, Fate> = HashMap::new();
    query::delivery_vectors(&survey.connection, |vector, row| {
        if Some(row.profile) == profile {
            fates.insert(vector, Fate::from(row.fate.as_str()));
        }
    })?;
    let mut truths = vec![None; domains];
    query::deliveries(&survey.connection, |domain, vector| {
        let truth = match fates.get(&vector) {
            Some(Fate::NoMail) | None => return,
            Some(Fate::Authenticated) => Truth::Yes,
            Some(Fate::Unknown) => Truth::Unknown,
            Some(_) => Truth::No,
        };
        if let Some(place) = truths.get_mut(domain as usize) {
            *place = Some(truth);
        }
    })?;
    Ok(truths)
}

/// Whether receivers are asked to quarantine or refuse what fails DMARC.
fn enforced(survey: &Survey, domains: usize) -> rusqlite::Result<Vec<Option<Truth>>> {
    let mut truths = vec![None; domains];
    query::published(&survey.connection, None, |domain, published| {
        let Some(state) = published.dmarc.as_deref() else {
            return;
        };
        let truth = match (state, published.dmarc_9989.as_deref()) {
            (_, Some("quarantine" | "reject")) => Truth::Yes,
            (_, Some(_)) | ("absent", None) => Truth::No,
            (_, None) => Truth::Unknown,
        };
        if let Some(place) = truths.get_mut(domain as usize) {
            *place = Some(truth);
        }
    })?;
    Ok(truths)
}

fn headlines(out: &mut dyn Write, survey: &Survey, asked: &ReportSettings) -> anyhow::Result<()> {
    let headlines = measured(survey, asked)?;
    block(out, "DOMAINS", &headlines, None, asked)?;
    for list in survey.counted()?.take(LISTS) {
        let title = format!("USERS: {}", printable(&list.source));
        block(out, &title, &headlines, Some(list), asked)?;
    }
    writeln!(
        out,
        "  # yes   ? unknown   . no or mixed. A percentage is of what was learned.\n"
    )?;
    Ok(())
}

/// The measures with one weight: a bar and its numbers each.
fn block(
    out: &mut dyn Write,
    title: &str,
    headlines: &[Headline],
    list: Option<&SurveyList>,
    asked: &ReportSettings,
) -> io::Result<()> {
    let rows: Vec<[String; 5]> = (headlines.iter())
        .map(|headline| row(headline, list, asked))
        .collect();
    let has_before = rows.iter().any(|row| !row[4].is_empty());
    let heads = [
        "",
        "yes",
        "of",
        "unknown",
        if has_before { "2014" } else { "" },
    ]
    .map(str::to_owned);
    let width = |at: usize| {
        let cells = rows.iter().chain([&heads]).map(|row| row[at].width());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let cells = |row: &[String; 5]| -> String {
        let cells = row.iter().zip(&widths).filter(|(_, width)| **width > 0);
        cells
            .map(|(cell, width)| format!("  {cell:>width$}"))
            .collect()
    };
    let labels = headlines.iter().map(|headline| headline.label.width());
    let label = labels.max().unwrap_or(0) + 3;
    let bar = (WIDTH.saturating_sub(label + 2 + cells(&heads).width())).clamp(6, 24);
    let title = clipped(title, label + bar);
    let gap = " ".repeat((label + bar + 2).saturating_sub(title.width()));
    writeln!(
        out,
        "{}",
        format!("{title}{gap}{}", cells(&heads)).trim_end()
    )?;
    for (headline, row) in headlines.iter().zip(&rows) {
        let name = format!("  {}", headline.label);
        let drawn = drawn(&tally(headline, list), bar);
        let line = format!("{name:label$}[{drawn}]{}", cells(row));
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn tally(headline: &Headline, list: Option<&SurveyList>) -> Tally {
    let mut tally = Tally::default();
    match list {
        None => headline
            .truths
            .iter()
            .flatten()
            .for_each(|truth| tally.add(*truth, 1)),
        Some(list) => {
            for entry in &list.entries {
                if let Some(Some(truth)) = headline.truths.get(entry.domain as usize) {
                    tally.add(*truth, entry.users);
                }
            }
        }
    }
    tally
}

/// Percentage, yes, of, unknown, and what was printed before.
fn row(headline: &Headline, list: Option<&SurveyList>, asked: &ReportSettings) -> [String; 5] {
    let tally = tally(headline, list);
    let before = headline.word.and_then(|word| match list {
        None => asked.published.of_domains(word),
        Some(list) => asked.published.of_users(&list.source, word, None),
    });
    [
        tally.headline(),
        thousands(tally.yes),
        thousands(tally.decided()),
        thousands(tally.unknown),
        before.map_or(String::new(), |percent| format!("{percent:.2} %")),
    ]
}

/// A bar of so many columns: yes, unknown, and the rest; it is all yes only where everything is.
fn drawn(tally: &Tally, columns: usize) -> String {
    let all = tally.decided() + tally.unknown;
    if all == 0 {
        return " ".repeat(columns);
    }
    let part = |count: u64| (count as f64 / all as f64 * columns as f64).round() as usize;
    let yes = part(tally.yes).min(columns - usize::from(tally.yes < all));
    let unknown = part(tally.unknown).min(columns - yes);
    let rest = columns - yes - unknown;
    format!(
        "{}{}{}",
        "#".repeat(yes),
        "?".repeat(unknown),
        ".".repeat(rest)
    )
}

/// The kinds of problems that are worst.
fn problems(out: &mut dyn Write, survey: &Survey, asked: &ReportSettings) -> anyhow::Result<()> {
    let table = questions::problem_codes(survey, asked)?;
    let mut rows: Vec<Vec<Cell>> = table.each_row().map(|row| row.into_owned()).collect();
    // They stand by severity; of one severity those come first that most domains have.
    rows.sort_by_key(|row| {
        let domains = match cell_under(&table, row, "domains") {
            Some(Cell::Count(domains)) => *domains,
            _ => 0,
        };
        let severity = Severity::from_word(&told(&table, row, "severity"));
        std::cmp::Reverse((severity, domains))
    });
    // Users of lists take the room of some.
    let kinds = match survey.counted()?.next() {
        Some(_) => FIRST,
        None => KINDS,
    };
    let left = rows.len().saturating_sub(kinds);
    rows.truncate(kinds);
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "WHAT IS WRONG, WORST FIRST   (report DB --tell operator: what to do, and who)"
    )?;
    for row in rows {
        let cell = |key| told(&table, &row, key);
        let text = format!(
            "  {:>18}  {:8}  {}",
            domains(&cell("domains")),
            cell("severity"),
            cell("title")
        );
        writeln!(out, "{}", clipped(&text, WIDTH))?;
    }
    if left > 0 && kinds == KINDS {
        writeln!(
            out,
            "  {left:>18} more kinds   (report DB -t problem-codes)"
        )?;
    }
    writeln!(out)?;
    Ok(())
}

/// The operators whose change protects most.
fn operators(out: &mut dyn Write, survey: &Survey, asked: &ReportSettings) -> anyhow::Result<()> {
    let table = questions::fixes(survey, asked)?;
    let mut rows = table
        .each_row()
        .filter(|row| told(&table, row, "weight") == "domains")
        .peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    writeln!(out, "WHOM TO WRITE TO FIRST   (report DB -t fixes)")?;
    for row in rows.take(FIRST) {
        let cell = |key| told(&table, &row, key);
        let text = format!(
            "  {:>18}  {}: {} ({} of the unprotected, such as {})",
            domains(&cell("hit")),
            cell("operator"),
            cell("cause"),
            cell("together"),
            cell("such_as")
        );
        writeln!(out, "{}", clipped(&text, WIDTH))?;
    }
    writeln!(out)?;
    Ok(())
}

/// A number of domains, with the word set so that numbers stand below each other.
fn domains(count: &str) -> String {
    let word = if count == "1" { "domain " } else { "domains" };
    format!("{count} {word}")
}

/// What stands in a row under a key, as it is shown.
fn told(table: &Table, row: &[Cell], key: &str) -> String {
    cell_under(table, row, key).map_or(String::new(), |cell| printable(&cell.shown()))
}

fn cell_under<'r>(table: &Table, row: &'r [Cell], key: &str) -> Option<&'r Cell> {
    let column = table.columns.iter().position(|column| column.key == key);
    column.and_then(|at| row.get(at))
}

fn more(
    out: &mut dyn Write,
    catalogue: impl Iterator<Item = &'static ReportQuestion>,
) -> io::Result<()> {
    writeln!(out, "MORE")?;
    writeln!(
        out,
        "  report DB --explain DOMAIN        one domain: all that is known of it"
    )?;
    writeln!(
        out,
        "  report DB -f html > page.html     all of it, to look at"
    )?;
    writeln!(
        out,
        "  report DB -t NAME                 one table; all: the chief ones"
    )?;
    let is_chief = |name: &&str| CHIEF.contains(name);
    let names: Vec<&str> = catalogue
        .map(|question| question.name)
        .filter(is_chief)
        .collect();
    for line in wrapped(&format!("{} … (--list: all)", names.join(" ")), WIDTH - 4) {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

/// A line in so many columns; what was cut off is marked.
fn clipped(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut width = 0;
    let fits = |letter: &char| {
        width += letter.width().unwrap_or(0);
        width < columns
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_what_there_is_and_is_full_only_where_all_is_yes() {
        let bar = |yes, no, unknown| {
            let tally = Tally {
                yes,
                no,
                mixed: 0,
                unknown,
            };
            drawn(&tally, 10)
        };
        assert_eq!(bar(1, 1, 0), "#####.....");
        assert_eq!(bar(9999, 1, 0), "#########.");
        assert_eq!(bar(9999, 0, 1), "#########.");
        assert_eq!(bar(1, 9999, 0), "..........");
        assert_eq!(bar(5, 0, 5), "#####?????");
        assert_eq!(bar(5, 0, 0), "##########");
        assert_eq!(bar(0, 0, 5), "??????????");
        assert_eq!(bar(0, 0, 0), "          ");
    }

    #[test]
    fn a_line_that_is_too_long_says_so() {
        assert_eq!(clipped("abcdef", 6), "abcdef");
        assert_eq!(clipped("abcdefg", 6), "abcde…");
        assert_eq!(clipped("日本語日本語", 6), "日本…");
    }
}
