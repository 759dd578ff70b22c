//! `--tell`: problems as messages that are ready to be sent, one for each who can mend them. Nobody's address is known, and none
//! is told: a message says whom it is for in words, and what it quotes has no local part.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::asked::ReportSettings;
use super::compare::called;
use super::markdown::escaped;
use super::operators::Operators;
use super::output::OutputFormat;
use super::providers::OWN;
use super::questions::sorted_problems;
use super::render;
use super::survey::Survey;
use super::table::thousands;
use crate::judge::problem::{ProblemCode, Severity, Who};
use crate::record::words::vocabulary;
use crate::store::printable;
use crate::store::query::{self, ProblemRow, WayToServer};

vocabulary! {
    /// For whom a message is made.
    strict TellWhom {
        /// One for each who can mend something: each operator of mail servers, with all domains that it serves; whoever
        /// publishes the records; whoever runs the name servers.
        Operator = "operator",
        /// One for each domain.
        Domain = "domain",
    }
}

/// Columns of a line of text.
const WIDTH: usize = 76;

/// Whom a message is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Recipient {
    /// Who runs these mail servers.
    MailOperator(String),
    /// Who publishes the records of the domains.
    DomainOwner,
    /// Who runs the name servers of the domains.
    DnsOperator,
    /// Whoever is in charge of a domain.
    Domain(String),
}

/// What is wrong with one code, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Trouble {
    /// Exchanges by the addresses to which they lead, of places that are addresses.
    names: BTreeMap<String, String>,
    /// Domains by place and detail.
    places: BTreeMap<(Option<String>, Option<String>), BTreeSet<String>>,
}

/// A message.
#[derive(Clone, Debug)]
struct Message {
    to: Recipient,
    troubles: BTreeMap<(std::cmp::Reverse<Severity>, ProblemCode), Trouble>,
}

impl Message {
    fn new(to: Recipient) -> Self {
        Self {
            to,
            troubles: BTreeMap::new(),
        }
    }

    fn severity(&self) -> Severity {
        let worst = self.troubles.keys().next();
        worst.map_or(Severity::Notice, |(severity, _)| severity.0)
    }

    fn domains(&self) -> BTreeSet<&str> {
        let places = self.troubles.values().flat_map(|it| it.places.values());
        places.flatten().map(String::as_str).collect()
    }

    fn addressee(&self) -> String {
        match &self.to {
            Recipient::MailOperator(operator) => {
                format!("the postmaster of {operator}, who runs the mail servers")
            }
            Recipient::DomainOwner => "whoever publishes the records of these domains".to_owned(),
            Recipient::DnsOperator => "whoever runs the name servers of these domains".to_owned(),
            Recipient::Domain(domain) => format!("whoever is in charge of {domain}"),
        }
    }

    fn subject(&self) -> String {
        let domains = self.domains();
        let what = match self.troubles.len() {
            1 => "1 problem".to_owned(),
            all => format!("{all} problems"),
        };
        match (domains.len(), domains.first()) {
            (1, Some(domain)) => format!("mail to {domain}: {what}"),
            (all, _) => format!("mail to {} domains: {what}", thousands(all as u64)),
        }
    }

    /// Where a problem is: places that concern the same domains stand together.
    fn wheres(trouble: &Trouble) -> Vec<(Vec<String>, Vec<&str>)> {
        let mut by_domains: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
        for ((place, detail), domains) in &trouble.places {
            let place = place.as_ref().map(|place| match trouble.names.get(place) {
                Some(name) => format!("{name} at {place}"),
                None => place.clone(),
            });
            let place = match (place, detail) {
                (Some(place), Some(detail)) => format!("{place} ({detail})"),
                (Some(place), None) => place,
                (None, Some(detail)) => format!("({detail})"),
                (None, None) => String::new(),
            };
            let domains = domains.iter().map(String::as_str).collect();
            let places = by_domains.entry(domains).or_default();
            places.extend((!place.is_empty()).then_some(place));
        }
        let mut all: Vec<(Vec<String>, Vec<&str>)> = (by_domains.into_iter())
            .map(|(domains, places)| (places, domains))
            .collect();
        all.sort_by_key(|(_, domains)| std::cmp::Reverse(domains.len()));
        all
    }
}

/// Writes the messages about the problems that are asked for, the worst and largest first.
///
/// # Errors
///
/// Where the survey cannot be read, or there is no such form of a message.
pub fn write(
    out: &mut dyn Write,
    survey: &Survey,
    asked: &ReportSettings,
    whom: TellWhom,
    format: OutputFormat,
) -> anyhow::Result<()> {
    let messages = messages(survey, asked, whom)?;
    let about = about(survey)?;
    match format {
        OutputFormat::Text => {
            for (at, message) in messages.iter().enumerate() {
                if messages.len() > 1 {
                    writeln!(
                        out,
                        "======== message {} of {} ========\n",
                        at + 1,
                        messages.len()
                    )?;
                }
                text(out, message, &about)?;
            }
        }
        OutputFormat::Markdown => messages
            .iter()
            .try_for_each(|message| markdown(out, message, &about))?,
        OutputFormat::Json => {
            let all: Vec<Value> = messages.iter().map(data).collect();
            render::write_json(out, &json!({ "survey": about, "messages": all }))?;
        }
        _ => anyhow::bail!("a message is text, markdown or json"),
    }
    Ok(())
}

/// What the messages rest on, in a sentence.
fn about(survey: &Survey) -> rusqlite::Result<String> {
    let name = called(survey, "")?;
    let times = query::times(&survey.connection)?;
    Ok(match times {
        Some((first, last)) => {
            let day = |time: &str| time.chars().take(10).collect::<String>();
            let days = match (day(&first), day(&last)) {
                (first, last) if first == last => format!("on {first}"),
                (first, last) => format!("between {first} and {last}"),
            };
            format!("This was seen from outside by mx-survey {days} (survey {name}).")
        }
        None => "This was seen from outside by mx-survey.".to_owned(),
    })
}

fn messages(
    survey: &Survey,
    asked: &ReportSettings,
    whom: TellWhom,
) -> rusqlite::Result<Vec<Message>> {
    let operators = survey.operators(&asked.providers)?;
    let names = survey.names()?;
    let mut messages: BTreeMap<Recipient, Message> = BTreeMap::new();
    let mut ways: (u32, Vec<WayToServer>) = (0, Vec::new());
    for row in sorted_problems(survey, asked)?.iter() {
        let code = ProblemCode::from(row.code.as_str());
        let domain = names.get(row.domain as usize);
        let to = match (whom, code.who()) {
            (TellWhom::Domain, _) => Recipient::Domain(domain.to_owned()),
            (TellWhom::Operator, Who::DomainOwner) => Recipient::DomainOwner,
            (TellWhom::Operator, Who::DnsOperator) => Recipient::DnsOperator,
            (TellWhom::Operator, Who::MailOperator) => {
                if ways.0 != row.domain {
                    ways = (row.domain, query::ways_to(&survey.connection, row.domain)?);
                }
                Recipient::MailOperator(operator(&operators, &row, domain, &ways.1))
            }
        };
        let message = messages
            .entry(to.clone())
            .or_insert_with(|| Message::new(to));
        let severity = Severity::from_word(&row.severity).unwrap_or(Severity::Notice);
        let trouble = message
            .troubles
            .entry((std::cmp::Reverse(severity), code))
            .or_default();
        let way = ways.1.iter().filter(|_| ways.0 == row.domain);
        if let Some(place) = &row.place
            && let Some(way) = (way.clone()).find(|way| way.ip.as_ref() == Some(place))
        {
            trouble.names.insert(place.clone(), printable(&way.name));
        }
        let quoted = |text: Option<String>| text.map(|text| without_local_parts(&printable(&text)));
        let place = (quoted(row.place), quoted(row.detail));
        let domains = trouble.places.entry(place).or_default();
        domains.insert(printable(domain));
    }
    let mut messages: Vec<Message> = messages.into_values().collect();
    messages.sort_by_key(|it| std::cmp::Reverse((it.severity(), it.domains().len())));
    Ok(messages)
}

/// Who runs the server or exchange at which a problem is; the first exchange's where it is at none.
fn operator(operators: &Operators, row: &ProblemRow, domain: &str, ways: &[WayToServer]) -> String {
    let is_there = |way: &&WayToServer| {
        let place = row.place.as_deref();
        place.is_some() && (place == Some(&way.name) || place == way.ip.as_deref())
    };
    let way = ways.iter().find(is_there).or(ways.first());
    let Some(way) = way else {
        return domain.to_owned();
    };
    let (id, role) = operators.told(operators.for_domain(way.exchange, domain));
    match role {
        // One who runs his own: by his registered domain.
        OWN => way.registered_domain.clone().unwrap_or(domain.to_owned()),
        _ => id.to_owned(),
    }
}

fn text(out: &mut dyn Write, message: &Message, about: &str) -> io::Result<()> {
    writeln!(out, "To: {}", message.addressee())?;
    writeln!(out, "Subject: {}\n", message.subject())?;
    wrapped(
        out,
        "",
        &format!("Good day. {about} What was not learned is not told."),
    )?;
    for (at, ((severity, code), trouble)) in message.troubles.iter().enumerate() {
        writeln!(out)?;
        let title = format!(
            "{}. {} ({}, {})",
            at + 1,
            code.meaning(),
            severity.0.word(),
            code.word()
        );
        hanging(out, "", "   ", &title)?;
        wrapped(out, "   ", code.why())?;
        wrapped(out, "   ", &format!("What to do: {}", code.remedy()))?;
        if let Recipient::Domain(_) = message.to {
            wrapped(out, "   ", &format!("Who can: {}", code.who().meaning()))?;
        }
        for (places, domains) in Message::wheres(trouble) {
            if !places.is_empty() {
                let is_place = places.iter().any(|it| !it.starts_with('('));
                let word = if is_place { "At" } else { "Seen" };
                wrapped(out, "   ", &format!("{word}: {}", places.join("; ")))?;
            }
            let count = match domains.len() {
                1 => "Domain".to_owned(),
                all => format!("{} domains", thousands(all as u64)),
            };
            wrapped(out, "   ", &format!("{count}: {}", domains.join(", ")))?;
        }
    }
    writeln!(out)
}

/// Words in lines; a word that is longer than a line stands alone.
fn wrapped(out: &mut dyn Write, indent: &str, text: &str) -> io::Result<()> {
    hanging(out, indent, indent, text)
}

/// The same, with another indent from the second line on.
fn hanging(out: &mut dyn Write, indent: &str, rest: &str, text: &str) -> io::Result<()> {
    let mut indent = indent;
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && indent.len() + line.width() + 1 + word.width() > WIDTH {
            writeln!(out, "{indent}{line}")?;
            indent = rest;
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    writeln!(out, "{indent}{line}")
}

fn markdown(out: &mut dyn Write, message: &Message, about: &str) -> io::Result<()> {
    writeln!(out, "# {}\n", escaped(&message.subject()))?;
    writeln!(out, "To {}\n", escaped(&message.addressee()))?;
    writeln!(
        out,
        "Good day. {} What was not learned is not told.\n",
        escaped(about)
    )?;
    for ((severity, code), trouble) in &message.troubles {
        writeln!(
            out,
            "## {} ({}, {})\n",
            escaped(code.meaning()),
            severity.0.word(),
            escaped(code.word())
        )?;
        writeln!(out, "{}\n", escaped(code.why()))?;
        writeln!(out, "**What to do:** {}\n", escaped(code.remedy()))?;
        if let Recipient::Domain(_) = message.to {
            writeln!(out, "**Who can:** {}\n", escaped(code.who().meaning()))?;
        }
        for (places, domains) in Message::wheres(trouble) {
            let places = match places.is_empty() {
                true => String::new(),
                false => format!("at {}: ", escaped(&places.join("; "))),
            };
            writeln!(out, "- {places}{}", escaped(&domains.join(", ")))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn data(message: &Message) -> Value {
    let kind = match &message.to {
        Recipient::MailOperator(_) => Who::MailOperator.word(),
        Recipient::DomainOwner => Who::DomainOwner.word(),
        Recipient::DnsOperator => Who::DnsOperator.word(),
        Recipient::Domain(_) => "domain",
    };
    let whose = match &message.to {
        Recipient::MailOperator(name) | Recipient::Domain(name) => Some(name),
        Recipient::DomainOwner | Recipient::DnsOperator => None,
    };
    let problems: Vec<Value> = (message.troubles.iter())
        .map(|((severity, code), trouble)| {
            let seen: Vec<Value> = (trouble.places.iter())
                .map(|((place, detail), domains)| {
                    json!({ "place": place, "detail": detail, "domains": domains })
                })
                .collect();
            json!({
                "severity": severity.0.word(), "code": code.word(), "title": code.meaning(), "why": code.why(),
                "remedy": code.remedy(), "who": code.who().word(), "seen": seen,
            })
        })
        .collect();
    json!({
        "who": kind, "whose": whose, "to": message.addressee(), "subject": message.subject(),
        "domains": message.domains(), "problems": problems,
    })
}

/// The same text with an ellipsis for what stands before each `@`, back to the beginning of its word.
pub fn without_local_parts(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '@' {
            let is_border = |it: char| it.is_whitespace() || "<>()[]:;,=|".contains(it);
            let end = match safe.strip_suffix('"').and_then(|quoted| quoted.rfind('"')) {
                Some(quote) => quote,
                None => (safe.char_indices().rev())
                    .find(|&(_, it)| is_border(it))
                    .map_or(0, |(at, it)| at + it.len_utf8()),
            };
            safe.truncate(end);
            safe.push('…');
        }
        safe.push(letter);
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named() {
        for (text, told) in [
            (
                "rua=mailto:jo@a.test is refused",
                "rua=mailto:…@a.test is refused",
            ),
            ("<jo.doe+x@a.test>,b@c", "<…@a.test>,…@c"),
            ("550 \"jo doe\"@a.test unknown", "550 …@a.test unknown"),
            ("jo@a@b", "…@b"),
            ("no address", "no address"),
            ("@", "…@"),
        ] {
            assert_eq!(without_local_parts(text), told);
        }
    }
}
