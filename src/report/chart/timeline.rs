//! The timeline: phases, faults, node roles and every load on one shared axis of seconds, so that cause and
//! effect stand under each other.

use super::axis::{Area, grid};
use super::palette::Ink;
use super::scale::{Linear, time_ticks_s};
use super::svg::{Anchor, Label, Look, Svg, bold_width, fitting, text_width};
use super::{Size, lanes, legend, series};
use crate::model::{FaultRow, Picture, RunResult};
use crate::report::{figure, words};

const PHASES: f64 = 20.0;
const FAULT_LABEL: f64 = 15.0;
const FAULT_ROWS_MAX: usize = 4;
const AXIS: f64 = 36.0;

/// `None` when there is nothing to draw: no lane and no series, or no time at all.
pub fn timeline(result: &RunResult, picture: &Picture, size: Size) -> Option<String> {
    let (from_ms, to_ms) = span_ms(result, picture)?;
    if picture.lanes.is_empty() && picture.series.is_empty() {
        return None;
    }
    let width = size.width();
    let (left, right) = (size.pick(62.0, 46.0), width - size.pick(32.0, 28.0));
    let x = Linear { from: from_ms, to: to_ms, start_px: left, end_px: right };
    let placed = place_labels(&result.faults, &x, right);
    let rows = placed.iter().flatten().map(|(row, _)| row + 1).max().unwrap_or(0);
    let head = PHASES + rows as f64 * FAULT_LABEL + 8.0;
    let lanes_height = lanes::height(picture) + 12.0;
    let plots_bottom = head + lanes_height + picture.series.len() as f64 * series::HEIGHT;

    // Patterns of the legend are needed before its height is known, so it is collected on a scrap drawing.
    let id = size.id("timeline");
    let entries = |svg: &mut Svg| {
        let mut entries = lanes::legend(svg, picture);
        entries.extend(series::legend(svg, picture));
        entries
    };
    let legend_height = legend::height(&entries(&mut Svg::new(&id, 0.0, 0.0, "", "")), width);
    let height = plots_bottom + AXIS + legend_height;
    let mut svg = Svg::new(&id, width, height, "Timeline of the run", &description(result, picture));

    phases(&mut svg, result, &x, plots_bottom);
    for tick in time_ticks_s(from_ms / 1e3, to_ms / 1e3, size.pick(12, 6)) {
        let at = x.at(tick * 1e3);
        svg.line((at, head), (at, plots_bottom), &grid());
        let text = figure::three_digits(tick);
        svg.text(at, plots_bottom + 14.0, Label::new(Anchor::Middle, Ink::Muted), &text);
    }
    let middle = (left + right) / 2.0;
    let axis_label = Label::new(Anchor::Middle, Ink::Muted);
    svg.text(middle, plots_bottom + 28.0, axis_label, "seconds since the run began");
    for fault in &result.faults {
        band(&mut svg, fault, &x, head - 4.0, plots_bottom);
    }
    let area = Area { left, right, top: head, bottom: head + lanes_height };
    lanes::draw(&mut svg, area, &x, picture);
    let mut top = area.bottom;
    for load in &picture.series {
        let area = Area { left, right, top, bottom: top + series::HEIGHT };
        series::draw(&mut svg, area, &x, size, load, result, picture);
        top += series::HEIGHT;
    }
    for (fault, place) in result.faults.iter().zip(&placed) {
        marks(&mut svg, fault, place.as_ref(), &x, plots_bottom);
    }
    let entries = entries(&mut svg);
    legend::draw(&mut svg, &entries, 0.0, plots_bottom + AXIS, width);
    Some(svg.finish())
}

/// How many seconds one point of the chart stands for, when it is more than one.
pub fn seconds_per_point(result: &RunResult, picture: &Picture, size: Size) -> Option<usize> {
    let (from_ms, to_ms) = span_ms(result, picture)?;
    let seconds = ((to_ms - from_ms) / 1e3) as usize;
    let wide = super::buckets::seconds_per_bucket(seconds, series::points_max(size));
    (wide > 1).then_some(wide)
}

/// From the first phase with load to the last one; set-up and collection would only squeeze the rest.
fn span_ms(result: &RunResult, picture: &Picture) -> Option<(f64, f64)> {
    let with_load =
        || result.phases.iter().filter(|phase| phase.phase != "setup" && phase.phase != "collect");
    let from = with_load().map(|phase| phase.start_ms).fold(f64::INFINITY, f64::min);
    let to = with_load().map(|phase| phase.end_ms).fold(0.0, f64::max);
    let (from, to) = if from < to { (from, to) } else { (0.0, picture.end_ms.max(result.duration_ms)) };
    (from.is_finite() && to.is_finite() && to > from).then_some((from, to))
}

fn phases(svg: &mut Svg, result: &RunResult, x: &Linear, bottom: f64) {
    for phase in &result.phases {
        let (start, end) = (x.clamped(phase.start_ms), x.clamped(phase.end_ms));
        if end - start < 1.0 {
            continue;
        }
        svg.rect(start + 0.5, 0.0, end - start - 1.0, PHASES - 4.0, &Look::fill(Ink::Line).round(2.0));
        svg.line((start, 0.0), (start, bottom), &Look::stroke(Ink::Line, 1.5));
        if text_width(&phase.phase) + 6.0 < end - start {
            let label = Label::new(Anchor::Middle, Ink::Text);
            svg.text((start + end) / 2.0, 12.0, label, &phase.phase);
        }
    }
}

/// The row of each fault's label and whether it stands left of its line; `None` where no row is free.
fn place_labels(faults: &[FaultRow], x: &Linear, right: f64) -> Vec<Option<(usize, Anchor)>> {
    let mut taken: Vec<Vec<(f64, f64)>> = vec![];
    let mut placed = vec![];
    for fault in faults {
        let at = x.clamped(fault.applied_ms.unwrap_or(fault.requested_ms));
        let width = bold_width(&label(fault)) + 10.0;
        let anchor = if at + width > right { Anchor::End } else { Anchor::Start };
        let span = if anchor == Anchor::End { (at - width, at) } else { (at, at + width) };
        let row = (0..FAULT_ROWS_MAX).find(|row| {
            taken.get(*row).is_none_or(|spans| spans.iter().all(|other| span.1 < other.0 || span.0 > other.1))
        });
        if let Some(row) = row {
            taken.resize(taken.len().max(row + 1), vec![]);
            taken[row].push(span);
        }
        placed.push(row.map(|row| (row, anchor)));
    }
    placed
}

fn label(fault: &FaultRow) -> String {
    let what = fitting(&words::fault_label(fault), 200.0);
    if fault.applied_ms.is_some() { what } else { format!("{what}: no effect") }
}

/// From applied to healed; one that was never healed reaches to the end.
fn band(svg: &mut Svg, fault: &FaultRow, x: &Linear, top: f64, bottom: f64) {
    let Some(applied_ms) = fault.applied_ms else { return };
    if fault.kind.is_one_shot() {
        return;
    }
    let (start, end) = (x.clamped(applied_ms), x.clamped(fault.healed_ms.unwrap_or(x.to)));
    svg.rect(start, top, end - start, bottom - top, &Look::fill(Ink::Fault).opacity(0.13));
}

fn marks(svg: &mut Svg, fault: &FaultRow, place: Option<&(usize, Anchor)>, x: &Linear, bottom: f64) {
    let at = x.clamped(fault.applied_ms.unwrap_or(fault.requested_ms));
    let row = place.map_or(0, |(row, _)| *row);
    let label_top = PHASES + row as f64 * FAULT_LABEL;
    let line = Look::stroke(Ink::Fault, 1.3);
    let line = if fault.applied_ms.is_some() { line } else { line.dashed("2 3") };
    svg.line((at, label_top), (at, bottom), &line);
    if let Some(healed_ms) =
        fault.healed_ms.filter(|_| fault.applied_ms.is_some() && !fault.kind.is_one_shot())
    {
        let at = x.clamped(healed_ms);
        svg.line((at, label_top), (at, bottom), &Look::stroke(Ink::Fault, 1.0).dashed("4 3"));
        let free = at + text_width("healed") + 8.0 < x.end_px;
        if place.is_some() && free && at - x.clamped(fault.requested_ms) > bold_width(&label(fault)) + 8.0 {
            svg.text(at + 4.0, label_top + 10.0, Label::new(Anchor::Start, Ink::Muted).halo(), "healed");
        }
    }
    if let Some((_, anchor)) = place {
        let shift = if *anchor == Anchor::End { -4.0 } else { 4.0 };
        let words = label(fault);
        svg.text(at + shift, label_top + 10.0, Label::new(*anchor, Ink::Text).bold().halo(), &words);
    }
}

fn description(result: &RunResult, picture: &Picture) -> String {
    let faults: Vec<String> = result
        .faults
        .iter()
        .take(10)
        .map(|fault| match (fault.applied_ms, fault.healed_ms) {
            (Some(applied), Some(healed)) => {
                format!("{} from {} to {}", label(fault), figure::moment(applied), figure::moment(healed))
            }
            (Some(applied), None) => format!("{} at {}", label(fault), figure::moment(applied)),
            (None, _) => label(fault),
        })
        .collect();
    let faults = if faults.is_empty() { "no fault".to_owned() } else { faults.join(", ") };
    format!(
        "Roles of {} and operations per second and latency of {} over time. Faults: {faults}.",
        figure::counted(picture.lanes.len() as u64, "node"),
        figure::counted(picture.series.len() as u64, "load"),
    )
}
