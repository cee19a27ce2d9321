//! The cache of compiled models: kept by `run`, listed and cleared by `ortlet cache`.

use std::path::Path;

use serde_json::{Value, json};

use crate::setup::{Said, bare_command, error, folder, json, model, ortlet, text};

fn run(options: &[&str]) -> Value {
    let path = model("magika/model.onnx");
    json(["run", path.to_str().unwrap(), "--random=1"].iter().chain(options))
}

fn option(name: &str, folder: &Path) -> String {
    format!("--{name}={}", folder.display())
}

#[test]
fn the_second_run_finds_what_the_first_has_kept() {
    let folder = folder("cache");
    let (cache, listed) = (option("cache", &folder), option("folder", &folder));
    let plain = run(&["--no-cache"]);
    let first = run(&[&cache]);
    let second = run(&[&cache, "--verify"]);
    let outcomes = [&plain, &first, &second].map(|said| said["session"]["cache"]["outcome"].clone());
    assert_eq!(outcomes, ["off", "stored", "hit"]);
    assert_eq!((&plain["outputs"], &first["outputs"]), (&first["outputs"], &second["outputs"]));

    let list = json(["cache", "list", &listed]);
    let entry = &list["entries"][0];
    assert_eq!(list["entries"].as_array().unwrap().len(), 1);
    assert_eq!((&entry["key"], &entry["model"]), (&second["session"]["cache"]["key"], &json!("model.onnx")));
    assert_eq!(list["total_bytes"], entry["file_bytes"]);
    let table = text(["cache", "list", &listed]);
    assert!(table.contains("model.onnx") && table.contains("UTC"), "{table}");
    assert!(table.contains("1 compiled model ("), "{table}");

    let cleared = json(["cache", "clear", &listed]);
    assert_eq!((&cleared["removed"], &cleared["total_bytes"]), (&list["entries"], &list["total_bytes"]));
    assert_eq!(json(["cache", "list", &listed])["entries"], json!([]));
    assert!(text(["cache", "clear", &listed]).contains("removed 0 compiled models (0 B)"));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn clearing_spares_what_is_not_the_caches() {
    let folder = folder("cache-spares");
    let theirs = ["model.ortlet", "Cargo.lock", "my.note"].map(|name| folder.join(name));
    theirs.iter().for_each(|path| std::fs::write(path, "theirs").unwrap());
    run(&[&option("cache", &folder)]);
    assert_eq!(json(["cache", "clear", &option("folder", &folder)])["removed"].as_array().unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), theirs.len());
}

#[test]
fn without_options_the_environment_decides_and_then_the_platform() {
    let folder = folder("cache-default");
    let magika = model("magika/model.onnx");
    let session = |set: &[(&str, &Path)]| {
        let mut command = bare_command(["run", magika.to_str().unwrap(), "--random=1", "--json"]);
        command.env_remove("ORTLET_CACHE").envs(set.iter().copied());
        let said: Said = command.output().unwrap().into();
        serde_json::from_str::<Value>(&said.stdout).unwrap()["session"]["cache"].clone()
    };
    let named = session(&[("ORTLET_CACHE", &folder.join("named"))]);
    assert_eq!((&named["outcome"], &named["folder"]), (&json!("stored"), &json!(folder.join("named"))));
    if cfg!(target_os = "linux") {
        let platform = session(&[("XDG_CACHE_HOME", &folder)]);
        assert_eq!(
            (&platform["outcome"], &platform["folder"]),
            (&json!("stored"), &json!(folder.join("ortlet")))
        );
    }
}

#[test]
fn a_cache_that_fails_makes_warnings_and_no_failure() {
    let folder = folder("cache-fails");
    let file = folder.join("file");
    std::fs::write(&file, "").unwrap();
    let cache = option("cache", &file.join("cache"));
    assert_eq!(run(&[&cache])["session"]["cache"]["outcome"], "failed");
    for command in [&["run", "--random=1"][..], &["bench", "--runs=1", "--warmup=0"]] {
        let path = model("magika/model.onnx");
        let said = ortlet(command.iter().copied().chain([path.to_str().unwrap(), &cache]));
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        assert!(said.stderr.contains("warning: not cached: "), "{}", said.stderr);
    }
    let unreadable = error(1, ["cache", "list", &option("folder", &file)]);
    assert_eq!(unreadable["code"], "io");
}

#[test]
fn a_damaged_entry_is_healed_with_a_warning() {
    let folder = folder("cache-heals");
    let cache = option("cache", &folder);
    let stored = run(&[&cache]);
    let list = json(["cache", "list", &option("folder", &folder)]);
    let entry = Path::new(list["entries"][0]["path"].as_str().unwrap());
    std::fs::remove_file(entry).unwrap();
    std::fs::write(entry, "ORTLET damaged").unwrap();
    assert!(text(["cache", "list", &option("folder", &folder)]).contains("(damaged)"));
    let path = model("magika/model.onnx");
    let said = ortlet(["run", path.to_str().unwrap(), "--random=1", &cache]);
    assert!(said.stderr.contains("warning: entry not usable"), "{}", said.stderr);
    let healed = run(&[&cache]);
    assert_eq!(
        (&healed["session"]["cache"]["outcome"], &healed["outputs"]),
        (&json!("hit"), &stored["outputs"])
    );
}
