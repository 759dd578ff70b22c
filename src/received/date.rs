//! The date of a Received field (RFC 5322 §3.3, its obsolete forms §4.3, `ctime`, ISO 8601) from words in any order.

use time::{Date, Month, OffsetDateTime};

use crate::record::timestamp;

/// A point in time, and whether the field said in which zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_ms: i64,
    /// Without a zone the time is taken for UTC.
    pub zoned: bool,
}

impl Stamp {
    /// As records have it: RFC 3339, UTC.
    pub fn text(self) -> String {
        let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.unix_ms) * 1_000_000);
        // Years from 1970 to 2199 are accepted, all of which this type holds.
        time.map_or_else(|_| String::new(), timestamp)
    }
}

/// The date in `words`; `None` where no day, month, year and time of day can be told.
///
/// ```
/// use mx_survey::received::date;
///
/// let words = b"Tue, 31 Mar 2026 12:00:00 +0200".split(|&octet| octet == b' ');
/// assert_eq!(date::parse(words).unwrap().text(), "2026-03-31T10:00:00.000Z");
/// ```
pub fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Stamp> {
    let mut date = Parts::default();
    for word in words
        .take(12)
        .flat_map(|word| word.split(|&byte| byte == b','))
    {
        date.take(trim(word));
    }
    date.stamp()
}

/// Whether a date may begin with `word` and `next`: a day of the week, `18 Mar`, `2020-06-17`.
pub fn begins(word: &[u8], next: &[u8]) -> bool {
    const DAYS: [&[u8]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];
    let word = word.strip_suffix(b",").unwrap_or(word);
    match word.first() {
        Some(first) if first.is_ascii_digit() => {
            (word.len() <= 2 && number(word).is_some() && month(next).is_some())
                || (word.len() >= 8 && word.iter().any(|byte| matches!(byte, b'-' | b'/')))
        }
        _ => {
            (3..=9).contains(&word.len())
                && DAYS.iter().any(|day| word[..3].eq_ignore_ascii_case(day))
        }
    }
}

#[derive(Default)]
struct Parts {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<u32>,
    /// Milliseconds of the day.
    clock: Option<u32>,
    /// Minutes east of UTC.
    zone: Option<i32>,
}

impl Parts {
    fn take(&mut self, word: &[u8]) {
        let Some(&first) = word.first() else { return };
        if word.contains(&b':') {
            self.take_time(word);
        } else if matches!(first, b'+' | b'-') && self.clock.is_some() {
            self.zone = self.zone.or_else(|| offset(word));
        } else if first.is_ascii_digit() {
            self.take_number_or_date(word);
        } else if let Some(month) = month(word) {
            self.month = self.month.or(Some(month));
        } else if self.clock.is_some() {
            self.take_after_clock(word);
        }
    }

    /// `20:58:36`, `20:58`, `20:58:36.123`, `2014-03-18T20:58:36Z`, `+01:00`.
    fn take_time(&mut self, word: &[u8]) {
        if matches!(word[0], b'+' | b'-') {
            self.zone = self.zone.or_else(|| offset(word));
            return;
        }
        let mut time = word;
        if let Some(at) = word.iter().position(|&byte| byte == b'T') {
            self.take_number_or_date(&word[..at]);
            time = &word[at + 1..];
        }
        let end = time
            .iter()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b':' | b'.'))
            .unwrap_or(time.len());
        let (digits, zone) = time.split_at(end);
        if self.clock.is_none() {
            self.clock = clock(digits);
        }
        if matches!(zone.first(), Some(b'+' | b'-')) {
            self.zone = self.zone.or_else(|| offset(zone));
        } else if !zone.is_empty() {
            self.take_after_clock(zone);
        }
    }

    /// `18`, `2014`, `14`, `18-Mar-2014`, `2014-03-18`, `18/Mar/2014`.
    fn take_number_or_date(&mut self, word: &[u8]) {
        if let Some(value) = number(word) {
            return self.take_number(value, word.len());
        }
        let mut parts = word
            .split(|byte| matches!(byte, b'-' | b'/'))
            .filter(|part| !part.is_empty());
        let (Some(one), Some(two), Some(three), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return;
        };
        if one.len() == 4 {
            self.year = number(one);
            self.month = number(two)
                .filter(|value| (1..=12).contains(value))
                .or_else(|| month(two));
            self.day = number(three);
        } else if let Some(named) = month(two) {
            self.day = number(one);
            self.month = Some(named);
            self.year = number(three).map(|value| full_year(value, three.len()));
        }
    }

    fn take_number(&mut self, value: u32, digits: usize) {
        if digits >= 3 {
            self.year = self.year.or(Some(full_year(value, digits)));
        } else if self.day.is_none() {
            self.day = Some(value);
        } else if self.year.is_none() {
            self.year = Some(full_year(value, digits));
        }
    }

    /// A zone by name (RFC 5322 §4.3 and those in use), or the half of a twelve-hour clock.
    fn take_after_clock(&mut self, word: &[u8]) {
        const NOON: u32 = 12 * 3_600_000;
        let upper = word.to_ascii_uppercase();
        match (upper.as_slice(), self.clock) {
            (b"PM", Some(clock)) if clock < NOON => self.clock = Some(clock + NOON),
            (b"AM", Some(clock)) if (NOON..2 * NOON).contains(&clock) => {
                self.clock = Some(clock - NOON)
            }
            (name, _) if self.zone.is_none() => self.zone = named_zone(name),
            _ => {}
        }
    }

    fn stamp(&self) -> Option<Stamp> {
        let (day, month, year, clock) = (self.day?, self.month?, self.year?, self.clock?);
        if !(1970..=2199).contains(&year) {
            return None;
        }
        // 31 February is no day.
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        let date =
            Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?);
        let midnight = date.ok()?.midnight().assume_utc().unix_timestamp();
        let minutes = i64::from(self.zone.unwrap_or(0));
        Some(Stamp {
            unix_ms: midnight * 1000 + i64::from(clock) - minutes * 60_000,
            zoned: self.zone.is_some(),
        })
    }
}

fn trim(word: &[u8]) -> &[u8] {
    match word {
        [rest @ .., b'.'] => rest,
        [b'"', rest @ ..] => rest,
        word => word,
    }
}

fn number(word: &[u8]) -> Option<u32> {
    if word.is_empty() || word.len() > 9 {
        return None;
    }
    word.iter().try_fold(0u32, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + u32::from(byte - b'0'))
    })
}

/// RFC 5322 §4.3: two digits below 50 are 20xx, others and three digits are added to 1900.
fn full_year(value: u32, digits: usize) -> u32 {
    match digits {
        1 | 2 if value < 50 => 2000 + value,
        1..=3 => 1900 + value,
        _ => value,
    }
}

fn clock(digits: &[u8]) -> Option<u32> {
    let mut parts = digits.split(|&byte| byte == b':');
    let hour = number(parts.next()?)?;
    let minute = number(parts.next()?)?;
    let (second, millis) = match parts.next() {
        None => (0, 0),
        Some(second) => match second.iter().position(|&byte| byte == b'.') {
            None => (number(second)?, 0),
            Some(dot) => (number(&second[..dot])?, thousandths(&second[dot + 1..])?),
        },
    };
    // A leap second is the first instant of the next minute.
    (parts.next().is_none() && hour < 24 && minute < 60 && second <= 60)
        .then_some(((hour * 60 + minute) * 60 + second) * 1000 + millis)
}

fn thousandths(digits: &[u8]) -> Option<u32> {
    let mut millis = 0;
    for place in 0..3 {
        millis = millis * 10 + number(digits.get(place..=place).unwrap_or(b"0"))?;
    }
    Some(millis)
}

/// `+0100`, `-0700`, `+01:00`, `+1`: minutes east.
fn offset(word: &[u8]) -> Option<i32> {
    let (sign, digits) = word.split_first()?;
    let (hours, minutes) = match digits.iter().position(|&byte| byte == b':') {
        Some(colon) => (number(&digits[..colon])?, number(&digits[colon + 1..])?),
        None if digits.len() <= 2 => (number(digits)?, 0),
        None => {
            let value = number(digits)?;
            (value / 100, value % 100)
        }
    };
    if hours > 15 || minutes > 59 {
        return None;
    }
    let east = i32::try_from(hours * 60 + minutes).ok()?;
    Some(if *sign == b'-' { -east } else { east })
}

fn month(word: &[u8]) -> Option<u32> {
    const MONTHS: [&[u8]; 12] = [
        b"january",
        b"february",
        b"march",
        b"april",
        b"may",
        b"june",
        b"july",
        b"august",
        b"september",
        b"october",
        b"november",
        b"december",
    ];
    if word.len() < 3 {
        return None;
    }
    let at = MONTHS.iter().position(|name| {
        (word.len() == 3 || word.len() == name.len() || word.eq_ignore_ascii_case(b"sept"))
            && name.len() >= word.len()
            && name[..word.len()].eq_ignore_ascii_case(word)
    })?;
    u32::try_from(at + 1).ok()
}

fn named_zone(upper: &[u8]) -> Option<i32> {
    // "GMT+0100" and "UTC+1".
    if let Some(rest) = upper
        .strip_prefix(b"GMT")
        .or_else(|| upper.strip_prefix(b"UTC"))
    {
        return if rest.is_empty() {
            Some(0)
        } else {
            offset(rest)
        };
    }
    let hours = match upper {
        b"UT" | b"Z" | b"WET" => 0,
        b"EST" | b"CDT" => -5,
        b"EDT" | b"AST" => -4,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" | b"AKDT" => -8,
        b"AKST" => -9,
        b"HST" => -10,
        b"BST" | b"CET" | b"MET" | b"WEST" | b"WAT" => 1,
        b"CEST" | b"MEST" | b"MEZ" | b"MESZ" | b"EET" | b"SAST" => 2,
        b"EEST" | b"MSK" => 3,
        b"MSD" => 4,
        b"JST" | b"KST" => 9,
        b"AEST" => 10,
        b"AEDT" => 11,
        b"NZST" => 12,
        b"NZDT" => 13,
        _ => return None,
    };
    Some(hours * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text.as_bytes().split(u8::is_ascii_whitespace)).map(|stamp| {
            let zone = if stamp.zoned { "" } else { " no zone" };
            stamp.text() + zone
        })
    }

    #[test]
    fn every_form_in_use_is_the_same_second() {
        for text in [
            "Tue, 18 Mar 2014 20:58:36 -0400",
            "18 Mar 2014 20:58:36 -0400",
            "Tue,18 Mar 14 20:58:36 EDT",
            "Tue Mar 18 20:58:36 2014 -0400",
            "Tue Mar 18 20:58:36 EDT 2014",
            "Wed, 19-Mar-2014 00:58:36 GMT",
            "Wed, 19 March 2014 01:58:36 +01:00",
            "2014-03-19T00:58:36Z",
            "2014-03-19 00:58:36.000 +0000",
            "Wed, 19 Mar 2014 1:58:36 GMT+0100",
            "Tue, 18 Mar 2014 8:58:36 PM -0400",
        ] {
            assert_eq!(
                read(text).as_deref(),
                Some("2014-03-19T00:58:36.000Z"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_zone_is_said() {
        assert_eq!(
            read("18 Mar 2014 20:58").as_deref(),
            Some("2014-03-18T20:58:00.000Z no zone")
        );
        assert_eq!(
            read("18 Mar 2014 20:58:36.25 -0000").as_deref(),
            Some("2014-03-18T20:58:36.250Z")
        );
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "Tue",
            "18 Mar 2014",
            "18 Foo 2014 20:58:36 +0000",
            "18 Mar 2014 25:00:00 +0000",
            "40 Mar 2014 1:00 Z",
            "0 Mar 2014 1:00 Z",
            "2014-13-01 1:00 Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn h5_days_that_no_calendar_has_are_no_dates() {
        for text in [
            "31 Feb 2024 00:00:00 +0000",
            "30 Feb 2024 00:00:00 +0000",
            "29 Feb 2023 00:00:00 +0000",
            "29 Feb 2100 00:00:00 +0000",
            "31 Apr 2024 00:00:00 +0000",
            "2024-06-31T00:00:00Z",
            "31-Nov-2024 00:00:00 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(
            read("29 Feb 2024 23:59:60 +0000").as_deref(),
            Some("2024-03-01T00:00:00.000Z")
        );
        assert_eq!(
            read("29 Feb 2000 00:00:00 +0000").as_deref(),
            Some("2000-02-29T00:00:00.000Z")
        );
    }
}
