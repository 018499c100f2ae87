//! Swim lanes: what each node said of its role over time, by pattern and label as well as by colour.

use super::palette::Ink;
use super::scale::Linear;
use super::svg::{Anchor, Label, Look, Svg, fitting_bold, text_width};
use super::{axis::Area, legend::Entry};
use crate::model::{Lane, Picture, Role};

pub const LANE: f64 = 22.0;
const BAR: f64 = 17.0;
const TERMS: f64 = 18.0;

pub fn height(picture: &Picture) -> f64 {
    let terms = if term_changes(picture).is_empty() { 0.0 } else { TERMS };
    picture.lanes.len() as f64 * LANE + terms
}

/// `x` maps milliseconds on the run's clock.
pub fn draw(svg: &mut Svg, area: Area, x: &Linear, picture: &Picture) {
    let mut top = area.top;
    for lane in &picture.lanes {
        let name = fitting_bold(lane.node.as_str(), area.left - 8.0);
        svg.text(area.left - 6.0, top + 13.0, Label::new(Anchor::End, Ink::Text).bold(), &name);
        for (start, end, role) in segments(lane, x) {
            segment(svg, start, end, top + 1.0, role);
        }
        top += LANE;
    }
    let changes = term_changes(picture);
    if !changes.is_empty() {
        svg.text(area.left - 6.0, top + 11.0, Label::new(Anchor::End, Ink::Muted), "term");
    }
    let mut free_from = area.left;
    for (ms, term) in changes {
        let at = x.clamped(ms);
        let text = term.to_string();
        if ms <= x.to && at >= free_from {
            svg.line((at, top), (at, top + 12.0), &Look::stroke(Ink::Muted, 1.0));
            svg.text(at + 3.0, top + 11.0, Label::new(Anchor::Start, Ink::Muted), &text);
            free_from = at + text_width(&text) + 8.0;
        }
    }
}

fn segment(svg: &mut Svg, start: f64, end: f64, top: f64, role: Role) {
    let look = look(svg, role);
    svg.rect(start, top, end - start, BAR, &look.round(2.0));
    let words = role.name();
    if end - start > text_width(words) + 8.0 {
        let ink = match role {
            Role::Active => Label::new(Anchor::Middle, Ink::OnActive).bold(),
            Role::Standby => Label::new(Anchor::Middle, Ink::Text),
            Role::Sealed | Role::Confused | Role::Unreachable => Label::new(Anchor::Middle, Ink::Text).halo(),
        };
        svg.text((start + end) / 2.0, top + 12.5, ink, words);
    }
}

fn look(svg: &mut Svg, role: Role) -> Look {
    match role {
        Role::Active => Look::fill(Ink::Active),
        Role::Standby => Look::fill(Ink::Standby),
        Role::Sealed => Look::pattern(svg.dots(Ink::Unknown)).outlined(Ink::Unknown, 1.0),
        Role::Confused => Look::pattern(svg.dots(Ink::Tail)).outlined(Ink::Tail, 1.0),
        Role::Unreachable => Look::pattern(svg.hatch(Ink::Failed)).outlined(Ink::Failed, 1.0),
    }
}

/// The roles that occur, in the order of the enumeration.
pub fn legend(svg: &mut Svg, picture: &Picture) -> Vec<Entry> {
    [Role::Active, Role::Standby, Role::Sealed, Role::Confused, Role::Unreachable]
        .into_iter()
        .filter(|role| picture.lanes.iter().any(|lane| lane.segments.iter().any(|(_, seen)| seen == role)))
        .map(|role| Entry { look: look(svg, role).round(2.0), words: role.name() })
        .collect()
}

/// Visible stretches of one role in pixels; neighbours with the same role are one.
fn segments(lane: &Lane, x: &Linear) -> Vec<(f64, f64, Role)> {
    let mut segments: Vec<(f64, f64, Role)> = vec![];
    for (i, (start_ms, role)) in lane.segments.iter().enumerate() {
        let end_ms = lane.segments.get(i + 1).map_or(x.to, |(next_ms, _)| *next_ms);
        let (start, end) = (x.clamped(*start_ms), x.clamped(end_ms));
        if end <= start {
            continue;
        }
        match segments.last_mut() {
            Some(last) if last.2 == *role => last.1 = end,
            _ => segments.push((start, end, *role)),
        }
    }
    segments
}

fn term_changes(picture: &Picture) -> Vec<(f64, u64)> {
    let mut changes = picture.terms.clone();
    changes.dedup_by_key(|(_, term)| *term);
    changes
}
