//! `web`: what a call and a second visit cost with the npm package in a browser, beside onnxruntime-web itself.

mod browser;

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result};
use browser::Measured;
use ortlet_bench::harness::comparison::{Comparison, Entry, Metric};
use ortlet_bench::harness::options::{Bench, Options};
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::report::{self, Findings};
use ortlet_bench::harness::table;
use ortlet_bench::harness::verdict::Target;
use serde_json::{Map, Value, json};

const BENCH: Bench = Bench {
    name: "web",
    about: "\
The npm package in Chromium, beside the onnxruntime-web that it ships: single calls by turns in one page, with one
thread, and new pages of one profile until their first output, where the caches hold what an earlier visit left.",
    rounds: 60,
    models: &["magika", "minilm"],
};

/// Rounds of pages, which take seconds each.
const MOST_VISITS: usize = 15;

const CALL: Metric = Metric::lower("us per call", "call_us");
const VISIT: Metric = Metric::lower("ms", "visit_ms");
const OVERHEAD: Metric = Metric::lower("us more", "overhead_us");

const PEER: &str = "onnxruntime-web";
const RUN: &str = "Session.run";
const CACHED: &str = "ortlet";
const CACHED_INT8: &str = "ortlet, int8";
const ALLOWED: &str = "allowed";

/// The most that a call may take longer than the engine's own.
const MOST_OVERHEAD_US: f64 = 10.0;

const LEGEND: &str = "\
Calls: from typed arrays to typed arrays, microseconds. `WorkerSession.run` sends them to a worker and back. Visits:
milliseconds from the navigation of a new page to the first output; the package and the model are in the browser's own
cache, for `ortlet` also in Ortlet's. x: the median over the rounds of the ratio to onnxruntime-web in the same round.
";

fn main() -> ExitCode {
    report::main(&BENCH, run)
}

fn run(options: &Options, places: &Places) -> Result<Findings> {
    let measured =
        browser::measure(places, &options.models, options.rounds, options.rounds.min(MOST_VISITS))?;
    let calls = comparisons("calls", &measured.calls, CALL, 1e-3)?;
    let visits = comparisons("second visit", &measured.visits, VISIT, 1.0)?;
    let (floor, models) = calls.split_first().context("no calls were measured")?;
    let overhead = overhead(floor)?;
    let at_most = |metric, what, mean| Target { metric, what, mean, each: None };
    let minilm = |all: &[Comparison]| -> Vec<Comparison> {
        all.iter().filter(|one| one.title.starts_with("minilm")).map(copied).collect()
    };
    let verdicts = vec![
        at_most(CALL, "Session.run against onnxruntime-web, MiniLM", 1.03).judge(&minilm(models), RUN),
        at_most(OVERHEAD, "Session.run on one node, of the 10 us allowed", 1.0)
            .judge(std::slice::from_ref(&overhead), RUN),
        at_most(VISIT, "second visit, MiniLM", 0.5).judge(&minilm(&visits), CACHED),
        at_most(VISIT, "second visit, MiniLM in 8 bits", 0.5).judge(&minilm(&visits), CACHED_INT8),
    ];
    let sizes: Map<String, Value> = match env::var("ORTLET_BENCH_SIZES") {
        Ok(text) => serde_json::from_str(&text).context("read ORTLET_BENCH_SIZES")?,
        Err(_) => Map::new(),
    };
    let all: Vec<Comparison> = calls.into_iter().chain([overhead]).chain(visits).collect();
    let mut tables: String =
        [LEGEND.to_owned()].into_iter().chain(all.iter().map(table::comparison)).collect();
    tables += &sizes_table(&sizes);
    let records: Vec<_> = all.iter().map(Comparison::record).collect();
    let record = Map::from_iter([
        ("browser".to_owned(), json!(measured.browser)),
        ("comparisons".to_owned(), json!(records)),
        ("gzip_bytes".to_owned(), json!(sizes)),
    ]);
    Ok(Findings { tables, record, verdicts, trusted: true })
}

/// What was measured of each model, the peer first.
fn comparisons(what: &str, all: &[Measured], metric: Metric, scale: f64) -> Result<Vec<Comparison>> {
    let comparison = |measured: &Measured| -> Result<Comparison> {
        let entry = |(name, values): &(String, Vec<f64>)| Entry {
            name: browser::way(name),
            problem: None,
            agreement: None,
            values: vec![values.iter().map(|value| value * scale).collect()],
        };
        let entries: Vec<_> = measured.values.iter().map(entry).collect();
        anyhow::ensure!(entries.iter().any(|entry| entry.name == PEER), "{PEER} was not measured");
        let title = format!("{}: {what}", measured.title);
        Ok(Comparison { title, peer: PEER, metrics: vec![metric], entries })
    };
    all.iter().map(comparison).collect()
}

/// By how much a call takes longer than the engine's, beside what is allowed.
fn overhead(floor: &Comparison) -> Result<Comparison> {
    let values = |name| floor.values(name, CALL).with_context(|| format!("{name} was not measured"));
    let differences = values(RUN)?.iter().zip(values(PEER)?);
    // A ratio needs numbers above 0, which what lies within the noise is not.
    let differences: Vec<f64> = differences.map(|(own, peer)| (own - peer).max(0.01)).collect();
    let allowed = vec![MOST_OVERHEAD_US; differences.len()];
    let entry = |(name, values)| Entry { name, problem: None, agreement: None, values: vec![values] };
    let entries = [(ALLOWED, allowed), (RUN, differences)].map(entry).into();
    Ok(Comparison { title: "one node: overhead".into(), peer: ALLOWED, metrics: vec![OVERHEAD], entries })
}

fn copied(comparison: &Comparison) -> Comparison {
    let entry = |entry: &Entry| Entry {
        name: entry.name,
        problem: entry.problem.clone(),
        agreement: entry.agreement,
        values: entry.values.clone(),
    };
    Comparison {
        title: comparison.title.clone(),
        peer: comparison.peer,
        metrics: comparison.metrics.clone(),
        entries: comparison.entries.iter().map(entry).collect(),
    }
}

fn sizes_table(sizes: &Map<String, Value>) -> String {
    let line = |(name, bytes): (&String, &Value)| format!("  {bytes:>9}  {name}\n");
    let lines: String = sizes.iter().map(line).collect();
    if lines.is_empty() { lines } else { format!("\nbytes after gzip\n{lines}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quicker_than_the_engine_costs_nothing() {
        let measured = [("onnxruntime-web", vec![20e3, 30e3, 40e3]), ("Session.run", vec![25e3, 29e3, 44e3])];
        let values = measured.into_iter().map(|(name, values)| (name.to_owned(), values)).collect();
        let measured = Measured { title: "one node".into(), values };
        let calls = comparisons("calls", &[measured], CALL, 1e-3).unwrap();
        let overhead = overhead(&calls[0]).unwrap();
        assert_eq!(overhead.values(RUN, OVERHEAD).unwrap(), [5.0, 0.01, 4.0]);
        assert_eq!(calls[0].figure(RUN, CALL).unwrap().median, 29.0);
    }
}
