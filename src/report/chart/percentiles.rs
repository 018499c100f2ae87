//! Percentile curves of one load: latency on a log scale over percentiles spaced by nines, a line a phase.

use super::Size;
use super::axis::{Area, grid, latency_axis};
use super::palette::Ink;
use super::promise::promised_p99_us;
use super::scale::{Linear, Log, apart};
use super::svg::{Anchor, Label, Look, Path, Svg};
use crate::model::{PercentileCurve, Picture, RunResult};

const HEIGHT: f64 = 250.0;
/// Where the axis ends: five nines.
const NINES_MAX: f64 = 5.0;

/// A drawing for each load that has a curve, with the load's name. Wide means two of them side by side.
pub fn percentiles(result: &RunResult, picture: &Picture, size: Size) -> Vec<(String, String)> {
    let mut names: Vec<&str> = vec![];
    for curve in picture.percentile_curves.iter().filter(|curve| !points(curve).is_empty()) {
        if !names.contains(&curve.name.as_str()) {
            names.push(&curve.name);
        }
    }
    let draw = |(i, name): (usize, &&str)| ((*name).to_owned(), drawing(i, name, result, picture, size));
    names.iter().enumerate().map(draw).collect()
}

fn drawing(index: usize, name: &str, result: &RunResult, picture: &Picture, size: Size) -> String {
    let curves: Vec<&PercentileCurve> = ["steady", "fault", "recovery", "all"]
        .iter()
        .filter_map(|phase| {
            picture.percentile_curves.iter().find(|curve| curve.name == name && curve.phase == *phase)
        })
        .filter(|curve| !points(curve).is_empty())
        .collect();
    // The whole run says nothing beside its phases.
    let curves: Vec<&PercentileCurve> = match curves.as_slice() {
        [only] => vec![*only],
        several => several.iter().copied().filter(|curve| curve.phase != "all").collect(),
    };
    let id = format!("{}-{index}", size.id("percentiles"));
    let width = size.pick(430.0, Size::Narrow.width());
    let title = format!("Latency percentiles of {name}");
    let mut svg =
        Svg::new(&id, width, HEIGHT, &title, "Latency at growing percentiles, one line for each phase.");
    let area = Area { left: 52.0, right: width - 62.0, top: 10.0, bottom: HEIGHT - 36.0 };
    let promised = promised_p99_us(result, name);
    let all = || curves.iter().flat_map(|curve| points(curve)).map(|(_, us)| us);
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(0.0, f64::max).max(promised.as_ref().map_or(0.0, |(us, _)| *us));
    let y = Log::covering(low, high, area.bottom, area.top);
    latency_axis(&mut svg, area, &y);
    let last = curves.iter().flat_map(|curve| points(curve)).map(|(nines, _)| nines).fold(2.0, f64::max);
    let x = Linear { from: 0.0, to: last.min(NINES_MAX), start_px: area.left, end_px: area.right };
    for (nines, text) in [
        (0.0, "0"),
        (std::f64::consts::LOG10_2, "50"),
        (1.0, "90"),
        (2.0, "99"),
        (3.0, "99.9"),
        (4.0, "99.99"),
        (5.0, "99.999"),
    ] {
        if nines <= x.to + 1e-6 {
            let at = x.at(nines);
            svg.line((at, area.top), (at, area.bottom), &grid());
            svg.text(at, area.bottom + 14.0, Label::new(Anchor::Middle, Ink::Muted), text);
        }
    }
    let middle = (area.left + area.right) / 2.0;
    svg.text(middle, area.bottom + 29.0, Label::new(Anchor::Middle, Ink::Muted), "percentile");
    let mut ends = vec![];
    for curve in &curves {
        let mut path = Path::default();
        let mut end = (area.right, area.bottom);
        for (i, (nines, us)) in points(curve).into_iter().enumerate() {
            end = (x.clamped(nines), y.at(us));
            if i == 0 { path.move_to(end.0, end.1) } else { path.line_to(end.0, end.1) }
        }
        svg.path(&path, &look(&curve.phase).0);
        svg.circle(end.0, end.1, 2.4, &Look::fill(look(&curve.phase).1));
        ends.push(end);
    }
    if let Some((us, words)) = promised {
        let (at, height) = (x.at(2.0), y.at(us));
        svg.line((area.left, height), (at, height), &Look::stroke(Ink::Tail, 1.0).dashed("6 4"));
        svg.circle(at, height, 3.5, &Look::fill(Ink::Surface).outlined(Ink::Tail, 1.6));
        svg.text(
            area.left + 4.0,
            height - 5.0,
            Label::new(Anchor::Start, Ink::Tail).halo().size(10.0),
            &words,
        );
    }
    let heights: Vec<f64> = ends.iter().map(|(_, height)| *height).collect();
    for (curve, height) in curves.iter().zip(apart(&heights, 13.0, area.top, area.bottom)) {
        svg.text(
            area.right + 6.0,
            height + 4.0,
            Label::new(Anchor::Start, look(&curve.phase).1).bold(),
            &curve.phase,
        );
    }
    svg.finish()
}

fn look(phase: &str) -> (Look, Ink) {
    match phase {
        "fault" => (Look::stroke(Ink::Failed, 1.8).dashed("7 3"), Ink::Failed),
        "recovery" => (Look::stroke(Ink::Active, 1.8).dashed("2 2.5"), Ink::Active),
        _ => (Look::stroke(Ink::Median, 2.0), Ink::Median),
    }
}

/// (nines, µs) of a curve: 90 % is one nine, 99 % two. Percentiles beyond the axis end at it.
fn points(curve: &PercentileCurve) -> Vec<(f64, f64)> {
    let mut points: Vec<(f64, f64)> = vec![];
    for (percentile, us) in &curve.points {
        let beyond = 1.0 - percentile / 100.0;
        let nines = if beyond > 0.0 { (-beyond.log10()).min(NINES_MAX) } else { NINES_MAX };
        // 100 % has no place of its own: it ends the line where the last percentile below it stands.
        let at_end = *percentile >= 100.0;
        let nines = if at_end { points.last().map_or(nines, |(last, _)| *last) } else { nines };
        if nines.is_finite() && nines >= 0.0 && *us > 0 {
            points.push((nines, *us as f64));
        }
    }
    points
}
