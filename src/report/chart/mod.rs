//! Charts as inline SVG: no script, no font, no file. Each comes in a wide and a narrow drawing, because a
//! chart that is only scaled down cannot be read on a phone. Must not compute figures beyond what is drawn.

mod anatomy;
mod axis;
mod buckets;
mod budget;
mod lanes;
mod legend;
mod operations;
mod palette;
mod percentiles;
mod promise;
mod ramp;
mod scale;
mod series;
mod svg;
mod timeline;
mod trend;

pub use anatomy::anatomy;
pub use budget::budget;
pub use operations::operations;
pub use palette::style_sheet;
pub use percentiles::percentiles;
pub use ramp::{knee, ramp};
pub use timeline::{seconds_per_point, timeline};
pub use trend::trend_line;

/// For which width a chart is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Wide,
    Narrow,
}

impl Size {
    pub fn width(self) -> f64 {
        match self {
            Size::Wide => 880.0,
            Size::Narrow => 340.0,
        }
    }

    /// One of the two, by the size.
    pub fn pick<T>(self, wide: T, narrow: T) -> T {
        match self {
            Size::Wide => wide,
            Size::Narrow => narrow,
        }
    }

    /// Part of every id in the drawing, so that the two drawings of a chart do not share patterns.
    fn id(self, chart: &str) -> String {
        format!("{chart}-{}", self.pick("w", "n"))
    }
}
