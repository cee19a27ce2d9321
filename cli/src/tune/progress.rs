//! How the race goes, on a terminal; nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use ortlet::{TuneObserver, TuneProgress};

/// A bar on standard error, or nothing if that is no terminal.
pub struct Progress(ProgressBar);

impl Progress {
    pub fn new() -> Self {
        let bar = ProgressBar::new(1);
        if let Ok(style) = ProgressStyle::with_template("{msg:60} {wide_bar} {percent:>3} % of the time") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// What tells the bar.
    pub fn observer(&self) -> TuneObserver {
        let bar = self.0.clone();
        TuneObserver::new(move |progress| {
            if !bar.is_hidden() {
                bar.set_length(progress.time_limit_ns.max(1));
                bar.set_position(progress.elapsed_ns.min(progress.time_limit_ns));
                bar.set_message(message(progress));
            }
        })
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

fn message(progress: &TuneProgress) -> String {
    match progress.round {
        None => format!("making a session: {}", progress.candidate),
        Some(round) => {
            format!("round {}, {} left: {}", round + 1, progress.remaining_count, progress.candidate)
        }
    }
}
