//! Figures as papers draw them: curves over a linear axis or over names, a pie, columns. Beside ours, as circles or
//! lines, what was read off the published ones.

use maud::{Markup, html};

use super::number::thousands;
use crate::store::printable;

/// A plot of curves.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its heading.
    pub title: String,
    /// What the axis says.
    pub x: String,
    /// The axis.
    pub axis: Axis,
    /// The curves.
    pub curves: Vec<PlottedCurve>,
}

/// What lies across.
#[derive(Clone, Debug)]
pub enum Axis {
    /// 0 to so much.
    Linear(f64),
    /// A place for each name.
    Names(Vec<String>),
}

/// A curve.
#[derive(Clone, Debug)]
pub struct PlottedCurve {
    /// What it is.
    pub label: String,
    /// Place and percent, in order of place.
    pub points: Vec<(f64, f64)>,
    /// What was read off the published one.
    pub read: Vec<(f64, f64)>,
}

/// A slice of a pie, or a column.
#[derive(Clone, Debug)]
pub struct Slice {
    /// What it is.
    pub label: String,
    /// Its share.
    pub percent: f64,
    /// The count behind it.
    pub count: u64,
    /// The share as it was published.
    pub before: Option<f64>,
}

/// Pixels of a plot, of a line of its legend, and of a name that stands on end.
const PLOT: u32 = 280;
const LEGEND: u32 = 20;
const NAMES: u32 = 84;

/// A plot: its height and its body.
pub fn plot(figure: &Figure) -> (u32, Markup) {
    let top = figure.curves.len() as u32 * LEGEND + 14;
    let full = figure.full();
    let high = |percent: f64| f64::from(PLOT) * (1.0 - percent / full);
    let down = |percent: f64| f64::from(top) + high(percent);
    let across = |x: f64| match &figure.axis {
        Axis::Linear(last) => (x / last).clamp(0.0, 1.0),
        Axis::Names(names) => (x + 0.5) / names.len().max(1) as f64,
    };
    let body = html! {
        @for (at, curve) in figure.curves.iter().enumerate() {
            @let y = at as u32 * LEGEND;
            line class=(format!("curve c{at}")) x1="0" x2="24" y1=(y + 9) y2=(y + 9) {}
            text x="32" y=(y + 13) { (printable(&curve.label)) }
            @if let Some((_, percent)) = curve.points.last() {
                text x="100%" y=(y + 13) class="value" { (format!("{percent:.2} %")) }
            }
        }
        (shares(full, &down))
        (axis(&figure.axis, top))
        text class="tick end" x="100%" y=(top + PLOT + below(&figure.axis)) { (printable(&figure.x)) }
        // Stretched to the width: strokes keep theirs.
        svg x="0" y=(top) width="100%" height=(PLOT) viewBox=(format!("0 0 1000 {PLOT}")) preserveAspectRatio="none" {
            @for (at, curve) in figure.curves.iter().enumerate() {
                polyline class=(format!("curve c{at}")) points=(curve.points.iter().map(|(x, percent)| {
                    format!("{:.1},{:.1} ", 1000.0 * across(*x), high(*percent))
                }).collect::<String>()) {}
            }
        }
        @for curve in &figure.curves {
            @for (x, percent) in &curve.read {
                circle class="read" cx=(percent_of(across(*x))) cy=(format!("{:.1}", down(*percent))) r="2.5" {
                    title { (printable(&curve.label)) ", read off at " (place(&figure.axis, *x)) (format!(": {percent:.2} %")) }
                }
            }
        }
    };
    let is_drawn = figure.curves.iter().any(|curve| curve.points.len() > 1);
    let height = top + PLOT + below(&figure.axis) + 6;
    (if is_drawn { height } else { 0 }, body)
}

/// Pixels under a plot, to its last line of text.
fn below(axis: &Axis) -> u32 {
    match axis {
        Axis::Linear(_) => 36,
        Axis::Names(_) => NAMES + 26,
    }
}

impl Figure {
    /// The percentage at the top: the next ten above all that is drawn.
    fn full(&self) -> f64 {
        let drawn = self
            .curves
            .iter()
            .flat_map(|curve| curve.points.iter().chain(&curve.read));
        let most = drawn.map(|(_, percent)| *percent).fold(10.0, f64::max);
        ((most / 10.0).ceil() * 10.0).min(100.0)
    }
}

/// The lines of 0, 10 … or 0, 20 … %.
fn shares(full: f64, down: &impl Fn(f64) -> f64) -> Markup {
    let step = if full > 60.0 { 20 } else { 10 };
    html! {
        @for percent in (0..=full as u32).step_by(step) {
            @let y = down(f64::from(percent));
            line class="grid" x1="0" x2="100%" y1=(y) y2=(y) {}
            text class="tick" x="2" y=(y - 4.0) { (percent) " %" }
        }
    }
}

fn axis(axis: &Axis, top: u32) -> Markup {
    html! {
        @match axis {
            Axis::Linear(last) => {
                @for fifth in 0..=5u32 {
                    @let at = f64::from(fifth) / 5.0;
                    @let class = match fifth { 0 => "tick", 5 => "tick end", _ => "tick middle" };
                    line class="grid" x1=(percent_of(at)) x2=(percent_of(at)) y1=(top) y2=(top + PLOT + 5) {}
                    text class=(class) x=(percent_of(at)) y=(top + PLOT + 18) { (thousands((last * at).round() as u64)) }
                }
            }
            Axis::Names(names) => {
                @for (at, name) in names.iter().enumerate() {
                    @let x = percent_of((at as f64 + 0.5) / names.len() as f64);
                    // A place of its own, since what is turned cannot stand at a percentage.
                    svg x=(x) y=(top + PLOT + 8) width="1" height=(NAMES) overflow="visible" {
                        text class="tick" transform="rotate(90)" x="0" y="4" { (printable(name)) }
                    }
                }
            }
        }
    }
}

fn place(axis: &Axis, x: f64) -> String {
    match axis {
        Axis::Linear(_) => thousands(x as u64),
        Axis::Names(names) => names
            .get(x as usize)
            .map(|name| printable(name))
            .unwrap_or_default(),
    }
}

/// A pie with its legend beneath.
pub fn pie(slices: &[Slice]) -> (u32, Markup) {
    const SIZE: u32 = 260;
    let whole: f64 = slices.iter().map(|slice| slice.percent).sum();
    let mut start = 0.0;
    let mut paths = Vec::new();
    for slice in slices {
        let end = start + slice.percent / whole.max(f64::MIN_POSITIVE);
        paths.push(wedge(start, end));
        start = end;
    }
    let body = html! {
        svg x="0" y="0" width=(SIZE) height=(SIZE) viewBox="-101 -101 202 202" {
            @for (at, (slice, path)) in slices.iter().zip(&paths).enumerate() {
                path class=(format!("slice f{}", at % 16)) d=(path) {
                    title { (printable(&slice.label)) (format!(": {:.2} %, {}", slice.percent, thousands(slice.count))) }
                }
            }
        }
        @for (at, slice) in slices.iter().enumerate() {
            @let y = SIZE + 12 + at as u32 * LEGEND;
            rect class=(format!("f{}", at % 16)) x="0" y=(y + 3) width="24" height="11" {}
            text x="32" y=(y + 13) { (printable(&slice.label)) }
            text x="100%" y=(y + 13) class="value" {
                (format!("{:.2} %", slice.percent))
                @if let Some(before) = slice.before { (format!(" (2014: {before:.2})")) }
            }
        }
    };
    (SIZE + 18 + slices.len() as u32 * LEGEND, body)
}

/// A wedge of the circle of radius 100, in turns from the top, clockwise.
fn wedge(start: f64, end: f64) -> String {
    if end - start >= 1.0 - 1e-9 {
        return "M0,-100 A100,100 0 1 1 0,100 A100,100 0 1 1 0,-100 Z".to_owned();
    }
    let on = |turn: f64| {
        let (sine, cosine) = (turn * std::f64::consts::TAU).sin_cos();
        format!("{:.2},{:.2}", 100.0 * sine, -100.0 * cosine)
    };
    let large = u8::from(end - start > 0.5);
    format!("M0,0 L{} A100,100 0 {large} 1 {} Z", on(start), on(end))
}

/// Upright bars, 0 to 100 %.
pub fn columns(slices: &[Slice]) -> (u32, Markup) {
    let top = 14.0;
    let down = |percent: f64| top + f64::from(PLOT) * (1.0 - percent / 100.0);
    let wide = 1.0 / slices.len().max(1) as f64;
    let body = html! {
        (shares(100.0, &down))
        @for (at, slice) in slices.iter().enumerate() {
            @let left = wide * at as f64;
            rect class="plain" x=(percent_of(left + 0.2 * wide)) width=(percent_of(0.6 * wide))
                y=(format!("{:.1}", down(slice.percent))) height=(format!("{:.1}", down(0.0) - down(slice.percent))) {
                title { (printable(&slice.label)) (format!(": {:.2} %, {}", slice.percent, thousands(slice.count))) }
            }
            text class="value middle" x=(percent_of(left + 0.5 * wide)) y=(format!("{:.1}", down(slice.percent) - 6.0)) {
                (format!("{:.2} %", slice.percent))
            }
            text class="tick middle" x=(percent_of(left + 0.5 * wide)) y=(down(0.0) + 18.0) { (printable(&slice.label)) }
            @if let Some(before) = slice.before {
                @let y = format!("{:.1}", down(before));
                line class="before" x1=(percent_of(left + 0.12 * wide)) x2=(percent_of(left + 0.88 * wide)) y1=(y) y2=(y) {
                    title { (format!("2014: {before:.2} %")) }
                }
            }
        }
    };
    (PLOT + 46, body)
}

fn percent_of(part: f64) -> String {
    format!("{:.3}%", 100.0 * part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wedge_goes_clockwise_from_the_top() {
        assert_eq!(
            wedge(0.0, 0.25),
            "M0,0 L0.00,-100.00 A100,100 0 0 1 100.00,-0.00 Z"
        );
        assert!(wedge(0.1, 0.9).contains(" 0 1 1 "));
        assert!(wedge(0.0, 1.0).starts_with("M0,-100 A"));
    }
}
