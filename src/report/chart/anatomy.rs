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
const REDUNDANT: &str = "redundant again";
/// When redundancy takes this many times longer than the first write, a common scale would hide the failover.
const FAR: f64 = 6.0;

/// A step of the failover: its name and when, in milliseconds from the fault.
struct Step {
    words: &'static str,
    short: &'static str,
    ms: f64,
    ink: Ink,
}

/// `None` when no step is known. `index` tells the drawings of several failovers apart.
pub fn anatomy(failover: &Failover, index: usize, size: Size) -> Option<String> {
    let mut steps = steps(failover);
    let mut end_ms = steps.iter().map(|step| step.ms).fold(0.0, f64::max);
    if end_ms <= 0.0 {
        return None;
    }
    let beyond_ms = redundant_beyond_ms(failover);
    if beyond_ms.is_some() {
        steps.retain(|step| step.words != REDUNDANT);
        end_ms = steps.iter().map(|step| step.ms).fold(0.0, f64::max) * 1.6;
    }
    let width = size.width();
    let axis_top = TOP + BAR + 8.0 + steps.len() as f64 * ROW + 6.0;
    let title = format!("Failover after {}", failover.fault);
    let words: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {}", size.pick(step.words, step.short), figure::elapsed(step.ms)))
        .collect();
    let description = format!("From the fault: {}.", words.join(", "));
    let mut svg =
        Svg::new(&format!("{}-{index}", size.id("anatomy")), width, axis_top + 36.0, &title, &description);
    let x = Linear { from: 0.0, to: end_ms * 1.02, start_px: 6.0, end_px: width - 12.0 };

    segments(&mut svg, failover, &x, end_ms, beyond_ms);
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
        (REDUNDANT, "redundant", phases.redundant, Ink::Active),
    ]
    .into_iter()
    .filter_map(|(words, short, ms, ink)| {
        ms.filter(|ms| ms.is_finite()).map(|ms| Step { words, short, ms: ms.max(0.0), ink })
    })
    .collect();
    steps.sort_by(|a, b| a.ms.total_cmp(&b.ms));
    steps
}

/// When full redundancy came, if that is too far away to share a scale with the rest.
fn redundant_beyond_ms(failover: &Failover) -> Option<f64> {
    let (write_ms, redundant_ms) = (failover.phases_ms.first_write?, failover.phases_ms.redundant?);
    (write_ms > 0.0 && redundant_ms.is_finite() && redundant_ms > write_ms * FAR).then_some(redundant_ms)
}

/// What the time went into: no leader, taking over, until the first write; then service without redundancy.
fn segments(svg: &mut Svg, failover: &Failover, x: &Linear, end_ms: f64, beyond_ms: Option<f64>) {
    let phases = &failover.phases_ms;
    let mut from_ms = 0.0;
    let mut parts: Vec<(f64, f64, Look, String, Label)> = vec![];
    let on = |ink| Label::new(Anchor::Middle, ink);
    // Without the election's time nobody can say when the old leadership ended and the new one began.
    let taking_over = match phases.elected {
        Some(_) => (Look::fill(Ink::Unknown), "taking over"),
        None => (Look::fill(Ink::Failed), "no active node"),
    };
    let cuts = [
        (phases.elected, Look::fill(Ink::Failed), "no leader"),
        (phases.active, taking_over.0, taking_over.1),
        (phases.first_write, Look::fill(Ink::Ok), "to first write"),
    ];
    for (to_ms, look, words) in cuts {
        if let Some(to_ms) = to_ms.filter(|to_ms| *to_ms > from_ms) {
            let words = format!("{words}, {}", figure::duration(to_ms - from_ms));
            parts.push((from_ms, to_ms, look, words, on(Ink::Surface).bold()));
            from_ms = to_ms;
        }
    }
    let without_redundancy = Look::fill(Ink::Standby);
    match (phases.first_write, phases.redundant, beyond_ms) {
        (Some(write_ms), _, Some(redundant_ms)) => {
            let words = format!("not redundant until {} »", figure::elapsed(redundant_ms));
            parts.push((write_ms, end_ms, without_redundancy, words, on(Ink::Text)));
        }
        (Some(write_ms), Some(redundant_ms), None) if redundant_ms > write_ms => {
            let words = format!("serves, not redundant, {}", figure::duration(redundant_ms - write_ms));
            parts.push((write_ms, redundant_ms, without_redundancy, words, on(Ink::Text)));
        }
        (None, ..) if from_ms < end_ms => {
            let hatch = svg.hatch(Ink::Muted);
            parts.push((
                from_ms,
                end_ms,
                Look::pattern(hatch),
                "no write seen".to_owned(),
                on(Ink::Text).halo(),
            ));
        }
        _ => {}
    }
    for (from_ms, to_ms, look, words, label) in parts {
        let (start, end) = (x.at(from_ms), x.at(to_ms));
        svg.rect(start, TOP, (end - start).max(1.5), BAR, &look);
        let short = words.split(',').next().unwrap_or_default();
        if let Some(text) = [words.as_str(), short].iter().find(|text| text_width(text) + 10.0 < end - start)
        {
            svg.text((start + end) / 2.0, TOP + BAR / 2.0 + 4.0, label, text);
        }
    }
    let text = match phases.first_write {
        Some(write_ms) => format!("first write after {}", figure::duration(write_ms)),
        None => "no acknowledged write was seen after this fault".to_owned(),
    };
    svg.text(x.start_px, TOP - 7.0, Label::new(Anchor::Start, Ink::Text).bold().halo(), &text);
}
