//! The problems of a survey in order, kept small: some 20 octets for each, and every text once.

use crate::judge::problem::Severity;
use crate::report::words::DistinctTexts;
use crate::store::query::ProblemRow;

/// Problems in an order.
#[derive(Debug, Default)]
pub struct ProblemList {
    rows: Vec<Packed>,
    texts: DistinctTexts,
}

/// A problem, its texts by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Packed {
    domain: u32,
    severity: Severity,
    code: u32,
    place: u32,
    detail: u32,
}

/// The number of no text.
const NONE: u32 = u32::MAX;

/// What problems are sorted by: severity, domain, code, place and detail.
pub(super) type Sorted<'l> = (Severity, u32, (&'l str, Option<&'l str>, Option<&'l str>));

impl ProblemList {
    /// Adds one behind the last.
    pub(super) fn push(&mut self, row: &ProblemRow) {
        let optional = |texts: &mut DistinctTexts, text: &Option<String>| {
            text.as_ref().map_or(NONE, |text| texts.number(text))
        };
        let code = self.texts.number(&row.code);
        let place = optional(&mut self.texts, &row.place);
        let detail = optional(&mut self.texts, &row.detail);
        self.rows.push(Packed {
            domain: row.domain,
            severity: Severity::from_word(&row.severity).unwrap_or(Severity::Notice),
            code,
            place,
            detail,
        });
    }

    fn parts(&self, row: Packed) -> Sorted<'_> {
        let text = |number: u32| (number != NONE).then(|| self.texts.words().get(number as usize));
        let texts = (
            text(row.code).unwrap_or_default(),
            text(row.place),
            text(row.detail),
        );
        (row.severity, row.domain, texts)
    }

    /// Sorts them, and leaves out what stands there twice.
    pub(super) fn put_in_order(
        &mut self,
        order: impl Fn(Sorted<'_>, Sorted<'_>) -> std::cmp::Ordering,
    ) {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_by(|&a, &b| order(self.parts(a), self.parts(b)));
        rows.dedup();
        self.rows = rows;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = ProblemRow> + '_ {
        (0..self.len()).map(|at| {
            let (severity, domain, (code, place, detail)) = self.nth(at);
            ProblemRow {
                domain,
                severity: severity.word().to_owned(),
                code: code.to_owned(),
                place: place.map(str::to_owned),
                detail: detail.map(str::to_owned),
            }
        })
    }

    /// The one with this number, from 0.
    pub(super) fn nth(&self, number: usize) -> Sorted<'_> {
        self.parts(self.rows[number])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order_and_once() {
        let row = |domain: u32, severity: &str, place: Option<&str>| ProblemRow {
            domain,
            severity: severity.to_owned(),
            code: "nxdomain".to_owned(),
            place: place.map(str::to_owned),
            detail: None,
        };
        let mut list = ProblemList::default();
        for row in [
            row(2, "notice", Some("b")),
            row(1, "critical", None),
            row(2, "notice", Some("b")),
            row(3, "serious", Some("")),
        ] {
            list.push(&row);
        }
        list.put_in_order(|a, b| (a.1, a.2).cmp(&(b.1, b.2)));
        let found: Vec<ProblemRow> = list.iter().collect();
        let second = row(2, "notice", Some("b"));
        assert_eq!(
            found,
            [
                row(1, "critical", None),
                second,
                row(3, "serious", Some(""))
            ]
        );
        assert_eq!((list.len(), list.is_empty()), (3, false));
    }
}
