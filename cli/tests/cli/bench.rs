//! `ortlet bench`: numbers, report, and quiet when nobody watches.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::setup::{command, error, folder, json, model, ortlet, text};

#[test]
fn the_numbers_are_there_and_in_order() {
    let path = model("magika/model.onnx");
    let report = json(["bench".as_ref(), path.as_os_str(), "--runs=20".as_ref(), "--warmup=2".as_ref()]);
    assert_eq!((report["run_count"].as_u64(), report["warmup_run_count"].as_u64()), (Some(20), Some(2)));
    let latency = &report["latency"];
    let of = |name: &str| latency[name].as_f64().unwrap();
    let ascending = ["min_ns", "p50_ns", "p90_ns", "p99_ns", "p99.9_ns", "max_ns"].map(of);
    assert!(ascending[0] > 0.0 && ascending.is_sorted(), "{latency}");
    assert!((of("min_ns")..=of("max_ns")).contains(&of("mean_ns")));
    let counted = report["histogram"]["buckets"].as_array().unwrap();
    assert_eq!(counted.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum::<u64>(), 20);
    for name in ["creation_ns", "first_run_ns", "elapsed_ns", "runs_per_second"] {
        assert!(report[name].as_f64().unwrap() > 0.0, "{name}");
    }
    if cfg!(target_os = "linux") {
        let memory = &report["memory"];
        assert!(memory["peak_bytes"].as_u64() >= memory["private_bytes"].as_u64());
        assert!(report["cpu_ns_per_run"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn time_bounds_the_measurement_and_pipes_stay_quiet() {
    let path = model("silero-vad/silero_vad.onnx");
    let arguments = ["--seconds=0.3", "-i=sr=16000", "--shape=input=1,512", "--shape=state=2,1,128"];
    let said = ortlet(["bench", path.to_str().unwrap()].into_iter().chain(arguments));
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert!(said.stdout.contains("p99.9") && !said.stdout.contains('\r'), "{}", said.stdout);
}

#[test]
fn the_report_is_one_page_that_loads_nothing() {
    let folder = folder("bench");
    // A name that would break out of the page if it were not escaped.
    let hostile = folder.join("<img src=x>.onnx");
    std::fs::copy(model("magika/model.onnx"), &hostile).unwrap();
    let page = folder.join("report.html");
    let report = format!("--report={}", page.display());
    let said = ortlet(["bench", hostile.to_str().unwrap(), "--runs=10", "--warmup=0", &report]);
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    let page = std::fs::read_to_string(page).unwrap();
    for part in
        ["<!doctype html>", "p99.9", "&lt;img src=x&gt;.onnx", "prefers-color-scheme: dark", "</html>"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), 4, "two charts, each for wide and for narrow screens");
    assert_eq!(page.matches("<desc").count(), 4);
    for loads in ["http:", "https:", "<script", "<link", "<img", "src=", "url(", "@import", "NaN"] {
        assert!(!page.replace("&lt;img src=x", "").contains(loads), "{loads}");
    }
}

#[test]
fn the_time_of_every_operator_is_told() {
    let path = model("magika/model.onnx");
    // Not optimised, the model that runs has the operators of the file, without constants.
    let report = json(["bench", path.to_str().unwrap(), "--ops", "--runs=3", "--warmup=0", "--level=none"]);
    let profile = &report["operator_profile"];
    let of = |name: &str| profile[name].as_array().unwrap();
    let number = |value: &Value, name: &str| value[name].as_u64().unwrap();
    assert_eq!(profile["run_count"], 3);
    let mut inspected: BTreeMap<String, u64> =
        serde_json::from_value(json(["inspect".as_ref(), path.as_os_str()])["op_type_counts"].take())
            .unwrap();
    inspected.remove("Constant");
    let operators = of("operators").iter();
    let counts = operators.map(|o| (o["op_type"].as_str().unwrap().to_owned(), number(o, "node_count")));
    assert_eq!(counts.collect::<BTreeMap<_, _>>(), inspected);
    assert_eq!(of("nodes").len() as u64, inspected.values().sum::<u64>());
    for list in ["operators", "nodes"] {
        let in_kernels: u64 = of(list).iter().map(|part| number(part, "total_ns")).sum();
        assert_eq!(in_kernels + number(&profile["overhead"], "total_ns"), number(profile, "total_ns"));
    }
    for node in of("nodes") {
        assert_eq!((number(node, "call_count"), &node["domain"]), (3, &"".into()), "{node}");
        assert!(node["share"].is_f64() && node["mean_ns_per_run"].is_f64());
        assert_eq!(node["provider"], "CPUExecutionProvider");
    }
}

#[test]
fn operators_are_shown_as_tables_and_in_the_report() {
    let page = folder("bench-operators").join("report.html");
    let (path, report) = (model("silero-vad/silero_vad.onnx"), format!("--report={}", page.display()));
    let inputs = ["-i=sr=16000", "--shape=input=1,576", "--shape=state=2,1,128"];
    // Not optimised, it has the same operators on every processor.
    let bench = ["bench", path.to_str().unwrap(), "--runs=3", "--warmup=0", "--level=none", &report];
    let plain = text(bench.iter().chain(&inputs));
    assert!(!plain.contains("(not in any operator)"), "{plain}");
    assert!(!std::fs::read_to_string(&page).unwrap().contains("<table class='shares'>"));
    let said = text(bench.iter().chain(&inputs).chain(&["--ops"]));
    let rows = |first: &str| {
        let starts = |line: &&str| line.strip_prefix('│').is_some_and(|row| row.trim().starts_with(first));
        said.lines().filter(starts).count()
    };
    for operator in ["If ", "LSTM ", "Conv ", "Identity ", "operator ", "node ", "(the other "] {
        assert_eq!(rows(operator), 1, "{operator}: {said}");
    }
    assert_eq!(rows("(not in any operator)"), 2, "{said}");
    let page = std::fs::read_to_string(page).unwrap();
    assert_eq!(page.matches("<table class='shares'>").count(), 2);
    for part in
        ["by operator", "by node", "<td class='what'>LSTM<div", "<td class='about'>LSTM</td>", "(the other "]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn what_creation_consisted_of_is_told() {
    let folder = folder("bench-cache");
    let (path, page) = (model("magika/model.onnx"), folder.join("report.html"));
    let (cache, report) = (format!("--cache={}", folder.display()), format!("--report={}", page.display()));
    let bench = |options: &[&str]| {
        let arguments = ["bench", path.to_str().unwrap(), "--runs=2", "--warmup=0", &report];
        text(arguments.iter().chain(options))
    };
    for (options, outcome, tile) in [
        (&["--no-cache"][..], "│ off ".to_string(), "<dt>session creation</dt>"),
        (&[&cache], format!("stored (in {})", folder.display()), "<dt>session creation, with compiling</dt>"),
        (&[&cache], format!("hit (from {})", folder.display()), "<dt>session creation, compiled before</dt>"),
    ] {
        let said = bench(options).replace('┆', "│");
        assert!(said.contains("compiled model") && said.contains(&outcome), "{said}");
        assert!(said.contains("creation phases") && said.contains("create "), "{said}");
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains(tile) && page.contains("creation phases"), "{tile}");
    }
    let said = json(["bench", path.to_str().unwrap(), "--runs=2", "--warmup=0", &cache]);
    let session = &said["session"];
    assert_eq!(
        (&session["cache"]["outcome"], &session["origin"]),
        (&"hit".into(), &"artifact_device".into())
    );
    assert!(session["phases"]["first_run_ns"].as_u64().is_some());
    assert!(session["phases"]["total_ns"].as_u64() <= said["creation_ns"].as_u64());
    assert!(session["mapped_bytes"].as_u64() > Some(0));
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_measuring() {
    let folder = folder("bench-report");
    let path = model("magika/model.onnx");
    let start = std::time::Instant::now();
    for report in [folder.join("none/report.html"), folder] {
        let report = format!("--report={}", report.display());
        let details = error(1, ["bench", path.to_str().unwrap(), "--seconds=60", &report]);
        assert_eq!(details["code"], "io", "{details}");
    }
    assert!(start.elapsed().as_secs() < 30);
}

#[test]
fn an_interrupt_just_ends_it() {
    let path = model("magika/model.onnx");
    let mut child = command(["bench".as_ref(), path.as_os_str(), "--seconds=600".as_ref()])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(
        std::process::Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    assert!(!child.wait().unwrap().success());
}

#[test]
fn metrics_are_written_for_prometheus() {
    let (path, file) = (model("magika/model.onnx"), folder("bench-metrics").join("magika.prom"));
    let metrics = format!("--metrics={}", file.display());
    let arguments = ["--runs=7", "--warmup=2", &metrics];
    text(["bench", path.to_str().unwrap()].into_iter().chain(arguments));
    let written = std::fs::read_to_string(&file).unwrap();
    // The first run, the warm-up and what was measured.
    assert!(written.contains("ortlet_runs_total{session=\"model\"} 10\n"), "{written}");
    assert!(written.ends_with("# EOF\n"));
}
