//! A running value along an axis, kept only where it is shown: at the marks of a table, and at some 240 places of a
//! curve that are evenly apart on a logarithmic axis. A million places cost no more than a thousand.

/// Places of a curve are at least so far apart, as a factor.
const APART: f64 = 1.03;

/// Takes values in ascending order of their place.
pub(super) struct Sampler<T> {
    marks: Vec<u64>,
    /// The value at each mark: that of the last place not beyond it.
    pub(super) at_marks: Vec<T>,
    /// The curve.
    pub(super) points: Vec<(f64, T)>,
    next: f64,
    last: Option<(u64, T)>,
}

impl<T: Copy + Default> Sampler<T> {
    pub(super) fn new(marks: &[u64]) -> Self {
        Self {
            marks: marks.to_vec(),
            at_marks: Vec::with_capacity(marks.len()),
            points: Vec::new(),
            next: 1.0,
            last: None,
        }
    }

    /// The value from `place` on; a place may come again.
    pub(super) fn push(&mut self, place: u64, value: T) {
        if let Some((before, last)) = self.last
            && before < place
        {
            let at = before as f64;
            if at >= self.next {
                self.points.push((at, last));
                self.next = (at * APART).max(at + 1.0);
            }
        }
        let last = self.last.map(|(_, value)| value).unwrap_or_default();
        while self
            .marks
            .get(self.at_marks.len())
            .is_some_and(|&mark| mark < place)
        {
            self.at_marks.push(last);
        }
        self.last = Some((place, value));
    }

    /// The same, whole: the last place is a mark and a point of its own.
    pub(super) fn end(mut self) -> Self {
        if let Some((place, value)) = self.last {
            self.points.push((place as f64, value));
        }
        let last = self.last.map(|(_, value)| value).unwrap_or_default();
        self.at_marks.resize(self.marks.len(), last);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_has_the_value_of_the_last_place_not_beyond_it() {
        let mut sampler = Sampler::new(&[1, 2, 5, 10, 20]);
        for place in [2, 2, 3, 7, 12] {
            sampler.push(place, place * 10);
        }
        let sampler = sampler.end();
        assert_eq!(sampler.at_marks, [0, 20, 30, 70, 120]);
        assert_eq!(sampler.points.first(), Some(&(2.0, 20)));
        assert_eq!(sampler.points.last(), Some(&(12.0, 120)));
    }

    #[test]
    fn a_long_curve_has_few_points() {
        let mut sampler = Sampler::new(&[]);
        (1..=1_000_000).for_each(|place| sampler.push(place, place));
        let points = sampler.end().points;
        assert!((200..600).contains(&points.len()), "{}", points.len());
        assert_eq!(points.last(), Some(&(1e6, 1_000_000)));
    }
}
