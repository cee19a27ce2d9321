//! What the soak found, for people and for programs.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use anyhow::Result;
use serde::Serialize;

use crate::callers::Counts;
use crate::watch::{Growth, Sample, Watch};

/// Everything, as it is written.
#[derive(Serialize)]
pub struct Report<'a> {
    pub is_good: bool,
    seconds: u64,
    runs: Vec<Runs>,
    /// `None` where the system does not tell.
    growths: Option<Vec<Growth>>,
    problems: Vec<String>,
    samples: &'a [Sample],
}

#[derive(Serialize)]
struct Runs {
    kind: &'static str,
    exact: u64,
    ended: u64,
}

impl<'a> Report<'a> {
    pub fn new(
        seconds: u64,
        counts: &[(&'static str, &Counts)],
        watch: &'a Watch,
        mut problems: Vec<String>,
    ) -> Self {
        let runs: Vec<Runs> = counts
            .iter()
            .map(|&(kind, counts)| Runs {
                kind,
                exact: counts.exact.load(Ordering::Relaxed),
                ended: counts.ended.load(Ordering::Relaxed),
            })
            .collect();
        let idle = runs.iter().filter(|runs| runs.exact == 0);
        problems.extend(idle.map(|runs| format!("{}: not one run gave a result", runs.kind)));
        let growths = watch.growths();
        let grown = growths.iter().flatten().filter(|growth| !growth.is_flat);
        problems.extend(grown.map(|growth| format!("{} grew", growth.name)));
        Self { is_good: problems.is_empty(), seconds, runs, growths, problems, samples: &watch.samples }
    }

    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    pub fn text(&self) -> String {
        let mut text = format!("{} s\n\n{:<14}{:>12}{:>12}\n", self.seconds, "runs", "exact", "ended");
        let mut line = |line: String| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{line}");
        };
        for Runs { kind, exact, ended } in &self.runs {
            line(format!("{kind:<14}{exact:>12}{ended:>12}"));
        }
        line("\nmedians of the thirds, the first to warm up, and the most that the last may be".into());
        for Growth { name, thirds: [first, second, last], allowed, .. } in self.growths.iter().flatten() {
            line(format!("{name:<26}{first:>10}{second:>10}{last:>10}  at most {allowed:.0}"));
        }
        if self.growths.is_none() {
            line("not known on this system".into());
        }
        line(if self.is_good { "\neverything exact and flat".into() } else { "\nPROBLEMS".into() });
        for problem in &self.problems {
            line(format!("  {problem}"));
        }
        text
    }
}
