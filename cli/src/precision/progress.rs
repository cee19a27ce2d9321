//! How a choice of precision goes, on a terminal; nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use ortlet::PrecisionObserver;

use crate::output::duration;

/// A bar on standard error, or nothing if that is no terminal.
#[derive(Clone)]
pub struct Progress(ProgressBar);

/// Steps of the bar.
const STEPS: u64 = 1000;

impl Progress {
    pub fn new() -> Self {
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {prefix:50} {wide_bar} {msg:>16}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// What tells the bar of a choice.
    pub fn observer(&self) -> PrecisionObserver {
        let bar = self.clone();
        PrecisionObserver::new(move |now| bar.show(&now.stage, now.done, now.remaining_ns))
    }

    /// Shows where a stage is: its share that is done, and the time that is left.
    pub fn show(&self, stage: &str, done: Option<f64>, left_ns: Option<u64>) {
        if self.0.is_hidden() {
            return;
        }
        self.0.set_prefix(stage.to_owned());
        self.0.set_position((done.unwrap_or(0.0) * STEPS as f64) as u64);
        let left = left_ns.map(|ns| format!("{} left", duration(ns as f64)));
        self.0.set_message(left.unwrap_or_default());
        self.0.tick();
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}
