//! The study's figures, drawn from a survey over what was read off the published images.

use std::sync::LazyLock;

use serde::Deserialize;

use super::count::{Counted, StudyCount, StudySurvey, named};
use super::numbers::{ranks_of, whole};
use super::printed::{part, received, registered};
use super::sentences::SEVEN;
use crate::judge::Truth;
use crate::report::asked::ReportSettings;
use crate::report::chart::Chart;
use crate::report::figure::{Axis, Figure, PlottedCurve as Drawn, Slice};
use crate::report::matrix::Matrix;
use crate::report::measure::Measure;
use crate::report::survey::{Survey, SurveyVerdict, verdict_of};
use crate::report::table::{Cell, Table, Tally};

/// A curve of a published figure: shares, 0 to 1, by rank or by the name of a domain.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedCurve {
    figure: u64,
    panel: String,
    #[serde(default)]
    list: Option<String>,
    #[serde(default)]
    measure: String,
    #[serde(default)]
    suite: Option<String>,
    /// Of reading.
    error: f64,
    /// And below some rank.
    error_below: Option<Below>,
    curve: Vec<(String, Option<f64>)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Below {
    rank: u64,
    error: f64,
}

/// The ends of the study's axes.
const RANKS: u64 = 100_000;
const RANKS_OF_SUITES: u64 = 10_000;
/// Places of a curve.
const PLACES: u64 = 250;
/// Largest domains that stand alone in a figure of users.
const ALONE: usize = 10;

pub fn figure_1(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    by_rank_and_users(
        survey,
        asked,
        Table::new("study-figure-1", "Figure 1: TLS by rank and by users", ""),
        1,
        ["with TLS", "without"],
    )
}

pub fn figure_2(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    by_rank_and_users(
        survey,
        asked,
        Table::new(
            "study-figure-2",
            "Figure 2: valid certificates by rank and by users",
            "",
        ),
        2,
        ["valid", "not valid"],
    )
}

const COLUMNS: [(&str, &str); 10] = [
    ("panel", "Panel"),
    ("curve", "Curve"),
    ("at", "Up to"),
    ("yes", "Yes"),
    ("of", "Of"),
    ("unknown", "Unknown"),
    ("ours", "Ours"),
    ("read", "Read off"),
    ("difference", "Difference"),
    ("error", "Error of reading"),
];

/// A row: ours at a place, and what was read there.
fn row(
    panel: &str,
    curve: &str,
    place: &str,
    ours: &Counted,
    read: Option<(f64, f64)>,
) -> Vec<Cell> {
    let difference = (ours.value().zip(read)).map(|(ours, (share, _))| ours - 100.0 * share);
    let percent = |share: f64| Cell::Percent(100.0 * share);
    vec![
        panel.into(),
        curve.into(),
        place.into(),
        whole(ours.yes),
        ours.of.map_or(Cell::Null, whole),
        whole(ours.unknown),
        ours.value().map_or(Cell::Null, Cell::Percent),
        read.map_or(Cell::Null, |(share, _)| percent(share)),
        difference.map_or(Cell::Null, Cell::Difference),
        read.map_or(Cell::Null, |(_, error)| percent(error)),
    ]
}

impl PublishedCurve {
    fn error(&self, rank: u64) -> f64 {
        match &self.error_below {
            Some(below) if rank < below.rank => below.error,
            _ => self.error,
        }
    }
}

fn curves(figure: u64) -> impl Iterator<Item = &'static PublishedCurve> {
    static CURVES: LazyLock<Vec<PublishedCurve>> = LazyLock::new(|| part("figures"));
    CURVES.iter().filter(move |curve| curve.figure == figure)
}

fn by_rank_and_users(
    survey: &Survey,
    asked: &ReportSettings,
    table: Table,
    figure: u64,
    labels: [&str; 2],
) -> rusqlite::Result<Table> {
    let census = StudySurvey::new(survey, asked)?;
    let mut table = table.columns(COLUMNS);
    table.note = format!(
        "Shares of the first N domains, and of the users at the N largest of each list. Circles are read off the published \
         images; the difference is in points. {}",
        ranks_of(&census)
    );
    let mut figures = Vec::new();
    for curve in curves(figure) {
        let (Some(measure), Some(list)) = (named(&curve.measure), Some(&curve.list)) else {
            continue;
        };
        let read: Vec<(&str, Option<f64>)> = curve
            .curve
            .iter()
            .map(|(place, share)| (&**place, *share))
            .collect();
        let drawn = match list {
            None => ranks(&census, &mut table, curve, measure),
            Some(list) => users(
                &census,
                &mut table,
                (&curve.panel, curve.error),
                list,
                measure,
                &read,
            )?,
        };
        figures.extend(drawn);
    }
    // Lists that the study drew nothing of.
    let panels = curves(figure).filter_map(|curve| curve.list.as_deref());
    let known: Vec<&str> = panels.collect();
    for list in census.lists() {
        let measure = curves(figure).find_map(|curve| named(&curve.measure));
        if let Some(measure) = measure.filter(|_| !known.contains(&list)) {
            let panel = format!("{list}: {}", measure.label);
            figures.extend(users(
                &census,
                &mut table,
                (&panel, 0.0),
                list,
                measure,
                &[],
            )?);
        }
    }
    for figure in &mut figures {
        complement(figure, labels);
    }
    table.chart = Some(Chart::Figures(figures));
    Ok(table)
}

/// The study draws both answers; they add to one.
fn complement(figure: &mut Figure, [yes, no]: [&str; 2]) {
    let Some(curve) = figure.curves.first_mut() else {
        return;
    };
    curve.label = yes.to_owned();
    let rest = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points
            .iter()
            .map(|(x, percent)| (*x, 100.0 - percent))
            .collect()
    };
    let other = Drawn {
        label: no.to_owned(),
        points: rest(&curve.points),
        read: rest(&curve.read),
    };
    figure.curves.push(other);
}

fn ranks(
    census: &StudySurvey<'_>,
    table: &mut Table,
    curve: &PublishedCurve,
    measure: &Measure,
) -> Option<Figure> {
    let last = u64::from(census.by_rank().last()?.rank).min(RANKS);
    let running = Running::new(census, last, |verdict| measure.truth(verdict, census.rule));
    let up_to = |rank| running.up_to(rank);
    let mut read = Vec::new();
    for (place, share) in &curve.curve {
        let rank: u64 = place.parse().unwrap_or(0);
        if rank <= last {
            let error = curve.error(rank);
            let ours = up_to(rank).into();
            table.row(row(
                &curve.panel,
                measure.label,
                place,
                &ours,
                share.map(|share| (share, error)),
            ));
            read.extend(share.map(|share| (rank as f64, 100.0 * share)));
        }
    }
    Some(Figure {
        title: curve.panel.clone(),
        x: "Rank".to_owned(),
        axis: Axis::Linear(last as f64),
        curves: vec![Drawn {
            label: String::new(),
            points: places(last, |rank| up_to(rank).percent()),
            read,
        }],
    })
}

/// A tally that grows along the ranks: any place of a curve after one pass.
struct Running(Vec<(u64, Tally)>);

impl Running {
    fn new(
        census: &StudySurvey<'_>,
        last: u64,
        truth: impl Fn(&SurveyVerdict) -> Option<Truth>,
    ) -> Self {
        let mut tally = Tally::default();
        let entries = census
            .by_rank()
            .map(|entry| (u64::from(entry.rank), entry.domain));
        let up_to_last = entries.take_while(|(rank, _)| *rank <= last);
        let tallies = up_to_last.map(|(rank, domain)| {
            if let Some(truth) = truth(&verdict_of(census.verdicts, domain)) {
                tally.add(truth, 1);
            }
            (rank, tally)
        });
        Self(tallies.collect())
    }

    fn up_to(&self, rank: u64) -> Tally {
        let behind = self.0.partition_point(|(at, _)| *at <= rank);
        let last = behind.checked_sub(1);
        last.map(|last| self.0[last].1).unwrap_or_default()
    }
}

/// Values along the ranks.
fn places(last: u64, percent: impl Fn(u64) -> Option<f64>) -> Vec<(f64, f64)> {
    let mut ranks: Vec<u64> = (1..=PLACES)
        .map(|nth| (last * nth).div_ceil(PLACES))
        .collect();
    ranks.dedup();
    ranks
        .into_iter()
        .filter_map(|rank| Some((rank as f64, percent(rank)?)))
        .collect()
}

fn users(
    census: &StudySurvey<'_>,
    table: &mut Table,
    (panel, error): (&str, f64),
    list: &str,
    measure: &Measure,
    read: &[(&str, Option<f64>)],
) -> rusqlite::Result<Option<Figure>> {
    let largest = census.largest(list, false);
    if largest.is_empty() {
        return Ok(None);
    }
    let mut names = Vec::new();
    for &(row, _) in largest.iter().take(ALONE) {
        names.push(census.survey.name(row)?);
    }
    names.push("Other".to_owned());
    let (mut points, mut seen) = (Vec::new(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        let first = (place + 1 < names.len()).then_some(place + 1);
        let ours = Counted::from(census.users(list, measure, first));
        // The published curve is by place; its name stands beside ours if it is another's.
        let read = read.get(place);
        let label = match read {
            Some((theirs, _)) if theirs != name => format!("{name} (2014: {theirs})"),
            _ => name.clone(),
        };
        let share = read.and_then(|(_, share)| *share);
        table.row(row(
            panel,
            measure.label,
            &label,
            &ours,
            share.map(|share| (share, error)),
        ));
        points.extend(ours.value().map(|percent| (place as f64, percent)));
        seen.extend(share.map(|share| (place as f64, 100.0 * share)));
    }
    Ok(Some(Figure {
        title: panel.to_owned(),
        x: "Users at the largest domains, added up from the left".to_owned(),
        axis: Axis::Names(names),
        curves: vec![Drawn {
            label: String::new(),
            points,
            read: seen,
        }],
    }))
}

pub fn figure_3(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let census = StudySurvey::new(survey, asked)?;
    let mut table = Table::new(
        "study-figure-3",
        "Figure 3: ciphers by rank",
        format!(
            "Of the first N domains those with TLS, by the suite that the server chose. Circles are read off the published \
             image; the difference is in points. {}",
            ranks_of(&census)
        ),
    )
    .columns(COLUMNS);
    let last = census
        .by_rank()
        .last()
        .map_or(0, |entry| u64::from(entry.rank));
    let last = last.min(RANKS_OF_SUITES);
    let mut drawn = Vec::new();
    for (suite, curve) in suites(&census, 3) {
        let running = Running::new(&census, last, |verdict| {
            (verdict.tls != 0).then(|| Some(census.suite(verdict) == Some(suite)).into())
        });
        let up_to = |rank| Counted::from(running.up_to(rank));
        let read: Vec<(u64, Option<f64>)> = match curve {
            Some(curve) => (curve.curve.iter())
                .map(|(place, share)| (place.parse().unwrap_or(0), *share))
                .collect(),
            None => vec![(last, None)],
        };
        let mut seen = Vec::new();
        for (rank, share) in read.into_iter().filter(|(rank, _)| *rank <= last) {
            let read = share.zip(curve.map(|curve| curve.error(rank)));
            table.row(row(
                "Cipher by server",
                suite,
                &rank.to_string(),
                &up_to(rank),
                read,
            ));
            seen.extend(share.map(|share| (rank as f64, 100.0 * share)));
        }
        drawn.push(Drawn {
            label: suite.to_owned(),
            points: places(last, |rank| up_to(rank).value()),
            read: seen,
        });
    }
    if last > 0 {
        table.chart = Some(Chart::Figures(vec![Figure {
            title: String::new(),
            x: "Rank".to_owned(),
            axis: Axis::Linear(last as f64),
            curves: drawn,
        }]));
    }
    Ok(table)
}

/// The suites of a figure: those that the study drew, and others that a server chose.
fn suites<'a>(
    census: &'a StudySurvey<'_>,
    figure: u64,
) -> Vec<(&'a str, Option<&'static PublishedCurve>)> {
    let known = || curves(figure).filter_map(|curve| Some((curve.suite.as_deref()?, curve)));
    let ours = census.suites();
    let chosen = |suite: &str| ours.iter().any(|(ours, _)| *ours == suite);
    let drawn = known()
        .filter(|(suite, _)| chosen(suite))
        .map(|(suite, curve)| (suite, Some(curve)));
    let others = ours
        .iter()
        .filter(|(suite, _)| known().all(|(other, _)| other != *suite))
        .map(|(suite, _)| (*suite, None));
    drawn.chain(others).take(16).collect()
}

pub fn figure_4(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let census = StudySurvey::new(survey, asked)?;
    let mut table = Table::new(
        "study-figure-4",
        "Figure 4: the cipher pie",
        "Of the first 10,000 domains those with TLS, by the suite that the server chose: the pie is figure 3 at rank 10,000. \
         Beside it what was measured on the published pie.",
    )
    .columns(COLUMNS);
    let mut slices = Vec::new();
    for (suite, curve) in suites(&census, 4) {
        let ours = census.with_suite(&[suite.to_owned()], Some(RANKS_OF_SUITES));
        let read = curve.and_then(|curve| Some((curve.curve.first()?.1?, curve.error)));
        table.row(row(
            "Ciphers",
            suite,
            &RANKS_OF_SUITES.to_string(),
            &ours,
            read,
        ));
        slices.extend(ours.value().map(|percent| Slice {
            label: suite.to_owned(),
            percent,
            count: ours.yes as u64,
            before: read.map(|(share, _)| 100.0 * share),
        }));
    }
    if !slices.is_empty() {
        table.chart = Some(Chart::Pie(slices));
    }
    Ok(table)
}

pub fn figure_5(survey: &Survey, asked: &ReportSettings) -> rusqlite::Result<Table> {
    let census = StudySurvey::new(survey, asked)?;
    let mut table = Table::new(
        "study-figure-5",
        "Figure 5: overall, by domain",
        "All domains that answered. Beside ours the heights that were read off the published bars.",
    )
    .columns(COLUMNS);
    let mut bars = Vec::new();
    for curve in curves(5) {
        let ours = census.count(&StudyCount::Domains {
            measure: curve.measure.clone(),
            first: None,
            beyond: None,
        })?;
        let label = named(&curve.measure).map_or("", |measure| measure.label);
        let read = curve.curve.first().and_then(|(_, share)| *share);
        table.row(row(
            "Overall",
            label,
            "all",
            &ours,
            read.map(|share| (share, curve.error)),
        ));
        bars.extend(ours.value().map(|percent| Slice {
            label: label.to_owned(),
            percent,
            count: ours.yes as u64,
            before: read.map(|share| 100.0 * share),
        }));
    }
    if !bars.is_empty() {
        table.chart = Some(Chart::Columns(bars));
    }
    Ok(table)
}

pub fn figure_6(survey: &Survey, _: &ReportSettings) -> rusqlite::Result<Table> {
    let mut table = Table::new(
        "study-figure-6",
        "Figure 6: who sends to whom, and how",
        "By the Received fields that the receivers wrote, as the study drew them between seven providers: the version, else \
         the protocol.",
    )
    .columns([
        ("from", "From"),
        ("to", "To"),
        ("printed", "Printed"),
        ("ours", "Ours"),
        ("encrypted", "Encrypted"),
        ("yes", "Encrypted hops"),
        ("of", "Of"),
        ("same", "Same"),
    ]);
    let matrix = Matrix::read(&survey.connection, usize::MAX)?;
    for from in SEVEN {
        for to in SEVEN.into_iter().filter(|to| *to != from) {
            let (sender, receiver) = (registered(from), registered(to));
            let printed = received(sender, receiver);
            let hops = matrix.hops(sender, receiver);
            table.row([
                Cell::from(from),
                to.into(),
                printed.into(),
                Cell::text(hops.map(|hops| hops.strongest.as_str())),
                Cell::text(hops.map(|hops| hops.verdict().word())),
                hops.map(|hops| hops.yes).into(),
                hops.map(|hops| hops.count()).into(),
                Cell::text(
                    hops.map(|hops| match Some(hops.strongest.as_str()) == printed {
                        true => "yes",
                        false => "no",
                    }),
                ),
            ]);
        }
    }
    let drawn = Matrix::read(&survey.connection, SEVEN.len())?;
    if !drawn.senders.is_empty() {
        table.chart = Some(Chart::Matrix(drawn));
    }
    Ok(table)
}
