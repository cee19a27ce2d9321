//! Precisions and modes of quantization from the command line. Which candidate is fastest depends on the machine.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::setup::{error, folder, json, model, ortlet, python, text};

/// Batches of inputs for magika: random bytes.
fn samples(place: &Path, count: usize) -> PathBuf {
    let folder = place.join("samples");
    std::fs::create_dir(&folder).unwrap();
    python(["archives".into(), folder.clone().into_os_string(), count.to_string().into()]);
    folder
}

fn magika(place: &Path) -> String {
    let copy = place.join("model.onnx");
    std::fs::copy(model("magika/model.onnx"), &copy).unwrap();
    copy.display().to_string()
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

#[test]
fn every_mode_writes_a_model_that_runs_and_says_how_it_was_made() {
    let place = folder("modes");
    let (plain, samples) = (magika(&place), option("samples", &samples(&place, 4)));
    for (mode, end, needs_samples) in [
        ("int8-dynamic", "int8.onnx", false),
        ("int8-static", "int8-static.onnx", true),
        ("weights-8", "w8.onnx", false),
        ("weights-4", "w4.onnx", false),
        ("float16", "f16.onnx", false),
    ] {
        let mut arguments = vec!["quantize".to_owned(), plain.clone(), format!("--mode={mode}")];
        arguments.extend(needs_samples.then(|| samples.clone()));
        let report = json(&arguments);
        let written = place.join("model").with_extension(end);
        assert_eq!((&report["path"], &report["mode"]), (&json!(written), &json!(mode)));
        assert!(report["quantized_count"].as_u64() > Some(0), "{report}");
        let inspected = json(["inspect".as_ref(), written.as_os_str()]);
        let origin: Value =
            serde_json::from_str(inspected["metadata"]["ortlet.quantize"].as_str().unwrap()).unwrap();
        assert_eq!((&origin["precision"], &origin["verdict"]), (&json!(mode), &report["verdict"]));
        text(["run", written.to_str().unwrap(), "--random=1", "--shape=1,2048", "--print=none"]);
    }
    let said = text(["quantize", &plain, "--mode=weights-8", "--block-size=64"]);
    assert!(said.contains("weights-8") && said.contains("2 of 2 layers"), "{said}");
}

#[test]
fn a_precision_is_chosen_within_the_accuracy_asked_for() {
    let place = folder("precision");
    let (plain, samples) = (magika(&place), option("samples", &samples(&place, 12)));
    let page = place.join("report.html");
    let said = ortlet([
        "quantize",
        &plain,
        "--precision=auto",
        &samples,
        "--threads=1",
        // Enough for a final on a busy machine too.
        "--time=120",
        "--min-cosine=none",
        "--mean-cosine=0.99",
        &option("report", &page),
    ]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "quiet where there is no terminal");
    for part in ["candidate", "original", "mean cosine", "0.99", "samples", "model.auto.onnx", "report: "] {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg class='wide'") && html.contains("Every layer") && !html.contains("<script"));
    let chosen = place.join("model.auto.onnx");
    text(["run", chosen.to_str().unwrap(), "--random=1", "--shape=1,2048", "--print=none"]);

    // Compiled, the artifact carries the report; loaded, it tells.
    let artifact = place.join("model.ortlet");
    let compile = [
        "compile",
        &plain,
        "--precision=auto",
        &samples,
        "--threads=1",
        "--mean-cosine=0.99",
        "--min-cosine=none",
    ];
    let compiled = json(compile);
    let verdict = compiled["precision"]["verdict"].as_str().unwrap();
    assert_eq!(
        compiled["precision"]["samples"],
        json!({ "calibration": 6, "selection": 3, "verification": 3 })
    );
    let artifact = artifact.to_str().unwrap();
    assert!(text(["inspect", artifact]).contains(&verdict[..30]));
    assert_eq!(json(["inspect", artifact])["artifact"]["report"]["verdict"], verdict);
    let run = json(["run", artifact, "--random=1", "--shape=1,2048"]);
    assert_eq!(run["session"]["precision"]["verdict"], verdict);

    // With a cache the choice is made once.
    let cache = option("cache", &place.join("cache"));
    let bench = |precision: &str| {
        json(["bench", &plain, precision, &samples, "--runs=1", "--warmup=0", "--shape=1,2048", &cache])
    };
    assert_eq!(bench("--precision=weights-8")["session"]["cache"]["outcome"], "stored");
    let again = bench("--precision=weights-8");
    assert_eq!(again["session"]["cache"]["outcome"], "hit");
    assert_eq!(again["session"]["precision"]["chosen"], "weights-8");
}

#[test]
fn ortlets_own_kernels_are_precisions() {
    let place = folder("kernels");
    let (plain, samples) = (magika(&place), option("samples", &samples(&place, 8)));
    let run = ["--random=1", "--shape=1,2048"];
    for precision in ["fp32", "fp16", "bf16", "int8"] {
        let asked = format!("--precision={precision}");
        let report = json(["quantize", &plain, &asked]);
        let written = place.join("model").with_extension(format!("{precision}.onnx"));
        assert_eq!((&report["path"], &report["precision"]), (&json!(written), &json!(precision)));
        assert_eq!((&report["needs_ortlet"], &report["chosen"]), (&json!(true), &json!(precision)));
        let blocks = report["blocks"].as_array().unwrap();
        // The first layer reads rows of one-hot vectors, and is a lookup before anything else.
        assert_eq!(blocks.len(), 2, "{report}");
        assert!(report["rewritings"].to_string().contains("one_hot"), "{report}");
        for block in blocks {
            assert_eq!((&block["precision"], &block["reason"]), (&json!(precision), &Value::Null), "{block}");
            assert!(block["similarity"].as_f64().is_some_and(|similarity| similarity > 0.9), "{block}");
        }

        // What was written is a model like any other, for Ortlet.
        let written = written.to_str().unwrap();
        text(["run", written, run[0], run[1], "--print=none"]);
        let inspected = json(["inspect", written]);
        let origin: Value =
            serde_json::from_str(inspected["metadata"]["ortlet.quantize"].as_str().unwrap()).unwrap();
        assert_eq!((&origin["precision"], &origin["verdict"]), (&json!(precision), &report["verdict"]));
        assert!(inspected.to_string().contains("ai.ortlet"), "{inspected}");
        text(["compile", written]);

        // Without a file between.
        let ran = json(["run", &plain, &asked, run[0], run[1]]);
        assert_eq!(ran["session"]["precision"]["chosen"], precision);
        let benched = json(["bench", &plain, &asked, "--runs=1", "--warmup=0", run[1]]);
        assert_eq!(benched["session"]["precision"]["verdict"], report["verdict"]);
        assert_eq!(benched["session"]["precision"]["blocks"], report["blocks"]);
    }

    // In words, with samples, and as a page.
    let page = place.join("kernels.html");
    let said = text([
        "quantize",
        &plain,
        "--precision=int8",
        &samples,
        "--min-cosine=0.9",
        "--mean-cosine=0.9",
        &option("report", &page),
    ]);
    for part in ["2 of 2 blocks in int8", "convolution", "linear", "similarity", "model.int8.onnx"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("2 of 2 blocks in int8") && html.contains("convolution"), "{html}");
    let strict = ["quantize", &plain, "--precision=int8", &samples, "--max-error=0", "--min-cosine=none"];
    assert_eq!(error(1, strict)["code"], "accuracy_budget");

    // An artifact tells what it holds.
    let artifact = place.join("own.ortlet");
    let artifact = artifact.to_str().unwrap();
    let compiled = json(["compile", &plain, "--precision=bf16", &format!("--output={artifact}")]);
    assert_eq!(compiled["precision"]["needs_ortlet"], true);
    let inspected = json(["inspect", artifact]);
    assert_eq!(inspected["artifact"]["report"]["blocks"], compiled["precision"]["blocks"]);
    assert!(text(["inspect", artifact]).contains("2 of 2 blocks in bf16"));
    assert_eq!(json(["run", artifact, run[0], run[1]])["session"]["origin"], "artifact_device");
}

#[test]
fn what_is_missing_or_wrong_is_said() {
    let place = folder("precision-refusals");
    let (plain, few) = (magika(&place), option("samples", &samples(&place, 3)));
    let quantize = |arguments: &[&str]| error(1, [&["quantize", &plain][..], arguments].concat());
    let said = quantize(&["--precision=auto"]);
    assert_eq!(said["code"], "invalid_argument");
    assert!(said["message"].as_str().unwrap().contains("samples"), "{said}");
    let said = quantize(&["--precision=auto", &few]);
    assert!(said["message"].as_str().unwrap().contains("at least 4"), "{said}");
    assert_eq!(quantize(&["--precision=auto", "--samples=/nowhere"])["code"], "not_found");
    assert_eq!(quantize(&["--mode=int8-static"])["code"], "invalid_argument");
    assert_eq!(quantize(&["--precision=auto", &few, "--mean-cosine=7"])["code"], "invalid_argument");
    assert_eq!(quantize(&["--layer=nobody=float16"])["code"], "not_found");
    assert_eq!(quantize(&["--precision=original"])["code"], "invalid_argument");
    for usage in [&["--precision=int7"][..], &["--mode=float16", "--precision=auto"], &["--min-cosine=much"]]
    {
        assert_eq!(error(2, [&["quantize", &plain][..], usage].concat())["code"], "invalid_argument");
    }
    let left = std::fs::read_dir(&place).unwrap().count();
    assert_eq!(left, 2, "nothing is left behind");
}
