//! What sessions expose, Prometheus's own parser accepts, and it reads every value as it was recorded.

mod common;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::setting;
use ortlet::metrics::{RunOutcome, RunRecorder, SessionMetrics, openmetrics_text};
use ortlet::{ErrorCode, LoadPhases};
use serde::Deserialize;

const FAMILIES: [(&str, &str, &str); 12] = [
    ("ortlet_runs", "counter", ""),
    ("ortlet_run_errors", "counter", ""),
    ("ortlet_runs_in_flight", "gauge", ""),
    ("ortlet_run_queue_seconds", "histogram", "seconds"),
    ("ortlet_run_queue_quantiles_seconds", "summary", "seconds"),
    ("ortlet_run_compute_seconds", "histogram", "seconds"),
    ("ortlet_run_compute_quantiles_seconds", "summary", "seconds"),
    ("ortlet_load_seconds", "gauge", "seconds"),
    ("ortlet_load_phase_seconds", "gauge", "seconds"),
    ("ortlet_first_run_seconds", "gauge", "seconds"),
    ("ortlet_mapped_bytes", "gauge", "bytes"),
    ("ortlet_process_private_bytes", "gauge", "bytes"),
];

/// A session, as far as its metrics tell.
#[derive(Default)]
struct Subject {
    name: String,
    runs: Vec<RunOutcome>,
    in_flight_count: u64,
    load: LoadPhases,
    mapped_bytes: u64,
    private_bytes: Option<u64>,
}

#[derive(Deserialize)]
struct Family {
    name: String,
    kind: String,
    unit: String,
    help: String,
    samples: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
}

/// A sample's name and labels, with the value that it must have: at least the first, at most the second.
type Expected = BTreeMap<(String, BTreeMap<String, String>), (f64, f64)>;

#[test]
fn no_session() {
    check(&[]);
}

#[test]
fn a_session_without_runs() {
    check(&[Subject { name: "idle".into(), ..Default::default() }]);
}

#[test]
fn one_session_with_runs_and_errors() {
    check(&[busy("detector", 1000)]);
}

#[test]
fn many_sessions() {
    let sessions: Vec<_> = (0..20_u64).map(|number| busy(&format!("session {number}"), number * 7)).collect();
    check(&sessions);
}

#[test]
fn nasty_names() {
    let names = [
        "",
        " ",
        "quote \" quote",
        "\"",
        "back\\slash",
        "\\",
        "ends in \\",
        "\\n is no line feed",
        "line\nfeed",
        "\n",
        "carriage\r\nreturn",
        "\\\"\n\\\\\"\"",
        "x\"} 1\n# EOF\n",
        "{a=\"b\",c=\"d\"}",
        "# HELP ortlet_runs",
        "Größe 漢字 😀 \u{2028} \u{feff}",
        "tab\tbell\u{7}",
    ];
    check(&names.map(|name| busy(name, 5)));
}

#[test]
fn the_parser_refuses_what_is_wrong() {
    let text = exposition(&[busy("a", 10)]);
    assert!(parse(&text).status.success());
    for wrong in [
        text.replace("# EOF\n", ""),
        text.replace("# EOF\n", &text),
        text.replace("le=\"+Inf\"", "le=\"20.0\""),
        text.replace("session=\"a\"", "session=\"a\"\""),
        text.replace("# UNIT ortlet_load_seconds seconds", "# UNIT ortlet_load_seconds bytes"),
    ] {
        assert!(!parse(&wrong).status.success(), "{wrong}");
    }
}

/// A session with this many runs whose latencies reach over all borders of the exposed histograms.
fn busy(name: &str, run_count: u64) -> Subject {
    let mut state = run_count + 1;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 20
    };
    let mut run = |number: u64| {
        let error = ErrorCode::ALL.into_iter().find(|code| number % 40 == *code as u64);
        RunOutcome {
            queue_ns: if number.is_multiple_of(3) {
                0
            } else {
                clear_of_borders(random() >> (random() % 44))
            },
            compute_ns: (number % 4 != 1).then(|| clear_of_borders(random() >> (random() % 44))),
            error,
        }
    };
    Subject {
        name: name.into(),
        runs: (0..run_count).map(&mut run).collect(),
        in_flight_count: run_count % 4,
        load: LoadPhases {
            runtime_ns: 1,
            check_ns: 22,
            digest_ns: 333,
            map_ns: 4_444,
            create_ns: 5_555_555_555,
            store_ns: 666_666,
            warm_up_ns: 777_777,
            total_ns: 5_556_226_922,
            first_run_ns: (run_count > 5).then_some(77_777_777),
        },
        mapped_bytes: run_count * 4096,
        private_bytes: run_count.is_multiple_of(2).then_some(123_456_789_012),
    }
}

/// At most half a minute, and not just below a border, where a latency may count as above it.
fn clear_of_borders(latency_ns: u64) -> u64 {
    let latency_ns = latency_ns.min(30_000_000_000);
    let near = |border_ns: u64| border_ns - border_ns / 128 <= latency_ns && latency_ns <= border_ns;
    borders().into_iter().find(|border| near(*border)).map_or(latency_ns, |border| border + 1)
}

/// 1, 2.5 and 5 of every power of ten from a microsecond to ten seconds, in nanoseconds.
fn borders() -> Vec<u64> {
    let powers = (0..7).map(|exponent| 10_u64.pow(exponent) * 100);
    let borders = powers.flat_map(|power| [power * 10, power * 25, power * 50]);
    borders.chain([10_000_000_000]).collect()
}

/// Exposes the sessions, has them parsed, and compares everything that was read with what was recorded.
fn check(subjects: &[Subject]) {
    let text = exposition(subjects);
    let output = parse(&text);
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let families: Vec<Family> = serde_json::from_slice(&output.stdout).unwrap();
    let described: Vec<_> = families
        .iter()
        .map(|family| (family.name.as_str(), family.kind.as_str(), family.unit.as_str()))
        .collect();
    assert_eq!(described, FAMILIES);
    assert!(families.iter().all(|family| family.help.ends_with('.')));

    let mut expected: Expected = subjects.iter().flat_map(expected).collect();
    for Sample { name, mut labels, value } in families.into_iter().flat_map(|family| family.samples) {
        if let Some(border) = labels.get_mut("le").filter(|border| *border != "+Inf") {
            *border = ((border.parse::<f64>().unwrap() * 1e9).round() as u64).to_string();
        }
        let read: f64 = value.parse().unwrap();
        let key = (name, labels);
        let (least, most) = expected.remove(&key).unwrap_or_else(|| panic!("{key:?} was not recorded"));
        assert!(least <= read && read <= most, "{key:?}: {read} is not within {least} and {most}");
    }
    assert!(expected.is_empty(), "not exposed: {expected:?}");
}

fn exposition(subjects: &[Subject]) -> String {
    let metrics: Vec<_> = subjects.iter().map(metrics).collect();
    openmetrics_text(subjects.iter().map(|subject| subject.name.as_str()).zip(&metrics)).unwrap()
}

fn metrics(subject: &Subject) -> SessionMetrics {
    let recorder = RunRecorder::new();
    for outcome in &subject.runs {
        recorder.started();
        recorder.ended(*outcome);
    }
    (0..subject.in_flight_count).for_each(|_| recorder.started());
    let Subject { load, mapped_bytes, private_bytes, .. } = *subject;
    SessionMetrics { load, mapped_bytes, private_bytes, ..recorder.snapshot() }
}

fn parse(text: &str) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/parse_openmetrics.py");
    let mut python = Command::new(setting("ORTLET_TEST_PYTHON"));
    python.arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = python.spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// What the session's samples have to be, from the runs themselves.
fn expected(subject: &Subject) -> Expected {
    let mut all = Expected::new();
    let mut add = |name: &str, label: Option<(&str, &str)>, least: f64, most: f64| {
        let labels = [("session", subject.name.as_str())].into_iter().chain(label);
        let labels = labels.map(|(key, value)| (key.to_string(), value.to_string())).collect();
        assert!(all.insert((format!("ortlet_{name}"), labels), (least, most)).is_none());
    };
    let mut exactly = |name: &str, label: Option<(&str, &str)>, value: f64| add(name, label, value, value);

    exactly("runs_total", None, subject.runs.len() as f64);
    exactly("runs_in_flight", None, subject.in_flight_count as f64);
    for code in ErrorCode::ALL {
        let failed = subject.runs.iter().filter(|run| run.error == Some(code)).count();
        exactly("run_errors_total", Some(("code", code.slug())), failed as f64);
    }
    let load = &subject.load;
    exactly("load_seconds", None, seconds(load.total_ns));
    for (phase, ns) in [
        ("runtime", load.runtime_ns),
        ("check", load.check_ns),
        ("digest", load.digest_ns),
        ("map", load.map_ns),
        ("create", load.create_ns),
        ("store", load.store_ns),
        ("warm_up", load.warm_up_ns),
    ] {
        exactly("load_phase_seconds", Some(("phase", phase)), seconds(ns));
    }
    load.first_run_ns.into_iter().for_each(|ns| exactly("first_run_seconds", None, seconds(ns)));
    exactly("mapped_bytes", None, subject.mapped_bytes as f64);
    subject.private_bytes.into_iter().for_each(|bytes| exactly("process_private_bytes", None, bytes as f64));

    let queue = subject.runs.iter().map(|run| run.queue_ns).collect();
    let compute = subject.runs.iter().filter_map(|run| run.compute_ns).collect();
    latencies(&mut add, "run_queue", queue);
    latencies(&mut add, "run_compute", compute);
    all
}

fn latencies(add: &mut impl FnMut(&str, Option<(&str, &str)>, f64, f64), name: &str, mut values: Vec<u64>) {
    values.sort_unstable();
    let count = values.len() as f64;
    let sum = seconds(values.iter().sum());
    add(&format!("{name}_seconds_count"), None, count, count);
    add(&format!("{name}_seconds_sum"), None, sum, sum);
    let bucket = format!("{name}_seconds_bucket");
    add(&bucket, Some(("le", "+Inf")), count, count);
    for border in borders() {
        let below = values.iter().filter(|value| **value <= border).count() as f64;
        add(&bucket, Some(("le", &border.to_string())), below, below);
    }
    if values.is_empty() {
        return;
    }
    let quantiles = format!("{name}_quantiles_seconds");
    for (quantile, per_mille) in [("0.5", 500), ("0.9", 900), ("0.99", 990), ("0.999", 999)] {
        // By nearest rank; the histogram gives an upper bound that is at most 1/128 more.
        let exact = values[(per_mille * values.len()).div_ceil(1000) - 1];
        add(&quantiles, Some(("quantile", quantile)), seconds(exact), seconds(exact + exact / 128));
    }
    let max = seconds(values[values.len() - 1]);
    add(&quantiles, Some(("quantile", "1.0")), max, max);
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
