//! A percentage over surveys as a small chart: the line is yes of what was learned, the band behind it reaches from what it would
//! be if every unknown were a no to what it would be if every unknown were a yes.

use maud::{Markup, html};

use super::number::thousands;
use super::tally::Tally;
use crate::store::printable;

/// A measure over surveys.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// What it is.
    pub title: String,
    /// Surveys in their order: what each is called, and what was counted.
    pub points: Vec<(String, Tally)>,
}

/// Pixels of the plot, and of what stands above and below it.
const PLOT: u32 = 130;
const ABOVE: u32 = 36;
const BELOW: u32 = 24;

/// Draws it: its height and its body.
pub fn timeline(timeline: &Timeline) -> (u32, Markup) {
    let points = &timeline.points;
    let across = |at: usize| match points.len() {
        0 | 1 => 0.5,
        all => at as f64 / (all - 1) as f64,
    };
    let high = |percent: f64| f64::from(PLOT) * (1.0 - percent / 100.0);
    let down = |percent: f64| f64::from(ABOVE) + high(percent);
    let last = points.last().map(|(_, tally)| tally.headline());
    let body = html! {
        text x="0" y="12" { "yes, of what was learned" }
        text x="100%" y="12" class="value" { (last.unwrap_or_default()) }
        @for percent in [0, 50, 100] {
            @let y = down(f64::from(percent));
            line class="grid" x1="0" x2="100%" y1=(y) y2=(y) {}
            text class="tick" x="2" y=(y - 3.0) { (percent) " %" }
        }
        // Stretched to the width: strokes keep theirs.
        svg x="0" y=(ABOVE) width="100%" height=(PLOT) viewBox=(format!("0 0 1000 {PLOT}")) preserveAspectRatio="none" {
            @for band in bands(points, &across, &high) { polygon class="unlearned" points=(band) {} }
            @for line in lines(points, &across, &high) { polyline class="curve c0" points=(line) {} }
        }
        @for (at, (name, tally)) in points.iter().enumerate() {
            @if let Some(percent) = tally.percent() {
                circle class="survey" cx=(format!("{:.3}%", 100.0 * across(at))) cy=(format!("{:.1}", down(percent))) r="3.5" {
                    title { (printable(name)) ": " (told(tally)) }
                }
            }
        }
        @for (at, class) in ends(points.len()) {
            text class=(class) x=(format!("{:.3}%", 100.0 * across(at))) y=(ABOVE + PLOT + 16) { (printable(&points[at].0)) }
        }
    };
    let height = ABOVE + PLOT + BELOW;
    (if points.is_empty() { 0 } else { height }, body)
}

/// The percentage of what was learned.
fn shown(tally: &Tally) -> String {
    tally
        .percent()
        .map_or("unknown".to_owned(), |percent| format!("{percent:.2} %"))
}

fn told(tally: &Tally) -> String {
    let mut text = format!(
        "{}, {} of {}",
        shown(tally),
        thousands(tally.yes),
        thousands(tally.decided())
    );
    if tally.unknown > 0 {
        text += &format!(", {} unknown", thousands(tally.unknown));
    }
    text
}

/// The first and the last survey are named under the axis.
fn ends(count: usize) -> Vec<(usize, &'static str)> {
    match count {
        0 => Vec::new(),
        1 => vec![(0, "tick middle")],
        _ => vec![(0, "tick"), (count - 1, "tick end")],
    }
}

/// Bands of neighbours of which something is known or unknown at all.
fn bands(
    points: &[(String, Tally)],
    across: &impl Fn(usize) -> f64,
    high: &impl Fn(f64) -> f64,
) -> Vec<String> {
    let bounds: Vec<Option<(f64, f64)>> = points.iter().map(|(_, tally)| tally.bounds()).collect();
    let runs = runs(&bounds);
    let place =
        |at: usize, percent: f64| format!("{:.1},{:.1} ", 1000.0 * across(at), high(percent));
    let band = |run: Vec<(usize, (f64, f64))>| {
        let above = run.iter().map(|(at, (_, most))| place(*at, *most));
        let below = run.iter().rev().map(|(at, (least, _))| place(*at, *least));
        above.chain(below).collect::<String>()
    };
    runs.into_iter().map(band).collect()
}

/// Lines through neighbours with a percentage.
fn lines(
    points: &[(String, Tally)],
    across: &impl Fn(usize) -> f64,
    high: &impl Fn(f64) -> f64,
) -> Vec<String> {
    let percents: Vec<Option<f64>> = points.iter().map(|(_, tally)| tally.percent()).collect();
    let line = |run: Vec<(usize, f64)>| {
        run.iter()
            .map(|(at, percent)| format!("{:.1},{:.1} ", 1000.0 * across(*at), high(*percent)))
            .collect::<String>()
    };
    runs(&percents).into_iter().map(line).collect()
}

/// What is there, in runs of neighbours, each with its place.
fn runs<T: Copy>(values: &[Option<T>]) -> Vec<Vec<(usize, T)>> {
    let mut runs: Vec<Vec<(usize, T)>> = Vec::new();
    let mut is_open = false;
    for (at, value) in values.iter().enumerate() {
        match (value, is_open) {
            (None, _) => is_open = false,
            (Some(value), true) => {
                if let Some(run) = runs.last_mut() {
                    run.push((at, *value));
                }
            }
            (Some(value), false) => {
                runs.push(vec![(at, *value)]);
                is_open = true;
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survey_that_learned_nothing_breaks_the_line() {
        assert_eq!(
            runs(&[Some(1), Some(2), None, Some(3)]),
            [vec![(0, 1), (1, 2)], vec![(3, 3)]]
        );
        assert_eq!(runs::<u8>(&[None]), Vec::<Vec<(usize, u8)>>::new());
        let tally = |yes, no, unknown| Tally {
            yes,
            no,
            unknown,
            ..Tally::default()
        };
        let points = vec![
            ("a".to_owned(), tally(1, 1, 0)),
            ("b".to_owned(), tally(0, 0, 2)),
            ("c".to_owned(), tally(1, 1, 2)),
        ];
        let high = |percent: f64| percent;
        let across = |at: usize| at as f64 / 2.0;
        assert_eq!(lines(&points, &across, &high).len(), 2);
        assert_eq!(
            bands(&points, &across, &high),
            ["0.0,50.0 500.0,100.0 1000.0,75.0 1000.0,25.0 500.0,0.0 0.0,50.0 "]
        );
    }
}
