//! A comparison for people: 80 columns.

use std::io::{self, Write};

use hashbrown::HashMap;
use unicode_width::UnicodeWidthStr as _;

use super::super::asked::ReportSettings;
use super::super::providers::{OWN, is_within};
use super::super::table::thousands;
use super::found::Difference;
use super::tables::also;
use super::{Change, ChangeEvent, Comparison, FoundProblem, Passed, Weighed};
use crate::judge::problem::ProblemCode;
use crate::ndjson::printable;

/// Columns.
const WIDTH: usize = 80;

/// Writes what changed.
pub fn write(
    out: &mut dyn Write,
    comparison: &Comparison,
    asked: &ReportSettings,
) -> io::Result<()> {
    let [then, now] = &comparison.names;
    let [before, after, both] = comparison.domains;
    writeln!(
        out,
        "{}",
        fitted(
            &printable(&format!("WHAT CHANGED FROM {then} TO {now}")),
            WIDTH
        )
    )?;
    let sentence = format!(
        "{} domains then, {} now, {} in both. Unknown then or now is no change, and stands apart. Users are those of now.",
        thousands(before),
        thousands(after),
        thousands(both)
    );
    paragraph(out, "  ", &sentence)?;
    shares(out, comparison)?;
    measures(out, comparison)?;
    events(out, comparison, asked)?;
    problems(out, comparison, asked)?;
    passed(out, comparison, asked)
}

/// Domains, and users of the largest list where there is one.
fn weight(sum: &Weighed) -> String {
    counted(sum.domains, sum.most_users(), !sum.users.is_empty())
}

fn counted(domains: u64, users: u64, has_users: bool) -> String {
    let plural = if domains == 1 { "domain" } else { "domains" };
    let domains = format!("{} {plural}", thousands(domains));
    match has_users {
        true => format!("{domains}, {} users", thousands(users)),
        false => domains,
    }
}

/// The percentages then and now.
fn shares(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(
        out,
        "\nIN PERCENT OF WHAT WAS LEARNED{:>14}{:>9}{:>10}{:>15}",
        "then", "now", "points", "unknown now"
    )?;
    for change in &comparison.measures {
        let Some([then, now]) = &change.tallies else {
            continue;
        };
        for (at, (then, now)) in then.iter().zip(now).enumerate() {
            let label = match at.checked_sub(1) {
                None => change.label.clone(),
                Some(list) => format!("  users: {}", printable(&comparison.lists[list])),
            };
            let percent =
                |value: Option<f64>| value.map_or("unknown".to_owned(), |it| format!("{it:.2} %"));
            let points = (then.percent().zip(now.percent()))
                .map_or(String::new(), |(then, now)| format!("{:+.2}", now - then));
            writeln!(
                out,
                "  {}{:>12}{:>10}{:>9}{:>15}",
                padded(&label, 32),
                percent(then.percent()),
                percent(now.percent()),
                points,
                thousands(now.unknown)
            )?;
        }
    }
    Ok(())
}

/// Names in a row; `Mail from` stands once.
fn together_named(labels: &[&str]) -> String {
    const MAIL: &str = "Mail from ";
    let mut named = String::new();
    let mut was_mail = false;
    for label in labels {
        let sender = label.strip_prefix(MAIL);
        match (named.is_empty(), was_mail, sender) {
            (true, ..) => named += label,
            (false, true, Some(sender)) => named += &format!(", {sender}"),
            _ => named += &format!("; {label}"),
        }
        was_mail = sender.is_some();
    }
    named
}

/// The transitions of every measure that has any.
fn measures(out: &mut dyn Write, comparison: &Comparison) -> io::Result<()> {
    writeln!(out, "\nFROM WHAT TO WHAT")?;
    let moved: Vec<&Change> = (comparison.measures.iter())
        .filter(|change| !change.steps.is_empty())
        .collect();
    if moved.is_empty() {
        writeln!(out, "  Nothing that was learned both times is different.")?;
    }
    // What changed alike stands once, as mail from several kinds of sender.
    let mut alike: Vec<(&Change, Vec<&str>)> = Vec::new();
    for change in moved {
        let is_alike = |it: &Change| {
            (&it.same, &it.unknown, &it.steps) == (&change.same, &change.unknown, &change.steps)
        };
        match alike.iter_mut().find(|(first, _)| is_alike(first)) {
            Some((_, labels)) => labels.push(&change.label),
            None => alike.push((change, vec![&change.label])),
        }
    }
    for (change, labels) in alike {
        let heading = format!(
            "{} (unchanged at {}; not learned then or now at {})",
            together_named(&labels),
            thousands(change.same.domains),
            thousands(change.unknown.domains)
        );
        paragraph(out, "  ", &heading)?;
        for (from, to, sum) in &change.steps {
            let step = format!("{from} -> {to}").replace('_', " ");
            let line = format!("    {}{}", padded(&printable(&step), 34), weight(sum));
            writeln!(out, "{}", fitted(&line, WIDTH))?;
        }
    }
    Ok(())
}

/// How many rows of how many are shown, where some are not.
fn rest(out: &mut dyn Write, all: usize, asked: &ReportSettings) -> io::Result<()> {
    match all.checked_sub(asked.limit) {
        Some(more) if more > 0 => writeln!(
            out,
            "  … and {} more (--limit {all})",
            thousands(more as u64)
        ),
        _ => Ok(()),
    }
}

fn events(out: &mut dyn Write, comparison: &Comparison, asked: &ReportSettings) -> io::Result<()> {
    writeln!(out, "\nWHAT HAPPENED, BY OPERATOR AND CAUSE")?;
    if comparison.events.is_empty() {
        writeln!(out, "  Nothing.")?;
    }
    for event in comparison.events.iter().take(asked.limit) {
        paragraph(out, "  ", &sentence(event))?;
        let with_it = also(event);
        if !with_it.is_empty() {
            paragraph(
                out,
                "      ",
                &format!("with it: {}", with_it.replace('_', " ")),
            )?;
        }
    }
    rest(out, comparison.events.len(), asked)
}

/// An event in a sentence.
fn sentence(event: &ChangeEvent) -> String {
    let operator = match (event.operator.as_deref(), event.role.as_str()) {
        (None, _) => "operator not known".to_owned(),
        (Some(operator), OWN) => format!("{operator}, which runs its own mail"),
        (Some(operator), _) => operator.to_owned(),
    };
    let what = match (&event.step, &event.from_operator) {
        (Some(step), _) => format!("{} {} -> {}", step.label, step.from, step.to).replace('_', " "),
        (None, Some(from)) if from == OWN => "moved here from servers of their own".to_owned(),
        (None, Some(from)) => format!("moved here from {from}"),
        (None, None) => "other exchanges".to_owned(),
    };
    format!(
        "{operator}: {what} ({}): {}, such as {}",
        event.cause.word(),
        weight(&event.weighed),
        event.such_as
    )
}

fn problems(
    out: &mut dyn Write,
    comparison: &Comparison,
    asked: &ReportSettings,
) -> io::Result<()> {
    writeln!(
        out,
        "\nPROBLEMS{:>44}{:>8}{:>16}",
        "new", "mended", "not learned"
    )?;
    if comparison.codes.is_empty() {
        writeln!(out, "  None came or went.")?;
    }
    for it in &comparison.codes {
        writeln!(
            out,
            "  {} {}{:>9}{:>8}{:>16}",
            padded(it.severity.word(), 8),
            padded(it.code.word(), 32),
            thousands(it.new.domains),
            thousands(it.mended.domains),
            thousands(it.not_learned.domains)
        )?;
    }
    for difference in [Difference::New, Difference::Mended] {
        let of_kind: Vec<&FoundProblem> = asked.found(comparison, difference).collect();
        if of_kind.is_empty() {
            continue;
        }
        writeln!(out, "\n{} PROBLEMS", difference.word().to_uppercase())?;
        let together = together(&of_kind);
        for (first, domains) in together.iter().take(asked.limit) {
            paragraph(out, "  ", &found(first, *domains))?;
        }
        rest(out, together.len(), asked)?;
    }
    Ok(())
}

/// The first of those with one code at one operator, and how many domains have it.
fn together<'f>(found: &[&'f FoundProblem]) -> Vec<(&'f FoundProblem, u64)> {
    let mut numbers: HashMap<(&str, ProblemCode, &str), usize> = HashMap::new();
    let mut together: Vec<(&FoundProblem, u64)> = Vec::new();
    for it in found {
        let key = (it.severity.word(), it.code, it.operator.as_str());
        let number = *numbers.entry(key).or_insert_with(|| {
            together.push((it, 0));
            together.len() - 1
        });
        together[number].1 += 1;
    }
    together
}

/// What several domains of one operator have, in a sentence.
fn found(first: &FoundProblem, domains: u64) -> String {
    let operator = match first.operator.as_str() {
        "" => String::new(),
        operator if is_within(&first.domain, operator) => " (runs its own mail)".to_owned(),
        operator => format!(" (mail run by {operator})"),
    };
    let what = first.code.meaning().trim_end_matches('.');
    let severity = first.severity.word();
    match domains {
        1 => format!("{severity} {}: {what}{operator}", first.domain),
        all => {
            let all = thousands(all);
            format!(
                "{severity} {all} domains, such as {}: {what}{operator}",
                first.domain
            )
        }
    }
}

fn passed(out: &mut dyn Write, comparison: &Comparison, asked: &ReportSettings) -> io::Result<()> {
    let servers = &comparison.servers;
    writeln!(out, "\nCAME AND WENT")?;
    writeln!(
        out,
        "  domains: {} came, {} went; servers: {} came, {} went, {} in both",
        thousands(comparison.came.len() as u64),
        thousands(comparison.went.len() as u64),
        thousands(servers.came),
        thousands(servers.went),
        thousands(servers.both)
    )?;
    for (word, all) in [("came", &comparison.came), ("went", &comparison.went)] {
        if all.is_empty() {
            continue;
        }
        let names = all.iter().take(asked.limit);
        let names: Vec<&str> = names.map(|it: &Passed| it.domain.as_str()).collect();
        paragraph(out, "  ", &format!("{word}: {}", names.join(", ")))?;
        rest(out, all.len(), asked)?;
    }
    for (operator, came, went) in servers.operators.iter().take(asked.limit) {
        let name = if operator.is_empty() {
            "operator not known"
        } else {
            operator
        };
        let line = format!(
            "servers of {name}: {} came, {} went",
            thousands(*came),
            thousands(*went)
        );
        paragraph(out, "  ", &line)?;
    }
    rest(out, servers.operators.len(), asked)?;
    writeln!(out)
}

/// A text that fits: what is too long ends in an ellipsis.
fn fitted(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if short.width() + 2 > width {
            break;
        }
        short.push(letter);
    }
    short + "…"
}

/// A text in a column of its own.
fn padded(text: &str, width: usize) -> String {
    let text = fitted(text, width);
    let pad = width.saturating_sub(text.width());
    text + &" ".repeat(pad)
}

/// Words in lines of at most [`WIDTH`], those behind the first two columns further in; a word that is longer is cut over
/// lines.
fn paragraph(out: &mut dyn Write, indent: &str, text: &str) -> io::Result<()> {
    let text = printable(text);
    let mut line = indent.to_owned();
    let mut is_empty = true;
    for word in text.split_whitespace() {
        let mut word = word;
        if !is_empty && line.width() + 1 + word.width() > WIDTH {
            writeln!(out, "{line}")?;
            line = format!("{indent}  ");
            is_empty = true;
        }
        while line.width() + word.width() > WIDTH {
            let room = WIDTH - line.width();
            let mut end = 0;
            while let Some(letter) = word[end..].chars().next() {
                if word[..end + letter.len_utf8()].width() > room {
                    break;
                }
                end += letter.len_utf8();
            }
            if end == 0 {
                break;
            }
            writeln!(out, "{line}{}", &word[..end])?;
            line = format!("{indent}  ");
            word = &word[end..];
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    writeln!(out, "{line}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_alike_is_named_in_a_row() {
        let labels = ["TLS", "Mail from dane", "Mail from exchange", "DANE holds"];
        assert_eq!(
            together_named(&labels),
            "TLS; Mail from dane, exchange; DANE holds"
        );
        assert_eq!(together_named(&["TLS"]), "TLS");
    }

    #[test]
    fn nothing_is_wider_than_a_terminal() {
        let mut out = Vec::new();
        let long = "x".repeat(200);
        for text in [
            "a b c",
            &long,
            &format!("{} {long} 例え", "word ".repeat(40)),
        ] {
            paragraph(&mut out, "  ", text).unwrap();
        }
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.width() <= WIDTH), "{text}");
        let letters = |text: &str| text.matches('x').count();
        assert_eq!(letters(&text), 400, "nothing is lost");
        assert_eq!(fitted("例え例え", 5).width(), 5);
        assert_eq!(padded("ab", 4), "ab  ");
    }
}
