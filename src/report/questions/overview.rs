//! The overall picture: three weights, three rules, every unknown in sight.

use crate::judge::{RULES, Rule, Truth, unpack};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Chart, Stack};
use crate::report::measure::{MEASURES, Measure};
use crate::report::survey::{Survey, SurveyVerdict, verdict_of};
use crate::report::table::{Cell, TALLY, Table, Tally};
use crate::store::query;

pub(super) fn overview(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "overview",
        "The overall picture",
        "Percentages are of what was learned: yes, no and mixed. Unknown stands beside them; at least and at most are \
         the percentage if every unknown were a no, or a yes. Domains that take no mail are outside. Preferred: the \
         servers that mail would go to must agree, else mixed. Any, all: one server is enough, every server must. \
         STARTTLS accepted is what was counted as TLS in 2014; TLS is a handshake that was completed, or went as far as the server's hello and chain. A valid \
         certificate leads to a root of the named store; names are another question.",
    );
    answer(survey, asked, table, |measure| {
        !NAMES.contains(&measure.word)
    })
}

/// The measures that depend on names, and so on the exchange or the domain beside the server.
const NAMES: [&str; 4] = ["names_exchange", "trusted", "names_domain", "dane"];

pub(super) fn names(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "names",
        "Certificates and names",
        "Whether the certificate names the exchange (what MTA-STS and a verifying sender ask for) or the domain, by its \
         subject alternative names, and whether TLSA records under DNSSEC hold (RFC 7672); unknown where TLSA was not \
         asked for, and known to be none where the zone is not signed.",
    );
    answer(survey, asked, table, |measure| {
        NAMES.contains(&measure.word)
    })
}

fn answer(
    survey: &Survey,
    asked: &ReportSettings,
    table: Table,
    wanted: impl Fn(&Measure) -> bool,
) -> rusqlite::Result<Table> {
    let mut table = table
        .columns([
            ("weight", "Weight"),
            ("measure", "Measure"),
            ("rule", "Rule"),
        ])
        .columns(TALLY)
        .columns([("in_2014", "2014"), ("in_2015", "2015")]);
    let mut stacks = Vec::new();
    for (weight, tallies) in weights(survey)? {
        for (measure, rules) in MEASURES
            .iter()
            .zip(&tallies)
            .filter(|(measure, _)| wanted(measure))
        {
            for (rule, tally) in rules {
                let rule = rule.map_or("each", Rule::word);
                let before = |value: Option<f64>| value.map_or(Cell::Null, Cell::Percent);
                let is_preferred = rule == Rule::Preferred.word();
                let mut row = vec![
                    Cell::from(weight.shown()),
                    measure.label.into(),
                    rule.into(),
                ];
                row.extend(tally.cells());
                row.push(before(
                    is_preferred
                        .then(|| weight.in_2014(asked, measure))
                        .flatten(),
                ));
                row.push(before(
                    (is_preferred && matches!(weight, Weight::Domains))
                        .then(|| asked.published.of_domains_later(measure.word))
                        .flatten(),
                ));
                table.row(row);
                if rule == asked.rule.word() || rule == "each" {
                    stacks.push(Stack {
                        group: weight.shown(),
                        label: measure.label.to_owned(),
                        tally: *tally,
                        before: is_preferred
                            .then(|| weight.in_2014(asked, measure))
                            .flatten(),
                    });
                }
            }
        }
    }
    table.chart = Some(Chart::Stacks(stacks));
    Ok(table)
}

/// What a domain counts for.
enum Weight {
    Domains,
    Users(String),
    Servers,
}

impl Weight {
    fn shown(&self) -> String {
        match self {
            Self::Domains => "domains".to_owned(),
            Self::Users(source) => format!("users: {source}"),
            Self::Servers => "servers".to_owned(),
        }
    }

    fn in_2014(&self, asked: &ReportSettings, measure: &Measure) -> Option<f64> {
        match self {
            Self::Domains => asked.published.of_domains(measure.word),
            Self::Users(source) => asked.published.of_users(source, measure.word, None),
            Self::Servers => None,
        }
    }
}

/// For each measure, a tally for each rule; servers have no rule.
type Tallies = Vec<Vec<(Option<Rule>, Tally)>>;

fn weights(survey: &Survey) -> rusqlite::Result<Vec<(Weight, Tallies)>> {
    let verdicts = survey.verdicts()?;
    let empty = || -> Tallies {
        let rules = RULES.map(|rule| (Some(rule), Tally::default())).to_vec();
        vec![rules; MEASURES.len()]
    };
    let add = |tallies: &mut Tallies, verdict: &SurveyVerdict, weight: u64| {
        for (measure, rules) in MEASURES.iter().zip(tallies) {
            for (rule, tally) in rules {
                if let Some(truth) = rule.and_then(|rule| measure.truth(verdict, rule)) {
                    tally.add(truth, weight);
                }
            }
        }
    };
    let mut domains = empty();
    for verdict in verdicts {
        add(&mut domains, verdict, 1);
    }
    let mut weights = vec![(Weight::Domains, domains)];
    for list in survey.counted()? {
        let mut users = empty();
        for entry in &list.entries {
            add(&mut users, &verdict_of(verdicts, entry.domain), entry.users);
        }
        weights.push((Weight::Users(list.source.clone()), users));
    }
    weights.push((Weight::Servers, servers(survey)?));
    Ok(weights)
}

/// Every address that was probed; what its certificate names depends on the exchange and is not asked here.
fn servers(survey: &Survey) -> rusqlite::Result<Tallies> {
    let mut tallies: Tallies = vec![vec![(None, Tally::default())]; MEASURES.len()];
    query::server_facts(&survey.connection, |facts| {
        // The facts of a server lie where a domain's lie under the first rule.
        let truth = |fact| unpack(facts, fact, Rule::Preferred);
        for (measure, tally) in MEASURES.iter().zip(&mut tallies) {
            if measure.among.is_none_or(|among| truth(among) == Truth::Yes) {
                tally[0].1.add(truth(measure.fact), 1);
            }
        }
    })?;
    for (measure, rules) in MEASURES.iter().zip(&mut tallies) {
        if NAMES.contains(&measure.word) {
            rules.clear();
        }
    }
    Ok(tallies)
}
