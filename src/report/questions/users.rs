//! Weighted by people: the largest domains of a counted list, and how many users have TLS.

use super::sampler::Sampler;
use crate::judge::{Fact, Rule, Truth};
use crate::report::asked::ReportSettings;
use crate::report::chart::{Bar, Chart, ChartLine};
use crate::report::measure::{Measure, followed, marks};
use crate::report::survey::{ListEntry, Survey, SurveyList, SurveyVerdict, verdict_of};
use crate::report::table::{Cell, TALLY, Table, Tally};

pub(super) fn top_providers(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "top-providers",
        "The largest domains of each counted list",
        format!(
            "Each domain alone, under the rule {}; percent of all users in the list. Accepted is TLS as it was counted \
             in 2014.",
            asked.rule.word()
        ),
    )
    .columns([
        ("list", "List"),
        ("place", "Place"),
        ("domain", "Domain"),
        ("users", "Users"),
        ("of", "Of"),
        ("percent", "Percent"),
        ("status", "Status"),
        ("esmtp", "ESMTP"),
        ("accepted", "STARTTLS accepted"),
        ("tls", "TLS"),
        ("valid", "Valid certificate"),
        ("in_2014", "2014"),
    ]);
    let mut bars = Vec::new();
    for list in survey.counted()? {
        let entries = list.by_users(survey.names()?);
        for (place, entry) in entries.iter().take(asked.limit).enumerate() {
            let large = LargeDomain {
                list,
                domain: survey.name(entry.domain)?,
                users: entry.users,
                verdict: survey.verdict(entry.domain)?,
            };
            if place < 10 {
                bars.push(large.bar(asked));
            }
            table.row(large.row(place as u64 + 1, asked));
        }
    }
    table.chart = Some(Chart::Bars {
        unit: "% of users",
        bars,
    });
    Ok(table)
}

/// One of the largest domains of a counted list.
struct LargeDomain<'a> {
    list: &'a SurveyList,
    domain: String,
    users: u64,
    verdict: SurveyVerdict,
}

impl LargeDomain<'_> {
    /// What is known of a fact; none: it takes no mail.
    fn truth(&self, fact: Fact, rule: Rule) -> Option<Truth> {
        let takes_mail = self.verdict.status.takes_mail();
        takes_mail.then(|| self.verdict.truth(fact, rule))
    }

    /// The percentage that the study printed.
    fn printed(&self, asked: &ReportSettings) -> Option<f64> {
        asked.published.at_domain(&self.list.source, &self.domain)
    }

    fn bar(&self, asked: &ReportSettings) -> Bar {
        let of = self.list.of.unwrap_or(0).max(1);
        Bar {
            group: format!("users: {}", self.list.source),
            label: self.domain.clone(),
            value: 100.0 * self.users as f64 / of as f64,
            count: self.users,
            before: self.printed(asked),
            truth: self.truth(Fact::Tls, asked.rule),
        }
    }

    fn row(&self, place: u64, asked: &ReportSettings) -> [Cell; 12] {
        let of = self.list.of.unwrap_or(0);
        let told = |fact| Cell::text(self.truth(fact, asked.rule).map(Truth::word));
        [
            Cell::from(self.list.source.as_str()),
            place.into(),
            self.domain.as_str().into(),
            self.users.into(),
            of.into(),
            Cell::share(self.users as f64, of as f64),
            self.verdict.status.word().into(),
            told(Fact::Esmtp),
            told(Fact::Accepted),
            told(Fact::Tls),
            told(Fact::Valid),
            self.printed(asked).map_or(Cell::Null, Cell::Percent),
        ]
    }
}

pub(super) fn tls_by_users(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let table = Table::new(
        "tls-by-users",
        "Users with TLS",
        format!(
            "Users at the N largest domains of the list, by the rule {}; the base is the users at domains that \
             answered. Covered: their share of all users in the list. The lowest and the highest list stand below.",
            asked.rule.word()
        ),
    )
    .columns([
        ("list", "List"),
        ("domains", "N largest"),
        ("covered", "Covered"),
        ("measure", "Measure"),
    ])
    .columns(TALLY)
    .columns([("in_2014", "2014")]);
    let mut curves = UserCurves {
        table,
        lines: Vec::new(),
        ends: followed()
            .map(|measure| (measure.label, Vec::new()))
            .collect(),
    };
    for list in survey.counted()? {
        curves.add_list(survey, asked, list)?;
    }
    if survey.counted()?.count() > 1 {
        curves.add_extremes();
    }
    let mut table = curves.table;
    table.chart = Some(Chart::Lines {
        x: "N largest domains".to_owned(),
        lines: curves.lines,
        points: Vec::new(),
    });
    Ok(table)
}

/// The table of users with TLS and its picture, as they grow list by list.
struct UserCurves<'a> {
    table: Table,
    lines: Vec<ChartLine>,
    /// For each measure, where every list ends.
    ends: Vec<(&'static str, Vec<(&'a str, Tally)>)>,
}

impl<'a> UserCurves<'a> {
    /// The rows and curves of a list.
    fn add_list(
        &mut self,
        survey: &Survey,
        asked: &ReportSettings,
        list: &'a SurveyList,
    ) -> rusqlite::Result<()> {
        let verdicts = survey.verdicts()?;
        let entries = list.by_users(survey.names()?);
        let all = entries.len() as u64;
        let mut wanted = marks(all);
        wanted.retain(|&mark| mark >= 5 || mark == all);
        for (measure, (_, ends)) in followed().zip(&mut self.ends) {
            let sampler = sampled(&entries, verdicts, measure, asked.rule, &wanted);
            for (&mark, (tally, covered)) in wanted.iter().zip(&sampler.at_marks) {
                let first = (mark < all).then_some(mark);
                let printed = asked.published.of_users(&list.source, measure.word, first);
                let mut row = vec![
                    Cell::from(list.source.as_str()),
                    mark.into(),
                    Cell::share(*covered as f64, list.of.unwrap_or(0) as f64),
                    measure.label.into(),
                ];
                row.extend(tally.cells());
                row.push(printed.map_or(Cell::Null, Cell::Percent));
                self.table.row(row);
            }
            let points = sampler.points.into_iter();
            let points: Vec<(f64, Tally)> =
                points.map(|(place, (tally, _))| (place, tally)).collect();
            let end = points.last().map_or(Tally::default(), |(_, tally)| *tally);
            ends.push((&list.source, end));
            let group = format!("list: {}", list.source);
            self.lines
                .push(ChartLine::new(group, measure.label, points));
        }
        Ok(())
    }

    /// For each measure the rows of the list with the lowest and of that with the highest percentage of all its users.
    fn add_extremes(&mut self) {
        for (label, ends) in &mut self.ends {
            ends.retain(|(_, tally)| tally.decided() > 0);
            ends.sort_by(|a, b| {
                let by_percent = a.1.percent().partial_cmp(&b.1.percent());
                by_percent.unwrap_or(std::cmp::Ordering::Equal)
            });
            let extremes = [("lowest", ends.first()), ("highest", ends.last())];
            for (which, end) in extremes {
                let Some((source, tally)) = end else {
                    continue;
                };
                let list = Cell::from(format!("{which}: {source}"));
                let mut row = vec![list, Cell::Null, Cell::Null, (*label).into()];
                row.extend(tally.cells());
                row.push(Cell::Null);
                self.table.row(row);
            }
        }
    }
}

/// The tally of a measure and the users seen so far, along the entries of a list from the largest on.
fn sampled(
    entries: &[ListEntry],
    verdicts: &[SurveyVerdict],
    measure: &Measure,
    rule: Rule,
    wanted: &[u64],
) -> Sampler<(Tally, u64)> {
    let mut sampler = Sampler::new(wanted);
    let (mut tally, mut seen) = (Tally::default(), 0);
    for (place, entry) in entries.iter().enumerate() {
        if let Some(truth) = measure.truth(&verdict_of(verdicts, entry.domain), rule) {
            tally.add(truth, entry.users);
        }
        seen += entry.users;
        sampler.push(place as u64 + 1, (tally, seen));
    }
    sampler.end()
}
