//! What is in a compiled model: what it says about itself, its sections, its devices and its portable model.

use ortlet::artifact::{Artifact, DeviceManifest, EXTERNAL_LOCATION, Manifest};
use ortlet::error::ResultExt;
use ortlet::model::Model;
use ortlet::{PrecisionReport, Result};
use serde::Serialize;

use crate::args::InspectArgs;
use crate::inspect::model;
use crate::moment::utc;
use crate::output::{bytes, count, emit, emit_json, facts, right_align, table};
use crate::precision;

/// Digests are shown as far as people compare them; JSON has them whole.
const SHOWN_DIGEST: usize = 16;

/// Shows an artifact.
///
/// # Errors
/// Of reading it; `integrity` if it is damaged, which with `--verify` is found wherever it is.
pub fn run(args: &InspectArgs, as_json: bool) -> Result<()> {
    let artifact = Artifact::open(&args.model)?;
    let portable = portable_model(&artifact, args.verify)
        .with_context(|| format!("model `{}`", args.model.display()))?;
    let document = Document {
        artifact: artifact.manifest(),
        model: model::Document::of(&portable, &args.model, as_json),
    };
    if as_json {
        return emit_json(&document);
    }
    let title = format!("{}, the portable model of the artifact", artifact.manifest().model.name);
    let path = args.model.display().to_string();
    let state = if args.verify { "all data is whole" } else { "data not checked, see --verify" };
    emit(&format!("{}\n\n{}", text(&path, state, &artifact), document.model.text(&title)))
}

/// The artifact as JSON.
#[derive(Serialize)]
struct Document<'a> {
    artifact: &'a Manifest,
    model: model::Document,
}

/// The portable model, its references checked; those of the devices and all data too if that is asked for.
fn portable_model(artifact: &Artifact, verify: bool) -> Result<Model> {
    if verify {
        artifact.verify_data()?;
        for index in 0..artifact.manifest().devices.len() {
            artifact.relocated_device_model(index, EXTERNAL_LOCATION)?;
        }
    }
    Model::parse(artifact.relocated_portable_model(EXTERNAL_LOCATION)?)
}

fn text(path: &str, state: &str, artifact: &Artifact) -> String {
    let manifest = artifact.manifest();
    let mut parts = vec![facts(general(path, state, artifact)).to_string(), sections(artifact)];
    parts.extend(manifest.devices.iter().map(|device| facts(device_rows(device)).to_string()));
    parts.join("\n\n")
}

fn general(path: &str, state: &str, artifact: &Artifact) -> Vec<(&'static str, String)> {
    let Manifest { model, portable, .. } = artifact.manifest();
    let mut rows = vec![
        ("artifact", format!("{path} ({})", bytes(artifact.size_bytes()))),
        ("made of", format!("{} ({})", model.name, bytes(model.bytes))),
        ("model digest", short(&model.digest)),
        ("created", utc(artifact.manifest().created_unix_s)),
        ("Ortlet", artifact.manifest().ortlet_version.clone()),
        ("format version", artifact.manifest().format_version.to_string()),
        ("tensors in the portable data", count(portable.tensor_count)),
        ("devices", count(artifact.manifest().devices.len() as u64)),
        ("state", state.to_string()),
    ];
    let measured = artifact.manifest().measured.iter().map(|(name, value)| format!("{name}: {value}"));
    let measured = measured.collect::<Vec<_>>().join("\n");
    if !measured.is_empty() {
        rows.push(("measured", measured));
    }
    if let Some(report) = changes(artifact.manifest()) {
        rows.push(("precision", report));
    }
    let plans = artifact.manifest().plans.iter().map(|plan| plan["verdict"].as_str().unwrap_or("(damaged)"));
    let plans = plans.collect::<Vec<_>>().join("\n");
    if !plans.is_empty() {
        rows.push(("plans", plans));
    }
    rows
}

/// How the model was changed, in brief.
fn changes(manifest: &Manifest) -> Option<String> {
    let report = manifest.report.clone()?;
    let Ok(report) = serde_json::from_value::<PrecisionReport>(report) else {
        return Some("(damaged)".into());
    };
    let line = precision::line(&report);
    // The blocks of Ortlet's kernels are counted in it.
    if report.needs_ortlet {
        return Some(line);
    }
    let changed = report.layers.iter().filter(|layer| layer.form.is_some()).count() as u64;
    Some(format!("{line}\n{} of {} layers changed", count(changed), count(report.layers.len() as u64)))
}

fn sections(artifact: &Artifact) -> String {
    let mut table = table(["section", "at byte", "size"]);
    for section in artifact.sections() {
        table.add_row([section.to_string(), count(section.offset_bytes), bytes(section.length_bytes)]);
    }
    right_align(&mut table, [1, 2]);
    table.to_string()
}

fn device_rows(device: &DeviceManifest) -> Vec<(&'static str, String)> {
    let DeviceManifest { key, notes, .. } = device;
    let mut prepacked = count(device.prepacked_count);
    if device.prepacked_count > 0 {
        prepacked += &format!(" ({})", bytes(device.prepacked_bytes));
    }
    let rows = [
        ("device", device.index.to_string()),
        ("ONNX Runtime", key.runtime_version.clone()),
        ("build", key.runtime_build.clone()),
        ("processor", key.cpu_model.clone().unwrap_or_else(|| "any with these instruction sets".into())),
        ("architecture", key.architecture.clone()),
        ("instruction sets", key.cpu_features.join(" ")),
        ("options digest", short(&key.options_digest)),
        ("Ortlet", key.ortlet_version.clone()),
        ("pre-packed weights", prepacked),
        ("tensors in the data", count(device.tensor_count)),
        ("notes", notes.join("\n")),
    ];
    rows.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

fn short(digest: &str) -> String {
    digest.chars().take(SHOWN_DIGEST).collect()
}
