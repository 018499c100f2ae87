//! The share of a month's error budget that one run burned, as a bar.

use super::Size;
use super::palette::Ink;
use super::svg::{Anchor, Label, Look, Svg};
use crate::model::Budget;
use crate::report::figure;

const BAR_TOP: f64 = 20.0;
const BAR: f64 = 18.0;

/// A share beyond the whole budget fills the bar in the colour of failures.
pub fn budget(budget: &Budget, size: Size) -> String {
    let width = size.width();
    let share = budget.burned_share_percent;
    let burned = format!("{} of the month's budget burned", figure::percent(share));
    let mut svg =
        Svg::new(&size.id("budget"), width, BAR_TOP + BAR + 20.0, "Error budget of a month", &burned);
    let end = width - 2.0;
    svg.rect(1.0, BAR_TOP, end - 1.0, BAR, &Look::fill(Ink::Standby).round(3.0));
    let part = (share / 100.0).clamp(0.0, 1.0) * (end - 1.0);
    let ink = if share > 100.0 { Ink::Failed } else { Ink::Unknown };
    if part > 0.0 {
        svg.rect(1.0, BAR_TOP, part.max(2.0), BAR, &Look::fill(ink).round(3.0));
    }
    svg.text(1.0, BAR_TOP - 6.0, Label::new(Anchor::Start, Ink::Text).bold(), &burned);
    let below = BAR_TOP + BAR + 14.0;
    svg.text(1.0, below, Label::new(Anchor::Start, Ink::Muted), "0");
    let whole = figure::duration(budget.month_budget_ms);
    svg.text(end, below, Label::new(Anchor::End, Ink::Muted), &format!("{whole} a month"));
    svg.finish()
}
