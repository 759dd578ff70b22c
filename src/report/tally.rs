//! A three-valued count: what every percentage of the report is made of.

use crate::judge::Truth;

/// Yes, no, mixed and unknown, counted with a weight (domains, users or servers).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Yes.
    pub yes: u64,
    /// No.
    pub no: u64,
    /// Mixed.
    pub mixed: u64,
    /// Not learned.
    pub unknown: u64,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, truth: Truth, weight: u64) {
        *match truth {
            Truth::Yes => &mut self.yes,
            Truth::No => &mut self.no,
            Truth::Mixed => &mut self.mixed,
            Truth::Unknown => &mut self.unknown,
        } += weight;
    }

    /// The base of the percentage: what was learned.
    pub fn decided(&self) -> u64 {
        self.yes + self.no + self.mixed
    }

    /// Yes in percent of what was learned.
    pub fn percent(&self) -> Option<f64> {
        (self.decided() > 0).then(|| 100.0 * self.yes as f64 / self.decided() as f64)
    }

    /// The percentage in words; where more than one in a hundred is unknown, what it could be at least and at most.
    pub fn headline(&self) -> String {
        let Some(percent) = self.percent() else {
            return "unknown".to_owned();
        };
        match self.bounds() {
            Some((least, most)) if most - least > 1.0 => format!("{least:.0} to {most:.0} %"),
            _ => format!("{percent:.2} %"),
        }
    }

    /// The percentage if every unknown were a no, and if every unknown were a yes.
    pub fn bounds(&self) -> Option<(f64, f64)> {
        let all = (self.decided() + self.unknown) as f64;
        (all > 0.0).then(|| {
            (
                100.0 * self.yes as f64 / all,
                100.0 * (self.yes + self.unknown) as f64 / all,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknowns_move_the_bounds_and_never_the_percentage() {
        let mut tally = Tally::default();
        tally.add(Truth::Yes, 3);
        tally.add(Truth::No, 1);
        assert_eq!(tally.percent(), Some(75.0));
        assert_eq!(tally.bounds(), Some((75.0, 75.0)));
        tally.add(Truth::Unknown, 4);
        assert_eq!(tally.percent(), Some(75.0));
        assert_eq!(tally.bounds(), Some((37.5, 87.5)));
        assert_eq!(Tally::default().percent(), None);
    }
}
