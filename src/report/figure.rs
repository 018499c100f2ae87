//! How numbers are written for people: every report rounds here and nowhere else, so that the same figure
//! reads the same in all of them. Must not know what a figure means.

/// A count with thousands separated: `12,345`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 write`, `2 writes`: a count with its noun.
pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(value))
}

/// A duration in milliseconds, about three digits of it: `0.42 ms`, `104 ms`, `11.3 s`, `4 min 19 s`,
/// `1 h 12 min`.
pub fn duration(ms: f64) -> String {
    if !ms.is_finite() {
        return "unknown".to_owned();
    }
    let magnitude = ms.abs();
    if magnitude < 999.5 {
        format!("{} ms", three_digits(ms))
    } else if magnitude < 119_950.0 {
        format!("{} s", three_digits(ms / 1e3))
    } else if magnitude < 7_200_000.0 {
        let seconds = (ms / 1e3).round() as i64;
        match seconds % 60 {
            0 => format!("{} min", seconds / 60),
            rest => format!("{} min {} s", seconds / 60, rest),
        }
    } else {
        let minutes = (ms / 60e3).round() as i64;
        match minutes % 60 {
            0 => format!("{} h", minutes / 60),
            rest => format!("{} h {} min", minutes / 60, rest),
        }
    }
}

/// A latency in microseconds, as [`duration`] writes it.
pub fn latency(us: u64) -> String {
    duration(us as f64 / 1e3)
}

/// A moment on the run's clock, in seconds to the hundredth: `12.00 s`.
pub fn moment(ms: f64) -> String {
    if ms.is_finite() { format!("{:.2} s", ms / 1e3) } else { "unknown".to_owned() }
}

/// A time since a fault: milliseconds below a second, then seconds to the hundredth: `96 ms`, `11.31 s`.
pub fn elapsed(ms: f64) -> String {
    if ms.abs() < 999.5 { duration(ms) } else { moment(ms) }
}

/// A percentage with as many digits as it takes to tell it from 100: `99.53 %`, `99.9956 %`. Never rounded
/// up to 100.
pub fn percent(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let missing = (100.0 - value).abs();
    if missing == 0.0 {
        return "100 %".to_owned();
    }
    if !(50.0..150.0).contains(&value) {
        return format!("{} %", three_digits(value));
    }
    let decimals = (1.0 - missing.log10().floor()).clamp(1.0, 8.0) as usize;
    format!("{} %", trimmed(format!("{value:.decimals$}")))
}

/// In which unit a time is read best, whatever unit it was promised in, and the factor to get there. Other
/// units stay, and so does a zero without an interval.
pub fn readable(value: f64, interval: Option<[f64; 2]>, unit: &str) -> (f64, &str) {
    let unit_ms = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "min" => 60e3,
        "h" => 3.6e6,
        _ => return (1.0, unit),
    };
    let high = interval.map_or(value, |[low, high]| value.abs().max(low.abs()).max(high.abs()));
    let ms = high.abs() * unit_ms;
    let (readable_ms, readable) = match ms {
        ms if !ms.is_finite() || ms == 0.0 => return (1.0, unit),
        ms if ms < 999.5 => (1.0, "ms"),
        ms if ms < 119_950.0 => (1e3, "s"),
        ms if ms < 7_200_000.0 => (60e3, "min"),
        _ => (3.6e6, "h"),
    };
    (unit_ms / readable_ms, readable)
}

/// A measured figure in its unit, with as many digits as its interval justifies.
pub fn measured(value: f64, unit: &str, interval: Option<[f64; 2]>) -> String {
    with_unit(&number(value, unit, interval), unit)
}

/// The interval of a measured figure: `11.29 to 11.33 s`. A single point says nothing and gives `None`.
pub fn interval(bounds: [f64; 2], unit: &str) -> Option<String> {
    let [low, high] = bounds;
    if low == high || !low.is_finite() || !high.is_finite() {
        return None;
    }
    let text = format!("{} to {}", number(low, unit, Some(bounds)), number(high, unit, Some(bounds)));
    Some(with_unit(&text, unit))
}

fn with_unit(number: &str, unit: &str) -> String {
    let text = format!("{number} {unit}");
    text.trim_end().to_owned()
}

fn number(value: f64, unit: &str, interval: Option<[f64; 2]>) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    if let Some(decimals) = interval.and_then(|bounds| decimals(bounds, unit)) {
        return grouped(&format!("{value:.decimals$}"));
    }
    if unit == "%" {
        return percent(value).trim_end_matches(" %").to_owned();
    }
    three_digits(value)
}

/// How many decimals the figure and both ends of its interval get: as fine as the interval is wide, but at
/// least three significant digits (two of what is missing to 100, for percentages). `None` for a point.
fn decimals([low, high]: [f64; 2], unit: &str) -> Option<usize> {
    let width = (high - low).abs();
    if width == 0.0 || !width.is_finite() {
        return None;
    }
    let (magnitude, digits) =
        if unit == "%" { (100.0 - low.min(high), 2.0) } else { (low.abs().max(high.abs()), 3.0) };
    let by_value = if magnitude > 0.0 { digits - 1.0 - magnitude.log10().floor() } else { 0.0 };
    Some((-width.log10().floor()).max(by_value).clamp(0.0, 6.0) as usize)
}

/// About three significant digits, without trailing zeros after the point; whole numbers keep all digits.
pub fn three_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{value:.decimals$}");
    // 99.96 rounds to 100.0, which has a digit too many.
    let text =
        if text.trim_start_matches('-').find('.').is_some_and(|whole| whole + decimals > 3 && whole > 1) {
            format!("{value:.*}", decimals.saturating_sub(1))
        } else {
            text
        };
    grouped(&trimmed(text))
}

fn trimmed(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn grouped(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    match fraction {
        Some(fraction) => format!("{sign}{whole}.{fraction}"),
        None => format!("{sign}{whole}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_about_three_digits() {
        for (ms, text) in [
            (0.0, "0 ms"),
            (0.4213, "0.421 ms"),
            (4.0, "4 ms"),
            (104.4, "104 ms"),
            (999.7, "1 s"),
            (11_310.0, "11.3 s"),
            (99_960.0, "100 s"),
            (259_200.0, "4 min 19 s"),
            (7_260_000.0, "2 h 1 min"),
            (f64::NAN, "unknown"),
        ] {
            assert_eq!(duration(ms), text, "{ms}");
        }
    }

    #[test]
    fn percentages_never_round_up_to_all() {
        for (value, text) in [
            (100.0, "100 %"),
            (99.53, "99.53 %"),
            (99.995_63, "99.9956 %"),
            (99.999_999, "99.999999 %"),
            (4.361, "4.36 %"),
            (0.0, "0 %"),
            (435.2, "435 %"),
        ] {
            assert_eq!(percent(value), text, "{value}");
        }
    }

    #[test]
    fn the_interval_decides_the_digits() {
        assert_eq!(measured(11.308_21, "s", Some([11.298, 11.318])), "11.31 s");
        assert_eq!(measured(2.412_9, "ms", Some([2.2, 2.7])), "2.41 ms");
        assert_eq!(measured(2.412_9, "ms", None), "2.41 ms");
        assert_eq!(measured(99.871_2, "%", Some([99.8, 99.91])), "99.87 %");
        assert_eq!(measured(0.0, "", None), "0");
        assert_eq!(measured(1400.0, "/s", None), "1,400 /s");
        assert_eq!(interval([2.2, 2.7], "ms").as_deref(), Some("2.20 to 2.70 ms"));
        assert_eq!(interval([11.3, 11.32], "s").as_deref(), Some("11.30 to 11.32 s"));
        assert_eq!(interval([1400.0, 1600.0], "/s").as_deref(), Some("1,400 to 1,600 /s"));
        assert_eq!(interval([0.0, 0.0], ""), None);
    }

    #[test]
    fn times_are_read_in_a_unit_of_their_own_size() {
        for (value, unit, expected) in [
            (0.169, "min", "10.1 s"),
            (6.5, "min", "6.5 min"),
            (0.9997, "h", "60 min"),
            (0.151, "s", "151 ms"),
            (2_400.0, "ms", "2.4 s"),
            (0.0, "s", "0 s"),
            (99.9, "%", "99.9 %"),
        ] {
            let (factor, readable) = readable(value, None, unit);
            assert_eq!(measured(value * factor, readable, None), expected);
        }
    }

    #[test]
    fn counts_are_grouped_and_named() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "write"), "1 write");
        assert_eq!(counted(2_000, "write"), "2,000 writes");
    }
}
