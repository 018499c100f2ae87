//! A small writer of inline SVG. Each mark carries its colour as an attribute and as a class: the class
//! follows light and dark, the attribute remains where the style sheet is dropped. All text is escaped here.

use super::palette::Ink;
use crate::report::plain;
use std::fmt::Write;

pub struct Svg {
    id: String,
    width: f64,
    height: f64,
    title: String,
    description: String,
    definitions: String,
    body: String,
}

/// How a mark looks. Nothing is painted that is not asked for.
#[derive(Clone, Default)]
pub struct Look {
    fill: Option<Ink>,
    pattern: Option<String>,
    stroke: Option<(Ink, f64)>,
    dash: Option<&'static str>,
    opacity: Option<f64>,
    round: Option<f64>,
}

impl Look {
    pub fn fill(ink: Ink) -> Self {
        Self { fill: Some(ink), ..Self::default() }
    }

    pub fn stroke(ink: Ink, width: f64) -> Self {
        Self { stroke: Some((ink, width)), ..Self::default() }
    }

    /// Filled with what [`Svg::hatch`] or [`Svg::dots`] returned.
    pub fn pattern(pattern: String) -> Self {
        Self { pattern: Some(pattern), ..Self::default() }
    }

    pub fn outlined(mut self, ink: Ink, width: f64) -> Self {
        self.stroke = Some((ink, width));
        self
    }

    pub fn dashed(mut self, dash: &'static str) -> Self {
        self.dash = Some(dash);
        self
    }

    pub fn opacity(mut self, opacity: f64) -> Self {
        self.opacity = Some(opacity);
        self
    }

    pub fn round(mut self, radius: f64) -> Self {
        self.round = Some(radius);
        self
    }

    fn attributes(&self) -> String {
        let mut classes = vec![];
        let mut text = String::new();
        match (&self.pattern, self.fill) {
            (Some(pattern), _) => text.push_str(&format!(" fill=\"{pattern}\"")),
            (None, Some(ink)) => {
                classes.push(format!("f-{}", ink.name()));
                text.push_str(&format!(" fill=\"{}\"", ink.light()));
            }
            (None, None) => text.push_str(" fill=\"none\""),
        }
        if let Some((ink, width)) = self.stroke {
            classes.push(format!("s-{}", ink.name()));
            text.push_str(&format!(" stroke=\"{}\" stroke-width=\"{}\"", ink.light(), number(width)));
        }
        if let Some(dash) = self.dash {
            text.push_str(&format!(" stroke-dasharray=\"{dash}\""));
        }
        if let Some(opacity) = self.opacity {
            text.push_str(&format!(" opacity=\"{opacity}\""));
        }
        if let Some(radius) = self.round {
            text.push_str(&format!(" rx=\"{}\"", number(radius)));
        }
        if !classes.is_empty() {
            text.push_str(&format!(" class=\"{}\"", classes.join(" ")));
        }
        text
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// A piece of text: where it is anchored, its size in pixels, its colour.
#[derive(Clone, Copy)]
pub struct Label {
    pub anchor: Anchor,
    pub size: f64,
    pub ink: Ink,
    pub bold: bool,
    /// Painted over a rim of the background, to be readable across lines.
    pub halo: bool,
}

impl Label {
    pub fn new(anchor: Anchor, ink: Ink) -> Self {
        Self { anchor, size: TEXT_SIZE, ink, bold: false, halo: false }
    }

    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    pub fn halo(mut self) -> Self {
        self.halo = true;
        self
    }

    pub fn size(mut self, size: f64) -> Self {
        self.size = size;
        self
    }
}

pub const TEXT_SIZE: f64 = 11.0;

/// About how wide a text of [`TEXT_SIZE`] is drawn, to decide whether it fits; rather too wide than not.
pub fn text_width(text: &str) -> f64 {
    text.chars().count() as f64 * 6.1
}

/// The same for bold text.
pub fn bold_width(text: &str) -> f64 {
    text_width(text) * BOLD
}

/// How much wider bold text is drawn.
const BOLD: f64 = 1.15;

/// Bold text, cut to about `width` pixels.
pub fn fitting_bold(text: &str, width: f64) -> String {
    fitting(text, width / BOLD)
}

/// The text, cut to about `width` pixels, with `…` where something is missing.
pub fn fitting(text: &str, width: f64) -> String {
    let room = (width / 6.1).floor().max(1.0) as usize;
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

impl Svg {
    /// `id` must be unique within the page: patterns are addressed by it.
    pub fn new(id: &str, width: f64, height: f64, title: &str, description: &str) -> Self {
        Self {
            id: id.to_owned(),
            width,
            height,
            title: escape(title),
            description: escape(description),
            definitions: String::new(),
            body: String::new(),
        }
    }

    pub fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, look: &Look) {
        let _ = writeln!(
            self.body,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}/>",
            number(x),
            number(y),
            number(width.max(0.0)),
            number(height.max(0.0)),
            look.attributes()
        );
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), look: &Look) {
        let _ = writeln!(
            self.body,
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1),
            look.attributes()
        );
    }

    pub fn circle(&mut self, x: f64, y: f64, radius: f64, look: &Look) {
        let attributes = look.attributes();
        let (x, y, radius) = (number(x), number(y), number(radius));
        let _ = writeln!(self.body, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"{attributes}/>");
    }

    pub fn path(&mut self, path: &Path, look: &Look) {
        if !path.0.is_empty() {
            let _ = writeln!(self.body, "<path d=\"{}\"{}/>", path.0, look.attributes());
        }
    }

    pub fn text(&mut self, x: f64, y: f64, label: Label, text: &str) {
        let anchor = match label.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if label.bold { " font-weight=\"600\"" } else { "" };
        let size = if label.size == TEXT_SIZE {
            String::new()
        } else {
            format!(" font-size=\"{}\"", number(label.size))
        };
        let (halo, class) = if label.halo {
            let ink = Ink::Surface.light();
            let stroke = format!(
                " stroke=\"{ink}\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\""
            );
            (stroke, format!("f-{} s-{}", label.ink.name(), Ink::Surface.name()))
        } else {
            (String::new(), format!("f-{}", label.ink.name()))
        };
        let _ = writeln!(
            self.body,
            "<text x=\"{}\" y=\"{}\"{anchor}{weight}{size}{halo} fill=\"{}\" class=\"{class}\">{}</text>",
            number(x),
            number(y),
            label.ink.light(),
            escape(text)
        );
    }

    /// Diagonal lines; the value to give to [`Look::pattern`].
    pub fn hatch(&mut self, ink: Ink) -> String {
        self.pattern("hatch", ink, 6.0, |attributes| {
            format!("<path d=\"M0 0V6\" stroke-width=\"2.4\"{attributes}/>")
        })
    }

    /// Dots; the value to give to [`Look::pattern`].
    pub fn dots(&mut self, ink: Ink) -> String {
        self.pattern("dots", ink, 5.0, |attributes| {
            format!("<path d=\"M2.5 2.5h.01\" stroke-width=\"2.4\" stroke-linecap=\"round\"{attributes}/>")
        })
    }

    fn pattern(&mut self, kind: &str, ink: Ink, step: f64, draw: impl Fn(String) -> String) -> String {
        let id = format!("{}-{kind}-{}", self.id, ink.name());
        if !self.definitions.contains(&format!("id=\"{id}\"")) {
            let mark = draw(format!(" stroke=\"{}\" class=\"s-{}\"", ink.light(), ink.name()));
            let _ = writeln!(
                self.definitions,
                "<pattern id=\"{id}\" width=\"{step}\" height=\"{step}\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\">{mark}</pattern>"
            );
        }
        format!("url(#{id})")
    }

    pub fn finish(self) -> String {
        let (id, width, height) = (&self.id, number(self.width), number(self.height));
        let definitions = match self.definitions.as_str() {
            "" => String::new(),
            definitions => format!("<defs>{definitions}</defs>\n"),
        };
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
             aria-labelledby=\"{id}-t {id}-d\" \
             font-size=\"{TEXT_SIZE}\" font-family=\"system-ui, sans-serif\">\n\
             <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n{definitions}{}</svg>",
            self.title, self.description, self.body
        )
    }
}

/// The `d` of a path, point by point.
#[derive(Clone, Default)]
pub struct Path(String);

impl Path {
    pub fn move_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "M{} {}", number(x), number(y));
    }

    pub fn line_to(&mut self, x: f64, y: f64) {
        let _ = write!(self.0, "L{} {}", number(x), number(y));
    }

    pub fn close(&mut self) {
        self.0.push('Z');
    }
}

/// A coordinate to a tenth of a pixel; what is not a number lands at 0 instead of breaking the picture.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Text as XML content or attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter if plain::is_harmful(letter) => escaped.push(' '),
            letter => escaped.push(letter),
        }
    }
    escaped
}
