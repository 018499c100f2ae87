//! A few operations on one secret, each a bar from when it was sent to its answer, one below the other: what cannot
//! be put in one order is seen at a glance.

use super::Size;
use super::palette::Ink;
use super::scale::{Linear, ticks};
use super::svg::{Anchor, Label, Look, Svg, fitting};
use crate::model::{ErrorKind, Operation, Outcome, Workload};
use crate::report::figure;

const ROW: f64 = 34.0;
const BAR: f64 = 10.0;
const TOP: f64 = 4.0;
const SIDE: f64 = 10.0;
/// An operation of no length is still seen.
const BAR_MIN: f64 = 3.0;
/// More would be no picture.
const ROWS_MAX: usize = 40;

/// `None` for fewer than two operations. `id` tells the drawings of one page apart.
pub fn operations(operations: &[Operation], id: &str, size: Size) -> Option<String> {
    let shown = &operations[..operations.len().min(ROWS_MAX)];
    let from_us = shown.iter().map(|op| op.sent_us).min().filter(|_| shown.len() > 1)?;
    // What was never answered reaches to the edge, wherever that is.
    let ends = shown.iter().map(|op| if is_open(op) { op.sent_us } else { op.done_us });
    let to_us = ends.max()?.max(from_us + 1);
    let ms = |us: u64| us.saturating_sub(from_us) as f64 / 1e3;
    let width = size.width();
    let x = Linear { from: 0.0, to: ms(to_us) * 1.03, start_px: SIDE, end_px: width - SIDE };
    let labels: Vec<String> = shown.iter().map(words).collect();
    let title = "Operations that fit no order";
    let description = format!("By the time they were sent: {}.", labels.join("; "));
    let bottom = TOP + shown.len() as f64 * ROW + 4.0;
    let mut svg =
        Svg::new(&format!("{}-{id}", size.id("operations")), width, bottom + 36.0, title, &description);

    for tick in ticks(0.0, x.to, size.pick(10, 4)) {
        let at = x.at(tick);
        svg.line((at, TOP), (at, bottom + 4.0), &super::axis::grid());
        svg.text(at, bottom + 16.0, Label::new(Anchor::Middle, Ink::Muted), &figure::three_digits(tick));
    }
    for (i, (op, label)) in shown.iter().zip(&labels).enumerate() {
        let top = TOP + i as f64 * ROW;
        let label = fitting(label, width - 2.0 * SIDE);
        svg.text(SIDE, top + 12.0, Label::new(Anchor::Start, Ink::Text).halo(), &label);
        let start = x.at(ms(op.sent_us));
        let end = if is_open(op) { x.end_px } else { x.at(ms(op.done_us)) };
        let look = look(&mut svg, op).round(2.0);
        svg.rect(start.min(x.end_px - BAR_MIN), top + 17.0, (end - start).max(BAR_MIN), BAR, &look);
    }
    let since = format!("milliseconds since {}", figure::moment(from_us as f64 / 1e3));
    svg.text(width / 2.0, bottom + 31.0, Label::new(Anchor::Middle, Ink::Muted), &since);
    Some(svg.finish())
}

fn is_open(op: &Operation) -> bool {
    op.outcome == Outcome::Unknown
}

fn look(svg: &mut Svg, op: &Operation) -> Look {
    match (op.outcome, op.op) {
        (Outcome::Unknown, _) => Look::pattern(svg.dots(Ink::Unknown)).outlined(Ink::Unknown, 1.0),
        (_, Workload::Kv2Read) => Look::fill(Ink::Median),
        (Outcome::Failed, _) => Look::pattern(svg.hatch(Ink::Failed)).outlined(Ink::Failed, 1.0),
        (Outcome::Ok, _) => Look::fill(Ink::Active),
    }
}

/// `kv2.read by n1: found version 3`.
fn words(op: &Operation) -> String {
    let version = op.version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"));
    let told = match (op.op, op.outcome) {
        (_, Outcome::Unknown) => "never answered".to_owned(),
        (Workload::Kv2Read, Outcome::Ok) if op.digest.is_none() => format!("found {version} deleted"),
        (Workload::Kv2Read, Outcome::Ok) => format!("found {version}"),
        (Workload::Kv2Read, Outcome::Failed) => "found nothing".to_owned(),
        (_, Outcome::Failed) if op.error == Some(ErrorKind::CasConflict) => {
            "refused, another version was there".to_owned()
        }
        (_, Outcome::Failed) => "refused".to_owned(),
        (Workload::Kv2Write | Workload::Kv2Cas, Outcome::Ok) => format!("stored {version}"),
        (Workload::Kv2Undelete | Workload::Kv2Destroy, Outcome::Ok) => format!("done for {version}"),
        (_, Outcome::Ok) => "done".to_owned(),
    };
    let on = op.expected.map(|expected| format!(" on version {expected}")).unwrap_or_default();
    let by = op.node.as_ref().map(|node| format!(" by {node}")).unwrap_or_default();
    format!("{}{on}{by}: {told}", op.op)
}
