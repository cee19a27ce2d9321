//! Sessions beside a process that keeps all cores busy but one.

use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, Result};
use ortlet_bench::harness::comparison::{Comparison, Metric};
use ortlet_bench::harness::contestant::{Contestant, ORTLET, PLAIN_ORT};
use ortlet_bench::harness::heat::Heat;
use ortlet_bench::harness::loads::{self, Measured, cpu_ms_per_run, mean_ms, p50_ms, p99_ms};
use ortlet_bench::harness::options::Options;
use ortlet_bench::harness::places::{self, Places};
use ortlet_bench::harness::statistics::median;
use ortlet_bench::harness::verdict::{Target, Verdict};
use ortlet_bench::load::Load;

const TURN_MS: u64 = 300;

const MEAN: Metric = Metric::lower("mean", "mean_ms");
const P50: Metric = Metric::lower("p50", "p50_ms");
const P99: Metric = Metric::lower("p99", "p99_ms");
const CPU: Metric = Metric::lower("CPU/run", "cpu_ms_per_run");

const ONE_THREAD: &str = "plain ORT, 1";
const ALL_THREADS: &str = "plain ORT, all";

const TARGET: Target =
    Target { metric: MEAN, what: "mean latency beside a busy neighbour", mean: 1.05, each: None };

/// Ortlet with its defaults, and plain ONNX Runtime with one thread and with one for each usable core.
pub fn heats(options: &Options, places: &Places) -> Result<Vec<Heat<Measured>>> {
    let plain = |name, threads| Contestant { name, threads: Some(threads), ..PLAIN_ORT };
    let contestants = [plain(ONE_THREAD, 1), plain(ALL_THREADS, usable_cores()), ORTLET];
    loads::heats(options, places, &contestants)
}

/// Measures them, with the neighbour at work.
pub fn measure(options: &Options, places: &Places, heats: &mut [Heat<Measured>]) -> Result<()> {
    let _neighbour = Spinner::start(usable_cores().saturating_sub(1))?;
    loads::measure(options, places, heats, &[Load::back_to_back(TURN_MS)]);
    Ok(())
}

/// The figures, against the better of plain ONNX Runtime's two.
pub fn comparison(heat: &Heat<Measured>) -> Comparison {
    let comparison = Comparison::new(
        heat,
        heat.name(),
        &[
            (MEAN, &|measured| mean_ms(measured.rounds(0))),
            (P50, &|measured| p50_ms(measured.rounds(0))),
            (P99, &|measured| p99_ms(measured.rounds(0))),
            (CPU, &|measured| cpu_ms_per_run(measured.rounds(0))),
        ],
    );
    Comparison { peer: better_peer(&comparison), ..comparison }
}

fn better_peer(comparison: &Comparison) -> &'static str {
    // Of one that could not be measured there is no mean, and nothing is better than that.
    let mean = |name| comparison.values(name, MEAN).and_then(median).unwrap_or(f64::INFINITY);
    if mean(ONE_THREAD) < mean(ALL_THREADS) { ONE_THREAD } else { ALL_THREADS }
}

pub fn verdict(comparisons: &[Comparison]) -> Verdict {
    TARGET.judge(comparisons, ORTLET.name)
}

fn usable_cores() -> u32 {
    thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// The neighbour; ended when dropped.
struct Spinner(Child);

impl Spinner {
    fn start(threads: u32) -> Result<Self> {
        let mut command = Command::new(places::beside("neighbour-spinner")?);
        let child = command.arg(threads.to_string()).stdin(Stdio::piped()).spawn();
        Ok(Self(child.context("start the neighbour")?))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        // Neither matters for one that has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
