//! Charts as SVG: stacked bars, bars and lines, with their values in titles that show on hover.

use maud::{Markup, PreEscaped, html};

use super::figure::{self, Figure, Slice};
use super::matrix::Matrix;
use super::number::thousands;
use super::tally::Tally;
use super::timeline::{Timeline, timeline};
use crate::judge::Truth;
use crate::store::printable;

/// What a table looks like.
#[derive(Clone, Debug)]
pub enum Chart {
    /// Yes, mixed, no, unknown on one bar each.
    Stacks(Vec<Stack>),
    /// Lengths.
    Bars {
        /// What the lengths are.
        unit: &'static str,
        /// From above.
        bars: Vec<Bar>,
    },
    /// Percentages over a logarithmic axis.
    Lines {
        /// What the axis says.
        x: String,
        /// The curves.
        lines: Vec<ChartLine>,
        /// Single values of before: place, percent, what it is.
        points: Vec<(f64, f64, String)>,
    },
    /// Curves as a paper draws them.
    Figures(Vec<Figure>),
    /// Slices of a whole.
    Pie(Vec<Slice>),
    /// Upright bars.
    Columns(Vec<Slice>),
    /// Senders against receivers.
    Matrix(Matrix),
    /// Percentages over surveys.
    Timelines(Vec<Timeline>),
}

/// A stacked bar.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Bars of a group stand together.
    pub group: String,
    /// What the bar is.
    pub label: String,
    /// Its parts.
    pub tally: Tally,
    /// The percentage of 2014.
    pub before: Option<f64>,
}

/// A bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Bars of a group stand together.
    pub group: String,
    /// What the bar is.
    pub label: String,
    /// Its length.
    pub value: f64,
    /// The count behind it.
    pub count: u64,
    /// The value of 2014.
    pub before: Option<f64>,
    /// Its colour, where it stands for a yes or no.
    pub truth: Option<Truth>,
}

/// A curve.
#[derive(Clone, Debug)]
pub struct ChartLine {
    /// Curves of a group share a plot.
    pub group: String,
    /// What it is.
    pub label: String,
    /// Place and tally, in order of place.
    pub points: Vec<(f64, Tally)>,
}

impl ChartLine {
    /// A curve through points.
    pub fn new(group: String, label: &str, points: Vec<(f64, Tally)>) -> Self {
        Self {
            group,
            label: label.to_owned(),
            points,
        }
    }

    /// The places of which something was learned, with their percentage.
    fn percents(&self) -> impl Iterator<Item = (f64, f64)> {
        let points = self.points.iter();
        points.filter_map(|(x, tally)| Some((*x, tally.percent()?)))
    }
}

/// A part of a chart that is drawn by itself: the page sets them side by side, a file one above the other.
pub struct Panel {
    /// Its heading.
    pub title: String,
    /// Its height in pixels; its width is that of its place.
    pub height: u32,
    /// What is in it. Places across are in percent, so that text keeps its size at any width.
    pub body: Markup,
}

impl Chart {
    /// The parts.
    pub fn panels(&self) -> Vec<Panel> {
        match self {
            Self::Stacks(stacks) => grouped(stacks, |stack| &stack.group, stacked),
            Self::Bars { unit, bars } => {
                let longest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
                grouped(bars, |bar| &bar.group, |bars| plain(bars, unit, longest))
            }
            Self::Lines { x, lines, points } => {
                grouped(lines, |line| &line.group, |lines| curves(x, lines, points))
            }
            Self::Figures(figures) => figures
                .iter()
                .map(|figure| panel(&figure.title, figure::plot(figure)))
                .collect(),
            Self::Pie(slices) => vec![panel("", figure::pie(slices))],
            Self::Columns(slices) => vec![panel("", figure::columns(slices))],
            Self::Matrix(matrix) => vec![panel("", matrix.draw())],
            Self::Timelines(timelines) => timelines
                .iter()
                .map(|it| panel(&it.title, timeline(it)))
                .collect(),
        }
        .into_iter()
        .filter(|panel| panel.height > 0)
        .collect()
    }

    /// A file of its own.
    pub fn file(&self, title: &str) -> String {
        const WIDTH: u32 = 720;
        const MARGIN: u32 = 20;
        let panels = self.panels();
        let mut y = MARGIN + 34;
        let mut placed = Vec::new();
        for panel in &panels {
            placed.push((y, panel));
            y += panel.height + 44;
        }
        html! {
            svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(y) viewBox=(format!("0 0 {WIDTH} {y}")) role="img" {
                title { (title) }
                style { (PreEscaped(STYLE)) }
                rect width="100%" height="100%" class="paper" {}
                text x=(MARGIN) y=(MARGIN + 14) class="title" { (title) }
                @for (y, panel) in placed {
                    text x=(MARGIN) y=(y + 14) class="group" { (printable(&panel.title)) }
                    svg x=(MARGIN) y=(y + 24) width=(WIDTH - 2 * MARGIN) height=(panel.height) { (panel.body) }
                }
            }
        }
        .into_string()
    }
}

/// Colours and type of the charts, for light and dark.
pub const STYLE: &str = include_str!("chart.css");

fn grouped<T>(
    items: &[T],
    group: impl Fn(&T) -> &String,
    draw: impl Fn(&[T]) -> (u32, Markup),
) -> Vec<Panel> {
    items
        .chunk_by(|a, b| group(a) == group(b))
        .map(|items| {
            let title = items.first().map(|item| group(item).as_str());
            panel(title.unwrap_or_default(), draw(items))
        })
        .collect()
}

fn panel(title: &str, (height, body): (u32, Markup)) -> Panel {
    Panel {
        title: title.to_owned(),
        height,
        body,
    }
}

/// Pixels from bar to bar, and where the bar begins in them.
const STEP: u32 = 40;
const BAR: u32 = 19;
const THICK: u32 = 11;
/// Pixels of the strip that stands for the unknown.
const THIN: u32 = 3;

fn stacked(stacks: &[Stack]) -> (u32, Markup) {
    let body = html! {
        @for (at, stack) in stacks.iter().enumerate() {
            @let y = at as u32 * STEP;
            @let tally = &stack.tally;
            @let label = printable(&stack.label);
            text x="0" y=(y + 13) { (label) }
            text x="100%" y=(y + 13) class="value" {
                @match tally.percent() { Some(percent) => (format!("{percent:.2} %")), None => "unknown" }
            }
            // The bar is as long as the number beside it: of what was learned.
            @for part in learned(tally) {
                rect class=(part.class) x=(percent_of(part.from)) width=(percent_of(part.width)) y=(y + BAR) height=(THICK) {
                    title { (format!("{label}: {} {} of {}", part.class, thousands(part.count), thousands(tally.decided()))) }
                }
            }
            // What was not learned stands under it, as a part of all.
            @if tally.unknown > 0 {
                @let all = tally.decided() + tally.unknown;
                rect class="unknown" x="0" width=(percent_of(tally.unknown as f64 / all as f64)) y=(y + BAR + THICK + 1) height=(THIN) {
                    title { (format!("{label}: unknown {} of {}", thousands(tally.unknown), thousands(all))) }
                }
            }
            @if let Some(before) = stack.before {
                @let place = percent_of(before / 100.0);
                line class="before" x1=(place) x2=(place) y1=(y + BAR - 4) y2=(y + BAR + THICK + 4) {
                    title { (format!("2014: {before:.2} %")) }
                }
            }
        }
    };
    (stacks.len() as u32 * STEP, body)
}

/// A part of a stacked bar, as fractions of its width.
struct Part {
    class: &'static str,
    count: u64,
    from: f64,
    width: f64,
}

/// Yes, mixed and no of what was learned; they fill the bar.
fn learned(tally: &Tally) -> impl Iterator<Item = Part> {
    let of = tally.decided().max(1) as f64;
    let mut before = 0;
    [("yes", tally.yes), ("mixed", tally.mixed), ("no", tally.no)]
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(move |(class, count)| {
            let from = before as f64 / of;
            before += count;
            Part {
                class,
                count,
                from,
                width: count as f64 / of,
            }
        })
}

fn plain(bars: &[Bar], unit: &str, longest: f64) -> (u32, Markup) {
    let longest = if longest > 0.0 { longest } else { 1.0 };
    let body = html! {
        @for (at, bar) in bars.iter().enumerate() {
            @let y = at as u32 * STEP;
            @let class = bar.truth.map_or("plain", Truth::word);
            text x="0" y=(y + 13) { (printable(&bar.label)) }
            text x="100%" y=(y + 13) class="value" {
                @if unit.starts_with('%') { (format!("{:.2} %", bar.value)) } @else { (thousands(bar.count)) }
            }
            rect class=(class) x="0" width=(percent_of(bar.value / longest)) y=(y + BAR) height=(THICK) {
                title {
                    (printable(&bar.label)) ": " (format!("{:.2} {unit}", bar.value)) ", " (thousands(bar.count))
                    @if let Some(truth) = bar.truth { ", TLS: " (truth.word()) }
                }
            }
            @if let Some(before) = bar.before {
                @let place = percent_of((before / longest).min(1.0));
                line class="before" x1=(place) x2=(place) y1=(y + BAR - 4) y2=(y + BAR + THICK + 4) {
                    title { (format!("2014: {before:.2} %")) }
                }
            }
        }
    };
    (bars.len() as u32 * STEP, body)
}

/// Pixels of a plot of curves, and of a line of its legend.
const PLOT: u32 = 280;
const LEGEND: u32 = 20;

fn curves(x: &str, lines: &[ChartLine], points: &[(f64, f64, String)]) -> (u32, Markup) {
    let last = lines
        .iter()
        .filter_map(|line| line.points.last())
        .map(|point| point.0)
        .fold(10.0, f64::max);
    let plot = CurvePlot {
        last,
        top: lines.len() as u32 * LEGEND + 14,
    };
    let body = html! {
        (legend(lines))
        (plot.grid(x))
        (plot.strokes(lines))
        @for (at, line) in lines.iter().enumerate() {
            (plot.dots(at, line))
        }
        @for (x, percent, label) in points.iter().filter(|(x, ..)| *x <= last) {
            circle class="before" cx=(plot.across(*x)) cy=(plot.dot(*percent)) r="4.5" {
                title { (format!("{label}: {percent:.2} %")) }
            }
        }
    };
    let is_drawn = lines.iter().any(|line| line.points.len() > 1);
    (if is_drawn { plot.top + PLOT + 42 } else { 0 }, body)
}

/// A line for each curve: what it is, and where it ends.
fn legend(lines: &[ChartLine]) -> Markup {
    html! {
        @for (at, line) in lines.iter().enumerate() {
            @let y = at as u32 * LEGEND;
            line class=(format!("curve c{}", at % 8)) x1="0" x2="24" y1=(y + 9) y2=(y + 9) {}
            text x="32" y=(y + 13) { (printable(&line.label)) }
            @if let Some((_, percent)) = line.percents().last() {
                text x="100%" y=(y + 13) class="value" { (format!("{percent:.2} %")) }
            }
        }
    }
}

/// The plane of curves: a logarithmic axis across, percent upwards.
struct CurvePlot {
    /// Where the axis ends.
    last: f64,
    /// Pixels above it.
    top: u32,
}

impl CurvePlot {
    /// How far along the axis, 0 to 1.
    fn part(&self, x: f64) -> f64 {
        (x.max(1.0).log10() / self.last.log10()).min(1.0)
    }

    /// The same as a length of SVG.
    fn across(&self, x: f64) -> String {
        percent_of(self.part(x))
    }

    /// Pixels from above.
    fn down(&self, percent: f64) -> f64 {
        f64::from(self.top) + f64::from(PLOT) * (1.0 - percent / 100.0)
    }

    /// The same for the middle of a dot.
    fn dot(&self, percent: f64) -> String {
        format!("{:.1}", self.down(percent))
    }

    /// Lines at every twenty percent and every power of ten, and what the axis says.
    fn grid(&self, x: &str) -> Markup {
        let top = self.top;
        html! {
            @for percent in [0, 20, 40, 60, 80, 100] {
                @let y = self.down(f64::from(percent));
                line class="grid" x1="0" x2="100%" y1=(y) y2=(y) {}
                text class="tick" x="2" y=(y - 4.0) { (percent) " %" }
            }
            @for power in 0..=(self.last.log10().floor() as u32) {
                @let mark = 10u64.pow(power);
                @let place = self.across(mark as f64);
                line class="grid" x1=(place) x2=(place) y1=(top) y2=(top + PLOT + 5) {}
                text class=(if power == 0 { "tick" } else { "tick middle" }) x=(place) y=(top + PLOT + 18) { (thousands(mark)) }
            }
            text class="tick end" x="100%" y=(top + PLOT + 36) { (x) }
        }
    }

    /// The curves, stretched to the width: strokes keep theirs.
    fn strokes(&self, lines: &[ChartLine]) -> Markup {
        let place = |(x, percent): (f64, f64)| {
            let down = f64::from(PLOT) * (1.0 - percent / 100.0);
            format!("{:.1},{down:.1} ", 1000.0 * self.part(x))
        };
        html! {
            svg x="0" y=(self.top) width="100%" height=(PLOT) viewBox=(format!("0 0 1000 {PLOT}")) preserveAspectRatio="none" {
                @for (at, line) in lines.iter().enumerate() {
                    polyline class=(format!("curve c{}", at % 8)) points=(line.percents().map(place).collect::<String>()) {}
                }
            }
        }
    }

    /// The places of a curve, each with its numbers in a title.
    fn dots(&self, at: usize, line: &ChartLine) -> Markup {
        html! {
            @for (x, tally) in &line.points {
                @if let Some(percent) = tally.percent() {
                    circle class=(format!("point c{}", at % 8)) cx=(self.across(*x)) cy=(self.dot(percent)) r="5" {
                        title {
                            (format!("{}: {percent:.2} %, {} of {} at {}", printable(&line.label), thousands(tally.yes), thousands(tally.decided()), thousands(*x as u64)))
                            @if tally.unknown > 0 { ", " (thousands(tally.unknown)) " unknown" }
                        }
                    }
                }
            }
        }
    }
}

fn percent_of(part: f64) -> String {
    format!("{:.3}%", 100.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_a_bar_is_as_long_as_the_number_beside_it() {
        let tally = Tally {
            yes: 5,
            no: 2,
            unknown: 2,
            ..Tally::default()
        };
        let yes = learned(&tally).next().unwrap();
        let percent = tally.percent().unwrap();
        assert_eq!(percent_of(yes.width), format!("{percent:.3}%"));
        let whole: f64 = learned(&tally).map(|part| part.width).sum();
        assert!((whole - 1.0).abs() < 1e-9, "{whole}");
        assert_eq!(learned(&Tally::default()).count(), 0);
    }
}
