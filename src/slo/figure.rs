//! A measured figure with its verdict, and how a row is made of the figures of its parts.

use super::verdict_of;
use crate::model::{Bound, Breakdown, Comparison, Unit, Verdict};
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// In the promise's unit.
    pub measured: Option<f64>,
    pub interval: Option<[f64; 2]>,
    pub samples: u64,
    pub verdict: Verdict,
    pub note: String,
}

impl Figure {
    /// Nothing could be measured.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { measured: None, interval: None, samples: 0, verdict: Verdict::Inconclusive, note: why.into() }
    }

    /// A single event, without any doubt about its figure.
    pub fn exact(bound: &Bound, measured: f64) -> Self {
        let verdict = if bound.holds(measured) { Verdict::Pass } else { Verdict::Fail };
        Self { measured: Some(measured), interval: None, samples: 1, verdict, note: String::new() }
    }

    /// A single event that was seen by polling: it happened at most `resolution` before it was seen.
    pub fn polled(bound: &Bound, measured: f64, resolution: f64) -> Self {
        let interval = [(measured - resolution).max(0.0), measured];
        let verdict = verdict_of(bound, interval);
        let note = match verdict {
            Verdict::Inconclusive => "the bound lies within what one poll cannot tell apart".into(),
            _ => String::new(),
        };
        Self { measured: Some(measured), interval: Some(interval), samples: 1, verdict, note }
    }

    /// Keeps the figure and takes back the verdict.
    pub fn doubted(self, why: String) -> Self {
        Self { verdict: Verdict::Inconclusive, note: why, ..self }
    }

    pub fn breakdown(&self, part: &str) -> Breakdown {
        let Self { measured, interval, samples, verdict, .. } = self;
        let (measured, interval) = (*measured, *interval);
        Breakdown { part: part.into(), measured, interval, samples: *samples, verdict: *verdict }
    }
}

/// What becomes a row.
pub struct Judged {
    pub figure: Figure,
    pub breakdown: Vec<Breakdown>,
}

impl From<Figure> for Judged {
    fn from(figure: Figure) -> Self {
        Self { figure, breakdown: Vec::new() }
    }
}

impl Judged {
    /// Keeps the figures and takes back the verdicts, of the parts as well.
    pub fn doubted(mut self, why: String) -> Self {
        self.breakdown.iter_mut().for_each(|part| part.verdict = Verdict::Inconclusive);
        Self { figure: self.figure.doubted(why), ..self }
    }

    /// The row is its worst part: by verdict, then by figure. Unless it is a plain pass, its note names
    /// the part.
    pub fn worst(bound: &Bound, parts: Vec<(String, Figure)>, none: &str) -> Self {
        let breakdown = parts.iter().map(|(name, figure)| figure.breakdown(name)).collect();
        let worse = |a: &Figure, b: &Figure| {
            a.verdict.cmp(&b.verdict).then_with(|| match (a.measured, b.measured) {
                (Some(a), Some(b)) => match bound.comparison {
                    Comparison::AtLeast | Comparison::More => b.total_cmp(&a),
                    _ => a.total_cmp(&b),
                },
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (None, None) => Ordering::Equal,
            })
        };
        let Some((name, mut figure)) = parts.into_iter().max_by(|(_, a), (_, b)| worse(a, b)) else {
            return Figure::unknown(none).into();
        };
        figure.note = match (figure.note.is_empty(), figure.verdict) {
            (true, Verdict::Pass) => String::new(),
            (true, _) => name,
            (false, _) => format!("{name}: {}", figure.note),
        };
        Self { figure, breakdown }
    }
}

/// Milliseconds in the unit of a bound; `None` when the bound is not one of time.
pub fn ms_in(unit: Unit, ms: f64) -> Option<f64> {
    let unit_ms = match unit {
        Unit::Ms => 1.0,
        Unit::S => 1e3,
        Unit::Minutes => 60e3,
        Unit::Hours => 3.6e6,
        Unit::Percent | Unit::PerSecond | Unit::Count => return None,
    };
    Some(ms / unit_ms)
}

pub fn not_a_time(bound: &Bound) -> Judged {
    Figure::unknown(format!("the promise `{bound}` is no time, and this figure is one")).into()
}

/// Rounded for people: `45 s`, `12 min`, `3.4 h`, `5.0 d`.
pub fn human_duration(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3_600.0),
        s => format!("{:.1} d", s / 86_400.0),
    }
}
