//! What a person sees while a run goes on: the phase and the time left on a terminal, plain lines elsewhere.

use super::out::tell;
use crate::model::Phase;
use crate::runner::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

pub struct Terminal {
    began: Instant,
    bar: Option<ProgressBar>,
    phase: Mutex<Phase>,
}

/// Colour only where it is supported and wanted.
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var("TERM").map_or(true, |term| term != "dumb")
}

impl Terminal {
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { began: Instant::now(), bar, phase: Mutex::new(Phase::Setup) }
    }

    /// A line that stays, above the bar if there is one.
    pub fn line(&self, text: &str) {
        let line = format!("{:7.2}s  {text}", self.began.elapsed().as_secs_f64());
        match &self.bar {
            Some(bar) => bar.println(line),
            None => tell!("{line}"),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl crate::bootstrap::Progress for Terminal {
    fn step(&self, step: &str, took: Duration) {
        self.line(&format!("{}: {step} ({:.1} s)", self.phase.lock().unwrap().name(), took.as_secs_f64()));
    }
}

impl Progress for Terminal {
    fn phase(&self, phase: Phase, about: Option<Duration>) {
        *self.phase.lock().unwrap() = phase;
        if let Some(bar) = &self.bar {
            bar.reset();
            let (template, length_ms) = match about {
                Some(about) => ("{msg:10} {wide_bar} {elapsed} of {len}", about.as_millis() as u64),
                None => ("{msg:10} {spinner} {elapsed}", 0),
            };
            let template =
                template.replace("{len}", &format!("about {:.0} s", about.unwrap_or_default().as_secs_f64()));
            if let Ok(style) = ProgressStyle::with_template(&template) {
                bar.set_style(style);
            }
            bar.set_length(length_ms);
            bar.set_message(phase.name());
        }
        match about {
            Some(about) if !about.is_zero() => {
                self.line(&format!("phase {}, about {:.0} s", phase.name(), about.as_secs_f64()));
            }
            _ => self.line(&format!("phase {}", phase.name())),
        }
    }

    fn note(&self, text: &str) {
        self.line(text);
    }
}
