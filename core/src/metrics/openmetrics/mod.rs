//! The metrics of sessions as OpenMetrics text, which Prometheus and others read.

mod text;

use std::collections::HashSet;

use crate::metrics::{HistogramSnapshot, SessionMetrics};
use crate::{Error, ErrorCode, Result};
use text::{Exposition, Kind, Seconds};

/// The media type of [`openmetrics_text`], for the header `Content-Type`.
pub const OPENMETRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Upper borders of the exposed histograms: as the label `le` has them, in seconds, and in nanoseconds.
const BORDERS: [(&str, u64); 22] = [
    ("1e-06", 1_000),
    ("2.5e-06", 2_500),
    ("5e-06", 5_000),
    ("1e-05", 10_000),
    ("2.5e-05", 25_000),
    ("5e-05", 50_000),
    ("0.0001", 100_000),
    ("0.00025", 250_000),
    ("0.0005", 500_000),
    ("0.001", 1_000_000),
    ("0.0025", 2_500_000),
    ("0.005", 5_000_000),
    ("0.01", 10_000_000),
    ("0.025", 25_000_000),
    ("0.05", 50_000_000),
    ("0.1", 100_000_000),
    ("0.25", 250_000_000),
    ("0.5", 500_000_000),
    ("1.0", 1_000_000_000),
    ("2.5", 2_500_000_000),
    ("5.0", 5_000_000_000),
    ("10.0", 10_000_000_000),
];

type Sessions<'a> = [(&'a str, &'a SessionMetrics)];

/// All sessions in one exposition of [OpenMetrics] 1.0 text; the label `session` has the name.
///
/// Times are in seconds. The exposed histograms have fixed borders from 1 µs to 10 s; a latency that is less than
/// 1/128 below a border may count as above it. Summaries beside them have p50, p90, p99 and p99.9 since the load, and
/// the maximum as quantile 1, none if nothing was recorded. Every error code is present, so that rates have a start.
///
/// [OpenMetrics]: https://prometheus.io/docs/specs/om/open_metrics_spec/
///
/// # Errors
/// [`InvalidArgument`](ErrorCode::InvalidArgument) if two sessions have the same name.
///
/// # Examples
/// ```
/// use ortlet::metrics::{RunRecorder, openmetrics_text};
///
/// let metrics = RunRecorder::new().snapshot();
/// let text = openmetrics_text([("detector", &metrics)])?;
/// assert!(text.contains("ortlet_runs_total{session=\"detector\"} 0\n"));
/// assert!(text.ends_with("# EOF\n"));
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn openmetrics_text<'a>(
    sessions: impl IntoIterator<Item = (&'a str, &'a SessionMetrics)>,
) -> Result<String> {
    let sessions: Vec<_> = sessions.into_iter().collect();
    check_names(&sessions)?;
    let mut out = Exposition::default();
    counts(&mut out, &sessions);
    latencies(&mut out, "queue", "How long runs waited before they computed", &sessions, |metrics| {
        &metrics.queue
    });
    latencies(&mut out, "compute", "How long runs computed", &sessions, |metrics| &metrics.compute);
    load(&mut out, &sessions);
    memory(&mut out, &sessions);
    Ok(out.finish())
}

fn check_names(sessions: &Sessions<'_>) -> Result<()> {
    let mut seen = HashSet::new();
    match sessions.iter().find(|(name, _)| !seen.insert(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Error::invalid_argument("sessions", format!("two have the name `{name}`"))),
    }
}

fn counts(out: &mut Exposition, sessions: &Sessions<'_>) {
    out.family("ortlet_runs", Kind::Counter, "Runs that ended, successful and failed.");
    for (session, metrics) in sessions {
        out.sample("ortlet_runs_total", &[("session", session)], metrics.run_count);
    }
    out.family("ortlet_run_errors", Kind::Counter, "Runs that failed, by the code of their error.");
    for (session, metrics) in sessions {
        for code in ErrorCode::ALL {
            let count = metrics.error_counts.get(&code).copied().unwrap_or_default();
            let labels = [("session", *session), ("code", code.slug())];
            out.sample("ortlet_run_errors_total", &labels, count);
        }
    }
    out.family("ortlet_runs_in_flight", Kind::Gauge, "Runs that have started and not yet ended.");
    for (session, metrics) in sessions {
        out.sample("ortlet_runs_in_flight", &[("session", session)], metrics.in_flight_count);
    }
}

fn latencies(
    out: &mut Exposition,
    what: &str,
    help: &str,
    sessions: &Sessions<'_>,
    of: impl Fn(&SessionMetrics) -> &HistogramSnapshot,
) {
    let name = format!("ortlet_run_{what}_seconds");
    out.family(&name, Kind::Histogram, &format!("{help}."));
    for (session, metrics) in sessions {
        histogram(out, &name, session, of(metrics));
    }
    let name = format!("ortlet_run_{what}_quantiles_seconds");
    out.family(&name, Kind::Summary, &format!("{help}, quantiles since the load."));
    for (session, metrics) in sessions {
        quantiles(out, &name, session, of(metrics));
    }
}

fn histogram(out: &mut Exposition, name: &str, session: &str, snapshot: &HistogramSnapshot) {
    let bucket = format!("{name}_bucket");
    for (border, border_ns) in BORDERS {
        out.sample(&bucket, &[("session", session), ("le", border)], count_up_to(snapshot, border_ns));
    }
    out.sample(&bucket, &[("session", session), ("le", "+Inf")], snapshot.count());
    out.sample(&format!("{name}_count"), &[("session", session)], snapshot.count());
    out.sample(&format!("{name}_sum"), &[("session", session)], Seconds(snapshot.sum_ns()));
}

/// How many latencies are known not to exceed the border.
fn count_up_to(snapshot: &HistogramSnapshot, border_ns: u64) -> u64 {
    let max_ns = snapshot.max_ns().unwrap_or_default();
    let below = snapshot.buckets().iter().take_while(|bucket| bucket.high_ns.min(max_ns) <= border_ns);
    below.map(|bucket| bucket.count).sum()
}

fn quantiles(out: &mut Exposition, name: &str, session: &str, snapshot: &HistogramSnapshot) {
    let Some(summary) = snapshot.summary() else { return };
    for (quantile, ns) in [
        ("0.5", summary.p50_ns),
        ("0.9", summary.p90_ns),
        ("0.99", summary.p99_ns),
        ("0.999", summary.p99_9_ns),
        ("1.0", summary.max_ns),
    ] {
        out.sample(name, &[("session", session), ("quantile", quantile)], Seconds(ns));
    }
}

fn load(out: &mut Exposition, sessions: &Sessions<'_>) {
    out.family("ortlet_load_seconds", Kind::Gauge, "How long the load took.");
    for (session, metrics) in sessions {
        out.sample("ortlet_load_seconds", &[("session", session)], Seconds(metrics.load.total_ns));
    }
    out.family("ortlet_load_phase_seconds", Kind::Gauge, "How long the phases of the load took.");
    for (session, metrics) in sessions {
        let load = &metrics.load;
        for (phase, ns) in [
            ("runtime", load.runtime_ns),
            ("check", load.check_ns),
            ("digest", load.digest_ns),
            ("map", load.map_ns),
            ("create", load.create_ns),
            ("store", load.store_ns),
            ("warm_up", load.warm_up_ns),
        ] {
            let labels = [("session", *session), ("phase", phase)];
            out.sample("ortlet_load_phase_seconds", &labels, Seconds(ns));
        }
    }
    out.family("ortlet_first_run_seconds", Kind::Gauge, "How long the first run took.");
    for (session, metrics) in sessions {
        if let Some(ns) = metrics.load.first_run_ns {
            out.sample("ortlet_first_run_seconds", &[("session", session)], Seconds(ns));
        }
    }
}

fn memory(out: &mut Exposition, sessions: &Sessions<'_>) {
    out.family("ortlet_mapped_bytes", Kind::Gauge, "Weights that are mapped from the artifact's file.");
    for (session, metrics) in sessions {
        out.sample("ortlet_mapped_bytes", &[("session", session)], metrics.mapped_bytes);
    }
    let help = "Private memory of the whole process when the session's metrics were taken.";
    out.family("ortlet_process_private_bytes", Kind::Gauge, help);
    for (session, metrics) in sessions {
        if let Some(bytes) = metrics.private_bytes {
            out.sample("ortlet_process_private_bytes", &[("session", session)], bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;

    #[test]
    fn borders_say_the_same_in_seconds_and_nanoseconds() {
        assert!(BORDERS.is_sorted_by_key(|(_, ns)| ns));
        for (seconds, ns) in BORDERS {
            assert_eq!(seconds.parse::<f64>().unwrap(), ns as f64 / 1e9, "{seconds}");
        }
    }

    #[test]
    fn latencies_at_a_border_count_below_it_unless_longer_ones_share_their_bucket() {
        let histogram = Histogram::new();
        histogram.record(1_000_000);
        assert_eq!(count_up_to(&histogram.snapshot(), 1_000_000), 1);
        assert_eq!(count_up_to(&histogram.snapshot(), 999_999), 0);
        histogram.record(1_000_001);
        assert_eq!(count_up_to(&histogram.snapshot(), 1_000_000), 0);
        histogram.record(1_000_000 - 1_000_000 / 128);
        assert_eq!(count_up_to(&histogram.snapshot(), 1_000_000), 1);
    }

    #[test]
    fn two_sessions_of_one_name_are_refused() {
        let metrics = SessionMetrics::default();
        let error = openmetrics_text([("a", &metrics), ("b", &metrics), ("a", &metrics)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains("`a`"), "{error}");
    }
}
