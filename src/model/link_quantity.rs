//! Shares and rates of bytes with their units, as they are written in scenario files.

use super::QuantityError;
use super::quantity::leading_number;
use std::fmt;
use std::str::FromStr;

/// A share written in percent, `10%`; held as 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// Bytes per second, written `1MB/s`, `500kB/s` or `8Mbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteRate(pub u64);

const BYTE_UNITS: [(&str, f64); 6] =
    [("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9), ("kbit/s", 125.0), ("Mbit/s", 125e3), ("Gbit/s", 125e6)];
/// Slower than this no heartbeat gets through, and faster than this nothing is narrowed.
const BYTES_PER_S: std::ops::RangeInclusive<f64> = 1e3..=10e9;

impl FromStr for Share {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong =
            |why: &str| QuantityError(format!("`{text}` is not a share: {why}; write for example 10%"));
        let number = text.trim().strip_suffix('%').ok_or_else(|| wrong("`%` is missing"))?;
        let percent: f64 = number.trim().parse().map_err(|_| wrong("a number is expected before `%`"))?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(wrong("it must be from 0% to 100%"));
        }
        Ok(Share(percent / 100.0))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A percentage that was written with few digits is shown with as few.
        f.pad(&format!("{}%", (self.0 * 1e8).round() / 1e6))
    }
}

impl FromStr for ByteRate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let wrong = |why: &str| {
            QuantityError(format!(
                "`{text}` is not a bandwidth: {why}; write for example 1MB/s, 500kB/s or 8Mbit/s"
            ))
        };
        let (number, unit) = leading_number(text.trim()).ok_or_else(|| wrong("a number is expected"))?;
        let known = BYTE_UNITS.iter().find(|(name, _)| *name == unit.trim());
        let (_, bytes) =
            known.ok_or_else(|| wrong("the unit is not one of kB/s, MB/s, GB/s, kbit/s, Mbit/s, Gbit/s"))?;
        let per_s = number * bytes;
        if !BYTES_PER_S.contains(&per_s) {
            return Err(wrong("it must be from 1kB/s to 10GB/s"));
        }
        Ok(ByteRate(per_s as u64))
    }
}

impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, bytes) = match self.0 {
            1_000_000_000.. => ("GB/s", 1e9),
            1_000_000.. => ("MB/s", 1e6),
            _ => ("kB/s", 1e3),
        };
        f.pad(&format!("{}{unit}", self.0 as f64 / bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_bandwidths_carry_units_both_ways() {
        for (text, share) in [("10%", 0.1), ("0.5 %", 0.005), ("100%", 1.0)] {
            assert_eq!(text.parse(), Ok(Share(share)), "{text}");
        }
        assert_eq!(Share(0.07).to_string(), "7%");
        assert_eq!(Share(0.005).to_string(), "0.5%");
        for (text, bytes) in [("1MB/s", 1_000_000), ("1.5 kB/s", 1_500), ("8Mbit/s", 1_000_000)] {
            assert_eq!(text.parse(), Ok(ByteRate(bytes)), "{text}");
        }
        assert_eq!(ByteRate(1_500_000).to_string(), "1.5MB/s");
        for text in ["10", "ten%", "101%", "-1%", "nan%", ""] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["1", "1MB", "1 mb/s", "0kB/s", "11GB/s", "nanMB/s", ""] {
            assert!(text.parse::<ByteRate>().is_err(), "{text}");
        }
    }
}
