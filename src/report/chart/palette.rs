//! Every colour of the report, once: as CSS variables for light and dark, and as plain attributes for viewers
//! that drop the style sheet (Jenkins does). After Okabe and Ito, darkened or lightened to keep contrast.

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    Page,
    Surface,
    Text,
    Muted,
    Line,
    Pass,
    PassTint,
    Fail,
    FailTint,
    Inconclusive,
    InconclusiveTint,
    /// Acknowledged operations.
    Ok,
    Failed,
    Unknown,
    /// The median.
    Median,
    /// High percentiles.
    Tail,
    Active,
    /// A label on `Active`.
    OnActive,
    Standby,
    /// Fault bands.
    Fault,
}

/// (ink, name, light, dark)
pub const PALETTE: [(Ink, &str, &str, &str); 20] = [
    (Ink::Page, "page", "#f6f7f8", "#0e1216"),
    (Ink::Surface, "surface", "#ffffff", "#161b21"),
    (Ink::Text, "text", "#1a1f26", "#e7eaee"),
    (Ink::Muted, "muted", "#56606b", "#9eabb8"),
    (Ink::Line, "line", "#dde2e7", "#2c343d"),
    (Ink::Pass, "pass", "#0a6a4e", "#57d3a8"),
    (Ink::PassTint, "pass-tint", "#e5f4ee", "#11302a"),
    (Ink::Fail, "fail", "#b0251d", "#ff8f85"),
    (Ink::FailTint, "fail-tint", "#fdecea", "#3a1a1a"),
    (Ink::Inconclusive, "inconclusive", "#805000", "#f3be57"),
    (Ink::InconclusiveTint, "inconclusive-tint", "#fcf1dd", "#352a13"),
    (Ink::Ok, "ok", "#2777ab", "#4f9fd3"),
    (Ink::Failed, "failed", "#c23b06", "#ff8455"),
    (Ink::Unknown, "unknown", "#8f6100", "#e3b04a"),
    (Ink::Median, "median", "#0069a5", "#6fb9ef"),
    (Ink::Tail, "tail", "#7a3a9c", "#cb9ff2"),
    (Ink::Active, "active", "#00735f", "#2f9d86"),
    (Ink::OnActive, "on-active", "#ffffff", "#06140f"),
    (Ink::Standby, "standby", "#d3e0ea", "#31414f"),
    (Ink::Fault, "fault", "#d5650f", "#f09a55"),
];

impl Ink {
    fn entry(self) -> (&'static str, &'static str, &'static str) {
        let found = PALETTE.iter().find(|(ink, ..)| *ink == self);
        found.map_or(("text", "#000000", "#ffffff"), |(_, name, light, dark)| (name, light, dark))
    }

    pub fn name(self) -> &'static str {
        self.entry().0
    }

    pub fn light(self) -> &'static str {
        self.entry().1
    }
}

/// The variables for both schemes and the classes that charts use: `f-ok` fills, `s-ok` strokes.
pub fn style_sheet() -> String {
    let variables = |pick: fn(&(Ink, &str, &'static str, &'static str)) -> &'static str| {
        PALETTE.iter().map(|entry| format!("--{}:{};", entry.1, pick(entry))).collect::<String>()
    };
    let (light, dark) = (variables(|entry| entry.2), variables(|entry| entry.3));
    let mut css = format!(":root{{color-scheme:light dark;{light}}}\n");
    css.push_str(&format!("@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"));
    for (_, name, ..) in PALETTE {
        css.push_str(&format!(".f-{name}{{fill:var(--{name})}}.s-{name}{{stroke:var(--{name})}}\n"));
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance and contrast as WCAG 2 defines them.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let value = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_and_marks_keep_wcag_aa_in_light_and_dark() {
        use Ink::*;
        let text = [
            (Text, Surface),
            (Text, Page),
            (Muted, Surface),
            (Muted, Page),
            (Pass, Surface),
            (Pass, PassTint),
            (Fail, Surface),
            (Fail, FailTint),
            (Inconclusive, Surface),
            (Inconclusive, InconclusiveTint),
            (Text, PassTint),
            (Text, FailTint),
            (Text, InconclusiveTint),
            (Text, Standby),
            (OnActive, Active),
            (Surface, Pass),
            (Surface, Fail),
            (Surface, Inconclusive),
            (Median, Surface),
            (Tail, Surface),
            (Failed, Surface),
            (Unknown, Surface),
            (Ok, Surface),
        ];
        let marks = [Active, Fault, Muted].map(|ink| (ink, Surface));
        let wanted = text.map(|pair| (pair, 4.5)).into_iter().chain(marks.map(|pair| (pair, 3.0)));
        for ((front, back), least) in wanted {
            for (scheme, pair) in
                [("light", (front.entry().1, back.entry().1)), ("dark", (front.entry().2, back.entry().2))]
            {
                let found = contrast(pair.0, pair.1);
                assert!(found >= least, "{front:?} on {back:?} in {scheme}: {found:.2} is below {least}");
            }
        }
    }
}
