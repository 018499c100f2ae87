//! The legend of a chart: swatches with words, broken into rows where they do not fit.

use super::palette::Ink;
use super::svg::{Anchor, Label, Look, Svg, text_width};

pub struct Entry {
    pub look: Look,
    pub words: &'static str,
}

const ROW: f64 = 18.0;
const SWATCH: f64 = 14.0;

/// The height that [`draw`] will need.
pub fn height(entries: &[Entry], width: f64) -> f64 {
    let rows = places(entries, width).last().map_or(0.0, |(_, y)| y / ROW + 1.0);
    rows * ROW
}

pub fn draw(svg: &mut Svg, entries: &[Entry], left: f64, top: f64, width: f64) {
    for (entry, (x, y)) in entries.iter().zip(places(entries, width)) {
        svg.rect(left + x, top + y + 3.0, SWATCH, 11.0, &entry.look);
        svg.text(left + x + SWATCH + 5.0, top + y + 12.5, Label::new(Anchor::Start, Ink::Muted), entry.words);
    }
}

fn places(entries: &[Entry], width: f64) -> Vec<(f64, f64)> {
    let (mut x, mut y) = (0.0, 0.0);
    let mut places = vec![];
    for entry in entries {
        let needed = SWATCH + 5.0 + text_width(entry.words);
        if x > 0.0 && x + needed > width {
            (x, y) = (0.0, y + ROW);
        }
        places.push((x, y));
        x += needed + 14.0;
    }
    places
}
