//! Where today's definitions differ from the study's, both asked of the same survey.

use hashbrown::HashSet;

use super::count::{Counted, StudySurvey, named};
use crate::judge::{Fact, Rule, Truth};
use crate::report::asked::ReportSettings;
use crate::report::measure::Measure;
use crate::report::survey::Survey;
use crate::report::table::{TALLY, Table, Tally};
use crate::store::query;

/// Weaknesses of suites that no guideline of today allows (RFC 7465, RFC 9325).
const WEAK: [&str; 7] = [
    "rc4",
    "triple_des",
    "single_des",
    "export",
    "null_cipher",
    "anonymous",
    "md5_mac",
];

const ACCEPTED: &str = "220 to STARTTLS";
const SHAKEN: &str = "a handshake, completed or as far as the server's hello and chain";
const CHAIN: &str = "a chain to a root of the store";
const NAMED: &str = "such a chain, and it names the exchange";

pub fn definitions(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "study-definitions",
        "The study's definitions and today's",
        "The same question asked twice. The study took a 220 to STARTTLS for TLS, any chain to a trusted root for a valid \
         certificate, RC4-MD5 and RC4-SHA for the only weak suites, and one server to speak for a domain. In a made world \
         whose servers share certificates, these name no exchange.",
    )
    .columns([
        ("question", "Question"),
        ("whose", "Whose"),
        ("definition", "Definition"),
    ])
    .columns(TALLY);
    let mut census = StudySurvey::new(survey, asked)?;
    let mut add = |rows: Vec<DefinitionRow>| {
        for (question, whose, definition, tally) in rows {
            let mut row = vec![question.into(), whose.into(), definition.into()];
            row.extend(tally.cells());
            table.row(row);
        }
    };
    add(measures(&census));
    add(weak_suites(&census)?);
    add(users(&census));
    add(servers_that_speak(&mut census));
    Ok(table)
}

/// A question, whose definition it is asked by, the definition, and the answer.
type DefinitionRow = (String, &'static str, &'static str, Tally);

/// What TLS is, and what a valid certificate.
fn measures(census: &StudySurvey<'_>) -> Vec<DefinitionRow> {
    const TLS: &str = "TLS of domains";
    const VALID: &str = "Valid certificate";
    const VALID_OF_TLS: &str = "Valid certificate, of TLS";
    let trusted_of_tls = Measure {
        word: "trusted_of_tls",
        label: "Trusted, where there is TLS",
        fact: Fact::Trusted,
        among: Some(Fact::Tls),
    };
    let measure = |word| named(word).copied();
    [
        (TLS, "2014", ACCEPTED, measure("accepted")),
        (TLS, "today", SHAKEN, measure("tls")),
        (VALID, "2014", CHAIN, measure("valid")),
        (VALID, "today", NAMED, measure("trusted")),
        (VALID_OF_TLS, "2014", CHAIN, measure("valid_of_accepted")),
        (VALID_OF_TLS, "today", NAMED, Some(trusted_of_tls)),
    ]
    .map(|(question, whose, definition, measure)| {
        let tally = measure.map(|measure| census.domains(&measure, None, None));
        let tally = tally.unwrap_or_default();
        (question.to_owned(), whose, definition, tally)
    })
    .into()
}

/// Which suites are weak.
fn weak_suites(census: &StudySurvey<'_>) -> rusqlite::Result<Vec<DefinitionRow>> {
    const DOMAINS: &str = "Weak suite, of domains with TLS";
    const SERVERS: &str = "Weak suite, of servers with TLS";
    const TODAY: &str =
        "any with RC4, 3DES, DES, export, MD5, without encryption or authentication";
    let few = census.with_suite(&["RC4-MD5", "RC4-SHA"].map(String::from), None);
    let (domains, servers) = weak(census)?;
    Ok(vec![
        (DOMAINS.to_owned(), "2014", "RC4-MD5, RC4-SHA", tally(&few)),
        (DOMAINS.to_owned(), "today", TODAY, domains),
        (SERVERS.to_owned(), "today", "the same", servers),
    ])
}

/// How users are added up.
fn users(census: &StudySurvey<'_>) -> Vec<DefinitionRow> {
    const ALL: &str = "220 to STARTTLS, all domains added";
    const ADDED: &str = "as the study's query added";
    let (Some(accepted), Some(tls)) = (named("accepted"), named("tls")) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for list in census.lists() {
        let mut row = |whose, definition, tally| {
            rows.push((format!("TLS of users: {list}"), whose, definition, tally));
        };
        row("2014", ALL, census.users(list, accepted, None));
        if let Ok(added) = census.as_the_study_added(list, accepted, None) {
            row("2014", ADDED, added);
        }
        row("today", SHAKEN, census.users(list, tls, None));
    }
    rows
}

/// Which server speaks for a domain; leaves the last rule asked in the census.
fn servers_that_speak(census: &mut StudySurvey<'_>) -> Vec<DefinitionRow> {
    [
        ("2014", Rule::Any, "one server is enough"),
        (
            "today",
            Rule::Preferred,
            "the servers that mail would go to must agree",
        ),
        ("today", Rule::All, "every server must"),
    ]
    .map(|(whose, rule, definition)| {
        census.rule = rule;
        let accepted = named("accepted").map(|it| census.domains(it, None, None));
        let question = "Which server speaks for a domain: TLS".to_owned();
        (question, whose, definition, accepted.unwrap_or_default())
    })
    .into()
}

/// Domains and servers with a suite that is weak today, of those with TLS.
fn weak(census: &StudySurvey<'_>) -> rusqlite::Result<(Tally, Tally)> {
    let weak: HashSet<u32> = query::handshakes_with(&census.survey.connection, &WEAK)?
        .into_iter()
        .collect();
    let truth = |tls: u32| Truth::from(Some(weak.contains(&tls)));
    let (mut domains, mut servers) = (Tally::default(), Tally::default());
    for verdict in census.verdicts.iter().filter(|verdict| verdict.tls != 0) {
        domains.add(truth(verdict.tls), 1);
    }
    census.servers_with_tls(|tls| servers.add(truth(tls), 1))?;
    Ok((domains, servers))
}

fn tally(counted: &Counted) -> Tally {
    let (yes, of) = (counted.yes as u64, counted.of.unwrap_or(0.0) as u64);
    Tally {
        yes,
        no: of - yes,
        ..Tally::default()
    }
}
