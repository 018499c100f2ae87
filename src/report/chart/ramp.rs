//! A ramp: latency at each rate, and the knee, which is the last rate that held.

use super::Size;
use super::axis::{Area, grid, latency_axis};
use super::palette::Ink;
use super::promise::promised_p99_us;
use super::scale::{Linear, Log, ticks};
use super::svg::{Anchor, Label, Look, Path, Svg, text_width};
use crate::model::{RampStage, RunResult};
use crate::report::figure;

const HEIGHT: f64 = 270.0;

/// The highest stage of one load before the first that broke.
pub fn knee<'a>(stages: &[&'a RampStage]) -> Option<&'a RampStage> {
    stages.iter().take_while(|stage| stage.holds).last().copied()
}

/// The stages of one load in order; `None` when there is none. `index` tells several loads' drawings apart.
pub fn ramp(result: &RunResult, stages: &[&RampStage], index: usize, size: Size) -> Option<String> {
    let first = stages.first()?;
    let width = size.width();
    let title = format!("Latency of {} as the rate grows", first.load);
    let knee = knee(stages);
    let description = match knee {
        Some(stage) => format!("The last rate that held is {} per second.", figure::three_digits(stage.rate)),
        None => "No rate held.".to_owned(),
    };
    let mut svg = Svg::new(&format!("{}-{index}", size.id("ramp")), width, HEIGHT, &title, &description);
    let area = Area { left: 52.0, right: width - 20.0, top: 26.0, bottom: HEIGHT - 38.0 };
    let promised = promised_p99_us(result, &first.load);
    let us = |stage: &RampStage| stage.p99_us as f64;
    let low = stages.iter().map(|stage| us(stage)).filter(|us| *us > 0.0).fold(f64::INFINITY, f64::min);
    let high = stages.iter().map(|stage| us(stage)).fold(0.0, f64::max);
    let (low, high) = promised.as_ref().map_or((low, high), |(us, _)| (low.min(*us), high.max(*us)));
    let y = Log::covering(low, high, area.bottom, area.top);
    latency_axis(&mut svg, area, &y);
    let fastest = stages.iter().map(|stage| stage.rate).fold(0.0, f64::max);
    let x = Linear { from: 0.0, to: fastest * 1.05, start_px: area.left, end_px: area.right };
    for tick in ticks(0.0, x.to, size.pick(10, 4)) {
        let at = x.at(tick);
        svg.line((at, area.top), (at, area.bottom), &grid());
        let label = Label::new(Anchor::Middle, Ink::Muted);
        svg.text(at, area.bottom + 14.0, label, &figure::three_digits(tick));
    }
    let middle = (area.left + area.right) / 2.0;
    let label = Label::new(Anchor::Middle, Ink::Muted);
    svg.text(middle, area.bottom + 30.0, label, "operations per second asked for");
    svg.text(area.left, 10.0, Label::new(Anchor::Start, Ink::Muted), "p99");
    if let Some((us, words)) = promised {
        let at = y.at(us);
        svg.line((area.left, at), (area.right, at), &Look::stroke(Ink::Tail, 1.0).dashed("6 4"));
        svg.text(area.left + 4.0, at - 5.0, Label::new(Anchor::Start, Ink::Tail).halo().size(10.0), &words);
    }
    let mut path = Path::default();
    for (i, stage) in stages.iter().enumerate() {
        let (at, height) = (x.at(stage.rate), y.at(us(stage)));
        if i == 0 { path.move_to(at, height) } else { path.line_to(at, height) }
    }
    svg.path(&path, &Look::stroke(Ink::Median, 1.6));
    for stage in stages {
        point(&mut svg, x.at(stage.rate), y.at(us(stage)), stage.holds);
    }
    if let Some(knee) = knee {
        let at = x.at(knee.rate);
        let words = format!("knee: {} /s", figure::three_digits(knee.rate));
        svg.line((at, area.top - 6.0), (at, area.bottom), &Look::stroke(Ink::Text, 1.2).dashed("3 3"));
        let left = at + text_width(&words) + 8.0 > area.right;
        let (anchor, shift) = if left { (Anchor::End, -5.0) } else { (Anchor::Start, 5.0) };
        svg.text(at + shift, area.top - 8.0, Label::new(anchor, Ink::Text).bold().halo().size(12.0), &words);
    }
    Some(svg.finish())
}

/// A dot where the objectives held, a cross where they did not.
fn point(svg: &mut Svg, x: f64, y: f64, holds: bool) {
    if holds {
        svg.circle(x, y, 3.6, &Look::fill(Ink::Median));
        return;
    }
    svg.circle(x, y, 6.0, &Look::fill(Ink::Surface));
    let cross = Look::stroke(Ink::Failed, 2.2);
    svg.line((x - 4.0, y - 4.0), (x + 4.0, y + 4.0), &cross);
    svg.line((x - 4.0, y + 4.0), (x + 4.0, y - 4.0), &cross);
}
