//! `ortlet run`: outputs, and how they are shown and saved.

use std::io::Read;
use std::process::Stdio;

use crate::setup::{command, error, folder, json, model, ortlet, text};

#[test]
fn random_inputs_are_the_same_for_the_same_seed() {
    let model = model("magika/model.onnx");
    let run = |seed| json(["run".as_ref(), model.as_os_str(), "--random".as_ref(), seed])["outputs"].clone();
    assert_eq!(run("1".as_ref()), run("1".as_ref()));
    assert_ne!(run("1".as_ref()), run("2".as_ref()));
    let spec = json(["run".as_ref(), model.as_os_str(), "-i".as_ref(), "random:1".as_ref()]);
    assert_eq!(spec["outputs"], run("1".as_ref()));
}

#[test]
fn outputs_are_shown_as_table_in_full_or_not_at_all() {
    let path = model("magika/model.onnx");
    let run = |print: &str| {
        text(["run".as_ref(), path.as_os_str(), "--random=1".as_ref(), "--print".as_ref(), print.as_ref()])
    };
    assert!(run("summary").contains("float32[1, 214]"));
    assert_eq!(run("full").matches(',').count(), 214);
    assert_eq!(run("none"), "");
    let full = json(["run".as_ref(), path.as_os_str(), "--random=1".as_ref(), "--print=full".as_ref()]);
    let scores = full["outputs"][0]["data"].as_array().unwrap();
    let sum: f64 = scores.iter().map(|score| score.as_f64().unwrap()).sum();
    assert_eq!(scores.len(), 214);
    assert!((sum - 1.0).abs() < 1e-4, "the scores are a softmax, but sum up to {sum}");
}

#[test]
fn several_inputs_take_every_kind_of_value() {
    let folder = folder("run");
    let raw = folder.join("state.raw");
    std::fs::write(&raw, [0; 2 * 128 * 4]).unwrap();
    let run = |state: String| {
        let path = model("silero-vad/silero_vad.onnx");
        let mut arguments = vec!["run".to_string(), path.display().to_string()];
        arguments
            .extend(["-i", "sr=16000", "-i", "input=random:3", "--shape", "input=1,512"].map(String::from));
        arguments.extend(["-i".into(), state, "--only".into(), "output".into()]);
        json(arguments)["outputs"].clone()
    };
    let zeros = format!("state=[{0}, {0}]", format!("[[{}]]", vec!["0"; 128].join(",")));
    let expected = run(zeros);
    assert_eq!(expected.as_array().unwrap().len(), 1);
    assert_eq!(run(format!("state=raw:{}", raw.display())), expected);
    assert_eq!(run(format!("state=raw:float32[2,1,128]:{}", raw.display())), expected);
}

#[test]
fn dimensions_can_be_fixed() {
    let path = model("minilm/model.onnx");
    let run = |dim: &str| {
        [
            "run".to_string(),
            path.display().to_string(),
            "--random=1".into(),
            "--dim=batch=2".into(),
            dim.into(),
        ]
    };
    assert_eq!(json(run("--dim=seq=7"))["outputs"][0]["shape"], serde_json::json!([2, 7, 384]));
    let assumed = ortlet(run("--threads=1"));
    assert!(assumed.stderr.contains("random values for [2, 1]"), "{}", assumed.stderr);
}

#[test]
fn outputs_are_saved_where_that_is_possible() {
    let (path, folder) = (model("magika/model.onnx"), folder("save"));
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    let run = |option: String| {
        ["run".to_string(), path.display().to_string(), "--random=1".into(), "--print=none".into(), option]
    };
    let saved = json(run(format!("--output=target_label={}", folder.join("a.npy").display())));
    assert_eq!(saved["outputs"][0]["files"][0], folder.join("a.npy").display().to_string());
    assert!(std::fs::read(folder.join("a.npy")).unwrap().starts_with(b"\x93NUMPY"));
    assert!(
        text(run(format!("--output-dir={}", folder.join("new/deep").display())))
            .contains("saved target_label")
    );
    assert!(folder.join("new/deep/target_label.npy").is_file());

    let below_a_file = error(1, run(format!("--output-dir={}", file.join("x").display())));
    assert_eq!(below_a_file["code"], "io");
    let wrong_name = error(1, run(format!("--output=x={}", folder.join("x.npy").display())));
    assert_eq!(
        (wrong_name["code"].as_str(), wrong_name["what"].as_str()),
        (Some("not_found"), Some("output"))
    );
    let nowhere = error(1, run(format!("--output=target_label={}", folder.join("no/x.npy").display())));
    assert_eq!(nowhere["code"], "io");
    let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(!files.into_iter().any(|name| name.to_string_lossy().ends_with(".tmp")));
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let path = model("minilm/model.onnx");
    let arguments = [
        "run".as_ref(),
        path.as_os_str(),
        "--random=1".as_ref(),
        "--dim=seq=200".as_ref(),
        "--print=full".as_ref(),
    ];
    let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(!String::from_utf8(output.stderr).unwrap().contains("panicked"));
}

#[test]
fn a_run_that_is_late_says_so() {
    let model = model("magika/model.onnx");
    let late = |deadline: &str| {
        [
            "run".into(),
            model.as_os_str().to_owned(),
            "--random=1".into(),
            format!("--deadline={deadline}").into(),
        ]
    };
    let details = error(1, late("0.000000001"));
    assert_eq!((&details["code"], &details["budget_ns"]), (&"deadline_exceeded".into(), &1.into()));
    text(late("60"));
}

#[test]
fn profiles_compute_the_same() {
    let model = model("magika/model.onnx");
    let run = |profile: &str| {
        let profile = format!("--profile={profile}");
        json([
            "run".as_ref(),
            model.as_os_str(),
            "--random=1".as_ref(),
            profile.as_ref(),
            "--print=full".as_ref(),
        ])
    };
    let latency = run("latency")["outputs"].clone();
    assert_eq!(run("battery")["outputs"], latency);
    let score = |outputs: &serde_json::Value| outputs[0]["data"][0].as_f64().unwrap();
    // On one thread, sums may be in another order.
    assert!((score(&run("throughput")["outputs"]) - score(&latency)).abs() < 1e-5);
}
