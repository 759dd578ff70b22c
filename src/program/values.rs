//! Forms of values at the command line: each a type at the edge, with words for what it wants.

use std::time::Duration;

use serde_json::Value;

use crate::net::range::Range;

/// `10s`, `500ms`, `2m`, `1h`, or seconds as a bare number.
pub fn duration(text: &str) -> Result<Duration, String> {
    let unit = text
        .find(|character: char| character.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("a time, such as 10s, 500ms or 2m".into()),
    };
    let seconds = number
        .parse::<f64>()
        .map_err(|_| "a time, such as 10s, 500ms or 2m")?
        * scale;
    if (0.0..=86400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("a time from 0 to 24h".into())
    }
}

/// A duration for a `run` line, milliseconds.
pub fn milliseconds(time: Duration) -> Value {
    Value::from(time.as_millis() as u64)
}

pub(crate) fn network(text: &str) -> Result<Range, String> {
    (text.parse()).map_err(|_| "a network, such as 127.0.0.0/8".into())
}

/// A whole number from 1.
pub fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|&number| number > 0)
        .ok_or_else(|| "a whole number from 1".into())
}

pub(crate) fn rate(text: &str) -> Result<f64, String> {
    (text.parse::<f64>().ok())
        .filter(|rate| *rate == 0.0 || (0.001..=1e9).contains(rate))
        .ok_or_else(|| "connections a second, or 0 for no limit".into())
}

pub(crate) fn share(text: &str) -> Result<f64, String> {
    (text.parse::<f64>().ok())
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "a share from 0 to 1, such as 0.1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_and_without_a_unit() {
        for (text, milliseconds) in [
            ("10", 10_000),
            ("1.5s", 1500),
            ("500ms", 500),
            ("2m", 120_000),
            ("0", 0),
        ] {
            assert_eq!(
                duration(text).map(|time| time.as_millis()),
                Ok(milliseconds),
                "{text}"
            );
        }
        for text in ["", "s", "-1s", "1x", "nan", "25h", "inf"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
