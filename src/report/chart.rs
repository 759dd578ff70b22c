//! Charts as SVG: stacked bars, bars and lines, with their values in titles that show on hover.

use super::table::Tally;
use crate::store::Truth;

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
        lines: Vec<Line>,
        /// Single values of before: place, percent, what it is.
        points: Vec<(f64, f64, String)>,
    },
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
pub struct Line {
    /// What it is.
    pub label: String,
    /// Place and tally, in order of place.
    pub points: Vec<(f64, Tally)>,
}

impl Line {
    /// A curve through points.
    pub fn new(label: String, points: Vec<(f64, Tally)>) -> Self {
        Self { label, points }
    }
}
