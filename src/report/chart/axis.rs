//! The parts that charts with axes share: the plot's area, grid lines and tick labels.

use super::palette::Ink;
use super::scale::{Linear, Log};
use super::svg::{Anchor, Label, Look, Svg};
use crate::report::figure;

/// The area of a plot, in pixels.
#[derive(Clone, Copy)]
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

pub fn grid() -> Look {
    Look::stroke(Ink::Line, 1.0)
}

/// Grid lines and latency labels (`1 ms`, `10 s`) at the left; values in microseconds.
pub fn latency_axis(svg: &mut Svg, area: Area, y: &Log) {
    for tick in y.ticks() {
        let at = y.at(tick);
        svg.line((area.left, at), (area.right, at), &grid());
        svg.text(area.left - 6.0, at + 4.0, Label::new(Anchor::End, Ink::Muted), &latency_label(tick));
    }
}

/// Grid lines and plain numbers at the left.
pub fn number_axis(svg: &mut Svg, area: Area, y: &Linear, ticks: &[f64]) {
    for tick in ticks {
        let at = y.at(*tick);
        svg.line((area.left, at), (area.right, at), &grid());
        let text = figure::three_digits(*tick);
        svg.text(area.left - 6.0, at + 4.0, Label::new(Anchor::End, Ink::Muted), &text);
    }
}

fn latency_label(us: f64) -> String {
    if us < 1e3 {
        format!("{} µs", figure::three_digits(us))
    } else if us < 1e6 {
        format!("{} ms", figure::three_digits(us / 1e3))
    } else {
        format!("{} s", figure::three_digits(us / 1e6))
    }
}
