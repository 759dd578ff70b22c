//! A table: what every question answers with, whatever the format.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;

use super::chart::Chart;
pub use super::number::thousands;
pub use super::tally::Tally;

/// A table with its heading.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// The question's name.
    pub name: &'static str,
    /// Its heading.
    pub title: String,
    /// What is counted, by which rule, in a sentence or two.
    pub note: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// More rows behind them.
    pub long: Option<Long>,
    /// The picture of it.
    pub chart: Option<Chart>,
}

/// Rows that are too many to be kept: each is made when it is written.
#[derive(Clone)]
pub struct Long {
    count: usize,
    make: Rc<dyn Fn(usize) -> Vec<Cell>>,
}

impl Long {
    /// So many rows, made by their number.
    pub fn new(count: usize, make: impl Fn(usize) -> Vec<Cell> + 'static) -> Self {
        Self {
            count,
            make: Rc::new(make),
        }
    }
}

impl fmt::Debug for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows", self.count)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The key in JSON and the heading in CSV.
    pub key: String,
    /// The heading for people.
    pub label: String,
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to say.
    Null,
    /// Text, maybe from the network.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number of domains that is a sum of fractions.
    Fraction(f64),
    /// A percentage, 0 to 100.
    Percent(f64),
    /// Ours less another's, in points or in whole numbers.
    Difference(f64),
}

impl Cell {
    /// Text, or nothing.
    pub fn text(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }

    /// `part` of `whole` in percent; nothing of nothing.
    pub fn share(part: f64, whole: f64) -> Self {
        if whole > 0.0 {
            Self::Percent(100.0 * part / whole)
        } else {
            Self::Null
        }
    }

    /// Whether it is set flush right.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Null | Self::Text(_))
    }

    /// For people: thousands apart, two decimals and a sign for percentages.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => thousands(*count),
            Self::Fraction(number) => {
                let tenths = (number * 10.0).round() as u64;
                format!("{}.{}", thousands(tenths / 10), tenths % 10)
            }
            Self::Percent(percent) => format!("{percent:.2} %"),
            Self::Difference(by) if by.abs() < 0.0005 => "0".to_owned(),
            Self::Difference(by) if by.fract() == 0.0 => {
                let sign = if *by < 0.0 { '-' } else { '+' };
                format!("{sign}{}", thousands(by.abs() as u64))
            }
            Self::Difference(by) => format!("{by:+.3}"),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl Table {
    /// An empty table.
    pub fn new(name: &'static str, title: impl Into<String>, note: impl Into<String>) -> Self {
        Self {
            name,
            title: title.into(),
            note: note.into(),
            ..Self::default()
        }
    }

    /// Adds columns, each a key and a heading.
    pub fn columns<'a>(mut self, columns: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.columns
            .extend(columns.into_iter().map(|(key, label)| Column {
                key: key.to_owned(),
                label: label.to_owned(),
            }));
        self
    }

    /// Adds a column.
    pub fn column(&mut self, key: impl Into<String>, label: impl Into<String>) {
        self.columns.push(Column {
            key: key.into(),
            label: label.into(),
        });
    }

    /// Adds the columns of the users in a counted list: their number and its percentage.
    pub fn columns_of_users(&mut self, source: &str) {
        self.column(format!("users_{source}"), format!("Users: {source}"));
        self.column(format!("users_{source}_percent"), "Percent");
    }

    /// The domains that it names: cells of the columns `domain` and `such_as`.
    pub fn domains(&self) -> impl Iterator<Item = String> {
        let named = |column: &Column| matches!(column.key.as_str(), "domain" | "such_as");
        self.each_row().flat_map(move |row| {
            let cells = self.columns.iter().zip(row.iter());
            let named = cells.filter(|(column, _)| named(column));
            let texts = named.filter_map(|(_, cell)| match cell {
                Cell::Text(text) => Some(text.clone()),
                _ => None,
            });
            texts.collect::<Vec<_>>()
        })
    }

    /// Every row, in order.
    pub fn each_row(&self) -> impl Iterator<Item = Cow<'_, [Cell]>> {
        let kept = self.rows.iter().map(|row| Cow::Borrowed(row.as_slice()));
        let made = self.long.iter().flat_map(|long| {
            let make = &long.make;
            (0..long.count).map(move |at| Cow::Owned(make(at)))
        });
        kept.chain(made)
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.each_row().next().is_none()
    }

    /// Which columns are numbers.
    pub fn numeric(&self) -> Vec<bool> {
        let mut numeric = vec![false; self.columns.len()];
        for row in self.each_row() {
            for (numeric, cell) in numeric.iter_mut().zip(row.iter()) {
                *numeric |= cell.is_number();
            }
        }
        numeric
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let row: Vec<Cell> = cells.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.name);
        self.rows.push(row);
    }
}

/// The columns of a [`Tally`].
pub const TALLY: [(&str, &str); 8] = [
    ("percent", "Percent"),
    ("yes", "Yes"),
    ("of", "Of"),
    ("no", "No"),
    ("mixed", "Mixed"),
    ("unknown", "Unknown"),
    ("at_least", "At least"),
    ("at_most", "At most"),
];

impl Tally {
    /// The cells of [`TALLY`].
    pub fn cells(&self) -> [Cell; 8] {
        let percent = |value: Option<f64>| value.map_or(Cell::Null, Cell::Percent);
        let bounds = self.bounds();
        [
            percent(self.percent()),
            self.yes.into(),
            self.decided().into(),
            self.no.into(),
            self.mixed.into(),
            self.unknown.into(),
            percent(bounds.map(|bounds| bounds.0)),
            percent(bounds.map(|bounds| bounds.1)),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!(Cell::Fraction(1234.56).shown(), "1,234.6");
        for (by, text) in [
            (-0.0001, "0"),
            (1.5, "+1.500"),
            (-0.064, "-0.064"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(Cell::Difference(by).shown(), text);
        }
    }
}
