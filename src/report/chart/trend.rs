//! One figure over many runs: a point a run, and the band of the earlier ones behind them.

use super::palette::Ink;
use super::svg::{Look, Path, Svg};
use crate::model::{FigureTrend, Verdict};

const WIDTH: f64 = 170.0;
const HEIGHT: f64 = 32.0;
const MARGIN: f64 = 5.0;

/// Small enough for a cell of a table.
pub fn trend_line(id: &str, trend: &FigureTrend) -> String {
    let FigureTrend { points, band, unit, .. } = trend;
    let description = format!("{} runs in the order of time, in {unit}", points.len());
    let mut svg = Svg::new(id, WIDTH, HEIGHT, &trend.id, &description);
    let values =
        points.iter().map(|point| point.value).chain(band.iter().flat_map(|band| [band.low, band.high]));
    let (low, high) = values
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let x = |place: usize| match points.len() {
        1 => WIDTH / 2.0,
        many => MARGIN + (WIDTH - 2.0 * MARGIN) * place as f64 / (many - 1) as f64,
    };
    let y = |value: f64| match high - low {
        span if span > 0.0 => HEIGHT - MARGIN - (HEIGHT - 2.0 * MARGIN) * (value - low) / span,
        _ => HEIGHT / 2.0,
    };
    if let Some(band) = band {
        let (top, bottom) = (y(band.high), y(band.low));
        svg.rect(0.0, top, WIDTH, (bottom - top).max(1.0), &Look::fill(Ink::Standby).opacity(0.6));
    }
    let mut path = Path::default();
    for (place, point) in points.iter().enumerate() {
        match place {
            0 => path.move_to(x(place), y(point.value)),
            _ => path.line_to(x(place), y(point.value)),
        }
    }
    svg.path(&path, &Look::stroke(Ink::Median, 1.5));
    for (place, point) in points.iter().enumerate() {
        let ink = match point.verdict {
            Verdict::Pass => Ink::Pass,
            Verdict::Fail => Ink::Fail,
            Verdict::Inconclusive => Ink::Inconclusive,
        };
        let radius = if place + 1 == points.len() { 4.0 } else { 2.5 };
        // What does not count is a ring: seen, and in no band.
        let look = if point.counts { Look::fill(ink) } else { Look::stroke(ink, 1.5) };
        svg.circle(x(place), y(point.value), radius, &look);
    }
    svg.finish()
}
