//! Two panels for one load on the timeline: what became of its operations each second, and their latency.

use super::Size;
use super::axis::{Area, latency_axis, number_axis};
use super::buckets::{Bucket, buckets};
use super::legend::Entry;
use super::palette::Ink;
use super::promise::{operation_and_route, promised_p99_us};
use super::scale::{Linear, Log, apart, ticks};
use super::svg::{Anchor, Label, Look, Path, Svg, bold_width, fitting_bold};
use crate::model::{Outage, Picture, RunResult, Second, Series};
use crate::report::{figure, summary};

const TITLE: f64 = 18.0;
const THROUGHPUT: f64 = 56.0;
const BETWEEN: f64 = 14.0;
const LATENCY: f64 = 92.0;
const AFTER: f64 = 20.0;

pub const HEIGHT: f64 = TITLE + THROUGHPUT + BETWEEN + LATENCY + AFTER;

/// As many points as can be told apart.
pub fn points_max(size: Size) -> usize {
    size.pick(260, 110)
}

/// Draws into `area`, whose height is [`HEIGHT`]. `x` maps milliseconds on the run's clock.
pub fn draw(
    svg: &mut Svg,
    area: Area,
    x: &Linear,
    size: Size,
    load: &Series,
    result: &RunResult,
    picture: &Picture,
) {
    let points = buckets(&load.seconds, x.from, x.to, points_max(size));
    let top = area.top + TITLE;
    let title = fitting_bold(&load.name, area.right - 130.0);
    svg.text(0.0, area.top + 11.0, Label::new(Anchor::Start, Ink::Text).bold().size(12.0), &title);
    let throughput_area = Area { top, bottom: top + THROUGHPUT, ..area };
    svg.text(area.right, area.top + 11.0, Label::new(Anchor::End, Ink::Muted), "operations per second");
    throughput(svg, throughput_area, x, &points);
    for outage in outages(result, &load.name) {
        gap(svg, throughput_area, x, outage);
    }
    let top = throughput_area.bottom + BETWEEN;
    let latency_area = Area { top, bottom: top + LATENCY, ..area };
    latency(svg, latency_area, x, &points, promised_p99_us(result, &load.name));
    let hatch = svg.hatch(Ink::Muted);
    for (start_ms, end_ms) in &picture.contaminated_ms {
        let (start, end) = (x.clamped(*start_ms), x.clamped(*end_ms));
        let look = Look::pattern(hatch.clone()).opacity(0.35);
        svg.rect(start, latency_area.top, end - start, LATENCY, &look);
    }
    svg.text(area.right, latency_area.top - 3.0, Label::new(Anchor::End, Ink::Muted).halo(), "latency");
}

fn throughput(svg: &mut Svg, area: Area, x: &Linear, points: &[Bucket]) {
    let highest = points.iter().map(Bucket::total).fold(0.0, f64::max).max(1.0);
    let y = Linear { from: 0.0, to: highest * 1.06, start_px: area.bottom, end_px: area.top };
    number_axis(svg, area, &y, &ticks(0.0, highest, 2));
    let unknown = Look::pattern(svg.hatch(Ink::Unknown));
    svg.path(&steps(points, x, &y, Bucket::total), &Look::fill(Ink::Surface));
    svg.path(&steps(points, x, &y, Bucket::total), &unknown);
    svg.path(&steps(points, x, &y, |point| point.ok + point.failed), &Look::fill(Ink::Failed));
    svg.path(&steps(points, x, &y, |point| point.ok), &Look::fill(Ink::Ok));
}

/// The area under a staircase, closed at gaps without any operation.
fn steps(points: &[Bucket], x: &Linear, y: &Linear, value: impl Fn(&Bucket) -> f64) -> Path {
    let mut path = Path::default();
    let mut open: Option<f64> = None;
    for (i, point) in points.iter().enumerate() {
        let height = value(point);
        let (start, end) = (x.clamped(point.start_ms), x.clamped(point.end_ms));
        if height <= 0.0 {
            close(&mut path, &mut open, y);
            continue;
        }
        if open.is_none() {
            path.move_to(start, y.at(0.0));
        }
        path.line_to(start, y.at(height));
        path.line_to(end, y.at(height));
        open = Some(end);
        if points.get(i + 1).is_none_or(|next| next.start_ms > point.end_ms + 1.0) {
            close(&mut path, &mut open, y);
        }
    }
    path
}

fn close(path: &mut Path, open: &mut Option<f64>, y: &Linear) {
    if let Some(end) = open.take() {
        path.line_to(end, y.at(0.0));
        path.close();
    }
}

fn outages<'a>(result: &'a RunResult, load: &str) -> Vec<&'a Outage> {
    let (operation, route) = operation_and_route(result, load);
    result.outages.iter().filter(|outage| outage.operation == operation && outage.route == route).collect()
}

/// A time without a success: its length, written into the gap where it fits.
fn gap(svg: &mut Svg, area: Area, x: &Linear, outage: &Outage) {
    let (start, end) = (x.clamped(outage.start_ms), x.clamped(outage.end_ms));
    let at = area.top + 8.0;
    let line = Look::stroke(Ink::Text, 1.0);
    let length = figure::duration(summary::length_ms(outage));
    let words = [format!("no success for {length}"), length];
    let Some(words) = words.iter().find(|words| bold_width(words) + 6.0 < end - start) else { return };
    svg.line((start, at), (end, at), &line);
    svg.line((start, at - 3.0), (start, at + 3.0), &line);
    svg.line((end, at - 3.0), (end, at + 3.0), &line);
    let (middle, width) = ((start + end) / 2.0, bold_width(words) + 6.0);
    svg.rect(middle - width / 2.0, at + 4.0, width, 15.0, &Look::fill(Ink::Surface).opacity(0.92).round(3.0));
    svg.text(middle, at + 15.0, Label::new(Anchor::Middle, Ink::Text).bold(), words);
}

fn latency(svg: &mut Svg, area: Area, x: &Linear, points: &[Bucket], promised: Option<(f64, String)>) {
    let seen: Vec<&Bucket> =
        points.iter().filter(|point| point.total() > 0.0 && point.max_us > 0.0).collect();
    if seen.is_empty() {
        let middle = ((area.left + area.right) / 2.0, (area.top + area.bottom) / 2.0);
        svg.text(middle.0, middle.1, Label::new(Anchor::Middle, Ink::Muted), "no operation, no latency");
        return;
    }
    let mut low = seen.iter().map(|point| point.p50_us.max(1.0)).fold(f64::INFINITY, f64::min);
    let mut high = seen.iter().map(|point| point.max_us).fold(1.0, f64::max);
    if let Some((us, _)) = &promised {
        (low, high) = (low.min(*us), high.max(*us));
    }
    let y = Log::covering(low, high, area.bottom, area.top);
    latency_axis(svg, area, &y);
    if let Some((us, _)) = &promised {
        let at = y.at(*us);
        svg.line((area.left, at), (area.right, at), &Look::stroke(Ink::Tail, 1.0).dashed("6 4"));
    }
    type Line = (&'static str, Look, Ink, fn(&Bucket) -> f64);
    let lines: [Line; 3] = [
        ("max", Look::stroke(Ink::Muted, 1.0).dashed("1.5 2.5"), Ink::Muted, |point| point.max_us),
        ("p50", Look::stroke(Ink::Median, 1.6), Ink::Median, |point| point.p50_us),
        ("p99", Look::stroke(Ink::Tail, 1.6), Ink::Tail, |point| point.p99_us),
    ];
    let mut ends = vec![];
    for (_, look, _, value) in &lines {
        svg.path(&line(points, x, &y, value), look);
        ends.push(seen.last().map_or(area.bottom, |last| y.at(value(last))));
    }
    for ((name, _, ink, _), at) in lines.iter().zip(apart(&ends, 11.0, area.top + 2.0, area.bottom)) {
        svg.text(area.right + 4.0, at + 4.0, Label::new(Anchor::Start, *ink), name);
    }
    if let Some((us, words)) = promised {
        let at = y.at(us) - 4.0;
        svg.text(area.left + 4.0, at, Label::new(Anchor::Start, Ink::Tail).halo().size(10.0), &words);
    }
}

fn line(points: &[Bucket], x: &Linear, y: &Log, value: impl Fn(&Bucket) -> f64) -> Path {
    let mut path = Path::default();
    let mut previous_end: Option<f64> = None;
    for point in points {
        if point.total() <= 0.0 || point.max_us <= 0.0 {
            previous_end = None;
            continue;
        }
        let (at, height) = (x.clamped((point.start_ms + point.end_ms) / 2.0), y.at(value(point)));
        match previous_end {
            Some(end) if point.start_ms <= end + 1.0 => path.line_to(at, height),
            _ => path.move_to(at, height),
        }
        previous_end = Some(point.end_ms);
    }
    path
}

/// Which outcomes and marks occur.
pub fn legend(svg: &mut Svg, picture: &Picture) -> Vec<Entry> {
    let any = |pick: fn(&Second) -> u64| {
        picture.series.iter().any(|series| series.seconds.iter().any(|second| pick(second) > 0))
    };
    let mut entries = vec![];
    if any(|second| second.ok) {
        entries.push(Entry { look: Look::fill(Ink::Ok), words: "acknowledged" });
    }
    if any(|second| second.failed) {
        entries.push(Entry { look: Look::fill(Ink::Failed), words: "failed" });
    }
    if any(|second| second.unknown) {
        let look = Look::pattern(svg.hatch(Ink::Unknown)).outlined(Ink::Unknown, 1.0);
        entries.push(Entry { look, words: "unknown: may have taken effect" });
    }
    if !picture.contaminated_ms.is_empty() {
        let look = Look::pattern(svg.hatch(Ink::Muted)).outlined(Ink::Muted, 1.0);
        entries.push(Entry { look, words: "machine disturbed: latency not trusted" });
    }
    entries
}
