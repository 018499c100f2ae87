//! What a person sees while runs go on: of each the phase and the time left on a terminal, plain lines elsewhere.

use super::out::tell;
use crate::model::Phase;
use crate::runner::Progress;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Shared by everything that a command prints while it works.
pub struct Terminal {
    began: Instant,
    bars: Option<MultiProgress>,
    /// Where there are no bars to be drawn around it, this keeps a block of lines whole.
    block: Mutex<()>,
}

/// Colour only where it is supported and wanted.
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal()
        && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var("TERM").map_or(true, |term| term != "dumb")
}

impl Terminal {
    pub fn new() -> Arc<Self> {
        let bars = std::io::stderr().is_terminal().then(MultiProgress::new);
        Arc::new(Self { began: Instant::now(), bars, block: Mutex::new(()) })
    }

    /// A line that stays, above the bars if there are any.
    pub fn line(&self, text: &str) {
        let line = format!("{:7.2}s  {text}", self.began.elapsed().as_secs_f64());
        match &self.bars {
            Some(bars) => drop(bars.println(line)),
            None => self.block(|| tell!("{line}")),
        }
    }

    /// Prints without a bar or another run's lines in between.
    pub fn block(&self, print: impl FnOnce()) {
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => {
                let _whole = self.block.lock().unwrap();
                print();
            }
        }
    }

    /// For one thing that goes on, with a bar of its own; `name` stands before its lines, where several do.
    pub fn part(self: &Arc<Self>, name: Option<String>) -> Part {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(0));
            bar.set_prefix(name.as_ref().map(|name| format!("{name}  ")).unwrap_or_default());
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Part { terminal: self.clone(), name, bar, phase: Mutex::new(Phase::Setup) }
    }
}

/// One run, or whatever else goes on. Its bar goes with it.
pub struct Part {
    terminal: Arc<Terminal>,
    name: Option<String>,
    bar: Option<ProgressBar>,
    phase: Mutex<Phase>,
}

impl Part {
    pub fn line(&self, text: &str) {
        match &self.name {
            Some(name) => self.terminal.line(&format!("{name}: {text}")),
            None => self.terminal.line(text),
        }
    }

    /// Takes the bar away and prints: nothing more is to come.
    pub fn last(&self, print: impl FnOnce()) {
        self.finish();
        self.terminal.block(print);
    }

    pub fn finish(&self) {
        if let (Some(bar), Some(bars)) = (&self.bar, &self.terminal.bars) {
            bar.finish_and_clear();
            bars.remove(bar);
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.finish();
    }
}

impl crate::bootstrap::Progress for Part {
    fn step(&self, step: &str, took: Duration) {
        self.line(&format!("{}: {step} ({:.1} s)", self.phase.lock().unwrap().name(), took.as_secs_f64()));
    }
}

impl Progress for Part {
    fn phase(&self, phase: Phase, about: Option<Duration>) {
        *self.phase.lock().unwrap() = phase;
        if let Some(bar) = &self.bar {
            bar.reset();
            let (template, length_ms) = match about {
                Some(about) => ("{prefix}{msg:10} {wide_bar} {elapsed} of {len}", about.as_millis() as u64),
                None => ("{prefix}{msg:10} {spinner} {elapsed}", 0),
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
