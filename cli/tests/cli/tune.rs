//! Tuning from the command line. Which candidate is fastest depends on the machine.

use std::path::Path;

use serde_json::{Value, json};

use crate::setup::{error, folder, json, model, ortlet, python, text};

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}

fn magika() -> String {
    model("magika/model.onnx").display().to_string()
}

#[test]
fn the_race_is_a_table_and_the_plan_is_kept() {
    let folder = folder("tune");
    let (cache, listed) = (option("cache", &folder), option("folder", &folder));
    let said = ortlet(["tune", &magika(), "--time=2", "--shape=1,2048", &cache]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "quiet where there is no terminal");
    for part in
        ["candidate", "of the default", "│ default ", "1 thread", "level extended", "batches of inputs"]
    {
        assert!(said.stdout.contains(part), "{part}: {}", said.stdout);
    }
    let list = json(["cache", "list", &listed]);
    let entries = list["entries"].as_array().unwrap();
    let plans: Vec<_> = entries.iter().filter(|entry| entry["kind"] == "plan").collect();
    assert_eq!((entries.len(), plans.len()), (2, 1));
    assert!(
        said.stdout.contains(&format!("plan: kept in {}", plans[0]["path"].as_str().unwrap())),
        "{}",
        said.stdout
    );
    let table = text(["cache", "list", &listed]);
    assert!(table.contains("1 compiled model and 1 plan ("), "{table}");

    let run = json(["run", &magika(), "--random=1", &cache]);
    let verdict = run["session"]["plan"]["verdict"].as_str().unwrap();
    assert!(said.stdout.contains(verdict), "{verdict}: {}", said.stdout);
    let bench = text(["bench", &magika(), "--runs=1", "--warmup=0", &cache]);
    assert!(bench.contains("│ plan") && bench.contains("(tuned for 1 run at once)"), "{bench}");
    for option in ["--threads=1", "--no-plan"] {
        let other = json(["run", &magika(), "--random=1", option, &cache]);
        assert_eq!(other["session"]["plan"], Value::Null, "{option}");
    }
    assert_eq!(json(["cache", "clear", &listed])["removed"].as_array().unwrap().len(), 2);
}

#[test]
fn artifacts_get_their_plan() {
    let folder = folder("tune-artifact");
    let artifact = folder.join("m.ortlet").display().to_string();
    text(["compile", &magika(), "-o", &artifact]);
    let plan = json(["tune", &artifact, "--time=1", "--concurrency=2"]);
    assert_eq!((&plan["stored_in"], &plan["concurrency"]), (&json!(artifact), &json!(2)));
    let candidates = plan["candidates"].as_array().unwrap();
    assert!(candidates.iter().any(|candidate| candidate["name"] == "profile throughput"), "{candidates:?}");
    assert_eq!(json(["run", &artifact, "--random=1"])["session"]["plan"]["verdict"], plan["verdict"]);
    assert_eq!(json(["inspect", &artifact])["artifact"]["plans"].as_array().map(Vec::len), Some(1));
}

#[test]
fn every_archive_of_a_folder_is_a_batch() {
    let folder = folder("tune-samples");
    let inputs = folder.join("inputs");
    std::fs::create_dir(&inputs).unwrap();
    python(["archives".as_ref(), inputs.as_os_str()]);
    let tune = ["tune", &magika(), "--time=1", &option("samples", &inputs)].map(str::to_owned);
    let plan = json(tune);
    assert_eq!((&plan["sample_count"], &plan["stored_in"]), (&json!(3), &Value::Null));
    let empty = option("samples", &folder);
    let details = error(1, ["tune", &magika(), &empty]);
    assert_eq!((&details["code"], &details["argument"]), (&json!("invalid_argument"), &json!("samples")));
}

#[test]
fn the_report_plots_the_race_and_loads_nothing() {
    let folder = folder("tune-report");
    // A name that would break out of the page if it were not escaped.
    let hostile = folder.join("<img src=x>.onnx");
    std::fs::copy(model("magika/model.onnx"), &hostile).unwrap();
    let page = folder.join("race.html");
    text(["tune", hostile.to_str().unwrap(), "--time=2", &option("report", &page)]);
    let page = std::fs::read_to_string(page).unwrap();
    for part in [
        "<!doctype html>",
        "class='runner ",
        "class='spread ",
        "&lt;img src=x&gt;.onnx",
        "1 thread",
        "</html>",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert_eq!(page.matches("<svg").count(), 2, "one chart, for wide and for narrow screens");
    for loads in ["http:", "https:", "<script", "<link", "<img", "src=", "url(", "@import", "NaN", "inf"] {
        assert!(!page.replace("&lt;img src=x", "").contains(loads), "{loads}");
    }
}

#[test]
fn what_cannot_race_is_told() {
    for (options, argument) in [
        (&["--threads=2"][..], "session.threads"),
        (&["--concurrency=0"], "concurrency"),
        (&["--tolerance=-1"], "tolerance"),
    ] {
        let details = error(1, ["tune", &magika()].iter().chain(options));
        assert_eq!((&details["code"], &details["argument"]), (&json!("invalid_argument"), &json!(argument)));
    }
    let report = option("report", &folder("tune-nowhere").join("none/race.html"));
    assert_eq!(error(1, ["tune", &magika(), &report])["code"], "io");
}
