//! Anatomy of a failover: one bar from the fault to full redundancy, cut at each step, with the steps named
//! below it. Steps that are unknown are left out of the bar and stand in the table.

use super::Size;
use super::palette::Ink;
use super::scale::{Linear, ticks};
use super::svg::{Anchor, Label, Look, Svg, text_width};
use crate::model::Failover;
use crate::report::figure;

const BAR: f64 = 30.0;
const ROW: f64 = 18.0;
const TOP: f64 = 20.0;

/// A step of the failover: its name and when, in milliseconds from the fault.
struct Step {
    words: &'static str,
    short: &'static str,
    ms: f64,
    ink: Ink,
}

/// `None` when no step is known. `index` tells the drawings of several failovers apart.
pub fn anatomy(failover: &Failover, index: usize, size: Size) -> Option<String> {
    let steps = steps(failover);
    let end_ms = steps.iter().map(|step| step.ms).fold(0.0, f64::max);
    if end_ms <= 0.0 {
        return None;
    }
    let width = size.width();
    let axis_top = TOP + BAR + 8.0 + steps.len() as f64 * ROW + 6.0;
    let title = format!("Failover after {}", failover.fault);
    let words: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {}", size.pick(step.words, step.short), figure::moment(step.ms)))
        .collect();
    let description = format!("From the fault: {}.", words.join(", "));
    let mut svg =
        Svg::new(&format!("{}-{index}", size.id("anatomy")), width, axis_top + 36.0, &title, &description);
    let x = Linear { from: 0.0, to: end_ms * 1.02, start_px: 6.0, end_px: width - 12.0 };

    segments(&mut svg, failover, &x, end_ms);
    // The earliest step hangs lowest: its label then lies left of and below every later line.
    for (i, step) in steps.iter().enumerate() {
        let y = TOP + BAR + 8.0 + (steps.len() - i) as f64 * ROW - 5.0;
        let at = x.at(step.ms);
        svg.line((at, TOP - 4.0), (at, y), &Look::stroke(step.ink, 1.3));
        svg.circle(at, y, 3.0, &Look::fill(step.ink));
        let text = &words[i];
        let fits = at + 10.0 + text_width(text) <= width;
        let anchor = if fits || at < width / 2.0 { Anchor::Start } else { Anchor::End };
        let shift = if anchor == Anchor::End { -8.0 } else { 8.0 };
        svg.text(at + shift, y + 4.0, Label::new(anchor, Ink::Text).halo(), text);
    }
    svg.line((x.start_px, axis_top), (x.end_px, axis_top), &Look::stroke(Ink::Line, 1.0));
    for tick in ticks(0.0, end_ms / 1e3, size.pick(12, 5)) {
        let at = x.at(tick * 1e3);
        svg.line((at, axis_top), (at, axis_top + 4.0), &Look::stroke(Ink::Muted, 1.0));
        svg.text(at, axis_top + 16.0, Label::new(Anchor::Middle, Ink::Muted), &figure::three_digits(tick));
    }
    let label = Label::new(Anchor::Middle, Ink::Muted);
    svg.text(width / 2.0, axis_top + 31.0, label, "seconds since the fault took hold");
    Some(svg.finish())
}

fn steps(failover: &Failover) -> Vec<Step> {
    let phases = &failover.phases_ms;
    let mut steps: Vec<Step> = [
        ("first error", "first error", phases.first_error, Ink::Failed),
        ("first read", "first read", phases.first_read, Ink::Median),
        ("new leader elected", "elected", phases.elected, Ink::Muted),
        ("seen active", "active", phases.active, Ink::Muted),
        ("ready, by the server's own log", "log: ready", failover.log_ready_ms, Ink::Muted),
        ("first write", "first write", phases.first_write, Ink::Active),
        ("redundant again", "redundant", phases.redundant, Ink::Active),
    ]
    .into_iter()
    .filter_map(|(words, short, ms, ink)| {
        ms.filter(|ms| ms.is_finite()).map(|ms| Step { words, short, ms: ms.max(0.0), ink })
    })
    .collect();
    steps.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    steps
}

/// What the time went into: no leader, getting active, until the first write; then service without redundancy.
fn segments(svg: &mut Svg, failover: &Failover, x: &Linear, end_ms: f64) {
    let phases = &failover.phases_ms;
    let mut from_ms = 0.0;
    let mut parts: Vec<(f64, f64, Look, &str, Label)> = vec![];
    let on = |ink| Label::new(Anchor::Middle, ink);
    let cuts = [
        (phases.elected, Look::fill(Ink::Failed), "no leader", on(Ink::Surface).bold()),
        (phases.active, Look::fill(Ink::Unknown), "taking over", on(Ink::Surface).bold()),
        (phases.first_write, Look::fill(Ink::Ok), "to first write", on(Ink::Surface).bold()),
    ];
    for (to_ms, look, words, label) in cuts {
        if let Some(to_ms) = to_ms.filter(|to_ms| *to_ms > from_ms) {
            parts.push((from_ms, to_ms, look, words, label));
            from_ms = to_ms;
        }
    }
    if let (Some(write_ms), Some(redundant_ms)) = (phases.first_write, phases.redundant) {
        if redundant_ms > write_ms {
            parts.push((
                write_ms,
                redundant_ms,
                Look::fill(Ink::Standby),
                "serves, but not redundant",
                on(Ink::Text),
            ));
        }
    } else if phases.first_write.is_none() && from_ms < end_ms {
        let hatch = svg.hatch(Ink::Muted);
        parts.push((from_ms, end_ms, Look::pattern(hatch), "no write seen", on(Ink::Text).halo()));
    }
    for (from_ms, to_ms, look, words, label) in parts {
        let (start, end) = (x.at(from_ms), x.at(to_ms));
        svg.rect(start, TOP, (end - start).max(1.5), BAR, &look);
        let length = figure::duration(to_ms - from_ms);
        let texts = [format!("{words}, {length}"), words.to_owned()];
        if let Some(text) = texts.iter().find(|text| text_width(text) + 10.0 < end - start) {
            svg.text((start + end) / 2.0, TOP + BAR / 2.0 + 4.0, label, text);
        }
    }
    if let Some(write_ms) = phases.first_write {
        let text = format!("writes stopped for {}", figure::duration(write_ms));
        svg.text(x.start_px, TOP - 7.0, Label::new(Anchor::Start, Ink::Text).bold().halo(), &text);
    }
}
