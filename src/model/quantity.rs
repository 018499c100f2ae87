//! Durations and rates that carry their units, as they are written in scenario files.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A duration written with its unit: `250ms`, `10s`, `1m30s`, `1h`, `90d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// Requests per second, written `150/s` (or `6000/m`).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(pub f64);

/// An amount of memory or of disk, written `64MB` or `64MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteCount(pub u64);

/// What was wrong with a quantity, in words for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QuantityError(pub String);

const UNITS_MS: [(&str, f64); 5] = [("ms", 1.0), ("s", 1e3), ("m", 60e3), ("h", 3.6e6), ("d", 86.4e6)];
/// Ten years: longer is a typing mistake, and keeps all arithmetic far from overflow.
const LONGEST_MS: f64 = 3650.0 * 86.4e6;
/// Slower is a typing mistake too: no run has room for a second request.
const SLOWEST_PER_S: f64 = 0.001;
const FASTEST_PER_S: f64 = 100_000.0;

impl Span {
    pub const fn from_ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    pub const fn from_secs(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }

    pub fn as_ms(self) -> f64 {
        self.0.as_secs_f64() * 1e3
    }

    pub fn as_us(self) -> u64 {
        self.0.as_micros() as u64
    }
}

/// The number at the beginning of a text, and what follows it.
pub(super) fn leading_number(text: &str) -> Option<(f64, &str)> {
    let (number, rest) =
        text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len()));
    Some((number.parse().ok()?, rest))
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = |why: &str| {
            QuantityError(format!(
                "`{text}` is not a duration: {why}; write for example 250ms, 10s, 1m30s or 1h"
            ))
        };
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(wrong("it is empty"));
        }
        let mut total_ms = 0.0;
        while !rest.is_empty() {
            let (number, after) = leading_number(rest).ok_or_else(|| wrong("a number is expected"))?;
            rest = after;
            let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let unit = &rest[..letters];
            rest = &rest[letters..];
            let (_, unit_ms) = UNITS_MS.iter().find(|(name, _)| *name == unit).ok_or_else(|| {
                wrong(if unit.is_empty() {
                    "the unit is missing"
                } else {
                    "the unit is not one of ms, s, m, h, d"
                })
            })?;
            total_ms += number * unit_ms;
        }
        if !(0.0..=LONGEST_MS).contains(&total_ms) {
            return Err(wrong("it is longer than ten years"));
        }
        Ok(Span(Duration::from_secs_f64(total_ms / 1e3)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ms = self.0.as_millis() as u64;
        if ms == 0 {
            return f.pad("0s");
        }
        let mut text = String::new();
        for (name, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if ms >= unit_ms {
                text += &format!("{}{name}", ms / unit_ms);
                ms %= unit_ms;
            }
        }
        f.pad(&text)
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong =
            |why: &str| QuantityError(format!("`{text}` is not a rate: {why}; write for example 150/s"));
        let (number, unit) = text.trim().split_once('/').ok_or_else(|| wrong("`/s` is missing"))?;
        let number: f64 = number.trim().parse().map_err(|_| wrong("a number is expected before `/`"))?;
        let per_second = match unit.trim() {
            "s" => number,
            "m" => number / 60.0,
            _ => return Err(wrong("the unit is not `/s` or `/m`")),
        };
        if !(SLOWEST_PER_S..=FASTEST_PER_S).contains(&per_second) {
            return Err(wrong("it must be at least 0.001/s and at most 100000/s"));
        }
        Ok(Rate(per_second))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/s", self.0))
    }
}

const BYTES: [(&str, u64); 6] = [
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

impl FromStr for ByteCount {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = |why: &str| {
            QuantityError(format!(
                "`{text}` is not an amount of bytes: {why}; write for example 64MB or 64MiB"
            ))
        };
        let (number, unit) = leading_number(text.trim()).ok_or_else(|| wrong("a number is expected"))?;
        let known = BYTES.iter().find(|(name, _)| *name == unit.trim());
        let (_, unit) = known.ok_or_else(|| wrong("the unit is not one of kB, MB, GB, KiB, MiB, GiB"))?;
        let bytes = number * *unit as f64;
        // A float holds whole numbers up to here, and no machine holds more.
        if !(1.0..=9e15).contains(&bytes) {
            return Err(wrong("it must be at least one byte, and fit a machine"));
        }
        Ok(ByteCount(bytes as u64))
    }
}

impl fmt::Display for ByteCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In the largest unit of which it is a whole number, as it was probably written.
        let whole = BYTES
            .iter()
            .filter(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit))
            .max_by_key(|(_, unit)| *unit);
        match whole {
            Some((name, unit)) => f.pad(&format!("{}{name}", self.0 / unit)),
            None => f.pad(&format!("{}kB", self.0 as f64 / 1e3)),
        }
    }
}

macro_rules! serde_as_text {
    ($type:ty) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
serde_as_text!(Span);
serde_as_text!(Rate);
serde_as_text!(ByteCount);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_units_both_ways() {
        for (text, ms) in
            [("250ms", 250), ("10s", 10_000), ("1m30s", 90_000), ("1h", 3_600_000), ("0s", 0), ("1.5s", 1500)]
        {
            assert_eq!(text.parse::<Span>().unwrap(), Span::from_ms(ms), "{text}");
        }
        assert_eq!(Span::from_ms(90_250).to_string(), "1m30s250ms");
        for text in ["", "10", "s", "10 parsecs", "1e9s", "-1s", "9999999d", "10s foo"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn amounts_of_bytes_carry_units_both_ways() {
        for (text, bytes) in [("64MB", 64_000_000), ("1.5 kB", 1_500), ("64MiB", 64 << 20), ("1GiB", 1 << 30)]
        {
            assert_eq!(text.parse(), Ok(ByteCount(bytes)), "{text}");
        }
        for text in ["64MB", "64MiB", "1.5kB", "0.001kB"] {
            assert_eq!(text.parse::<ByteCount>().unwrap().to_string(), text);
        }
        for text in ["", "64", "64M", "64mb", "-1MB", "0MB", "1e9GB", "9999999999GB", "nanMB"] {
            assert!(text.parse::<ByteCount>().is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_positive_and_bounded() {
        assert_eq!("150/s".parse(), Ok(Rate(150.0)));
        assert_eq!("60/m".parse(), Ok(Rate(1.0)));
        assert_eq!("0.001/s".parse(), Ok(Rate(0.001)));
        for text in ["150", "0/s", "0.0009/s", "0.05/m", "1e-30/s", "-1/s", "1/h", "nan/s", "inf/s", "1e9/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
