//! `ortlet inspect`: what is in a model or in a compiled one. Needs no ONNX Runtime.

mod artifact;
mod model;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ortlet::Result;
use ortlet::artifact::MAGIC;
use ortlet::model::Model;

use crate::args::InspectArgs;
use crate::output::{emit, emit_json, note};
use model::Document;

/// Runs the command.
///
/// # Errors
/// Of reading the model.
pub fn run(args: &InspectArgs, as_json: bool) -> Result<()> {
    if is_artifact(&args.model) {
        return artifact::run(args, as_json);
    }
    let document = Document::of(&Model::open(&args.model)?, &args.model, as_json);
    if args.verify {
        note("nothing to verify: only compiled models hold digests of their data");
    }
    if as_json { emit_json(&document) } else { emit(&document.text(&args.model.display().to_string())) }
}

/// Whether a file is a compiled model, by its first bytes. What is no regular file can be read only once.
fn is_artifact(path: &Path) -> bool {
    let mut first = [0; MAGIC.len()];
    let mut read = || File::open(path)?.read_exact(&mut first);
    path.is_file() && read().is_ok() && first == MAGIC
}
