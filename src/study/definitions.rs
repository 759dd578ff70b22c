//! Where today's definitions differ from the study's, both asked of the same survey.

use hashbrown::HashSet;

use super::count::{Counted, StudySurvey, named};
use crate::judge::{Fact, Rule, Truth};
use crate::report::asked::ReportSettings;
use crate::report::measure::Measure;
use crate::report::survey::Survey;
use crate::report::table::{Cell, TALLY, Table, Tally};
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
    let mut row = |question: &str, whose: &str, definition: &str, tally: Tally| {
        let mut row = vec![Cell::from(question), whose.into(), definition.into()];
        row.extend(tally.cells());
        table.row(row);
    };
    let of = |word: &str, census: &StudySurvey<'_>| {
        let measure = named(word);
        measure.map_or_else(Tally::default, |it| census.domains(it, None, None))
    };
    let trusted_of_tls = Measure {
        word: "trusted_of_tls",
        label: "Trusted, where there is TLS",
        fact: Fact::Trusted,
        among: Some(Fact::Tls),
    };
    for (question, whose, definition, measure) in [
        (
            "TLS of domains",
            "2014",
            ACCEPTED,
            named("accepted").copied(),
        ),
        ("TLS of domains", "today", SHAKEN, named("tls").copied()),
        ("Valid certificate", "2014", CHAIN, named("valid").copied()),
        (
            "Valid certificate",
            "today",
            NAMED,
            named("trusted").copied(),
        ),
        (
            "Valid certificate, of TLS",
            "2014",
            CHAIN,
            named("valid_of_accepted").copied(),
        ),
        (
            "Valid certificate, of TLS",
            "today",
            NAMED,
            Some(trusted_of_tls),
        ),
    ] {
        let tally = measure.map(|measure| census.domains(&measure, None, None));
        row(question, whose, definition, tally.unwrap_or_default());
    }
    let few = census.with_suite(&["RC4-MD5", "RC4-SHA"].map(String::from), None);
    row(
        "Weak suite, of domains with TLS",
        "2014",
        "RC4-MD5, RC4-SHA",
        tally(&few),
    );
    let (domains, servers) = weak(&census)?;
    row(
        "Weak suite, of domains with TLS",
        "today",
        "any with RC4, 3DES, DES, export, MD5, without encryption or authentication",
        domains,
    );
    row(
        "Weak suite, of servers with TLS",
        "today",
        "the same",
        servers,
    );
    for list in census.lists() {
        let (Some(accepted), Some(tls)) = (named("accepted"), named("tls")) else {
            continue;
        };
        let question = format!("TLS of users: {list}");
        let then = census.users(list, accepted, None);
        row(
            &question,
            "2014",
            "220 to STARTTLS, all domains added",
            then,
        );
        if let Ok(added) = census.as_the_study_added(list, accepted, None) {
            row(&question, "2014", "as the study's query added", added);
        }
        let now = census.users(list, tls, None);
        row(&question, "today", SHAKEN, now);
    }
    for (whose, rule, definition) in [
        ("2014", Rule::Any, "one server is enough"),
        (
            "today",
            Rule::Preferred,
            "the servers that mail would go to must agree",
        ),
        ("today", Rule::All, "every server must"),
    ] {
        census.rule = rule;
        row(
            "Which server speaks for a domain: TLS",
            whose,
            definition,
            of("accepted", &census),
        );
    }
    Ok(table)
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
