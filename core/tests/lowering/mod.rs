//! Models in the styles of exporters, and how close a lowered one comes.
#![allow(dead_code, missing_docs, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use ortlet::lower::{BlockKind, KernelPrecision, Learned, LowerOptions, Lowered, lower};
use ortlet::model::{GraphProto, Model, NoExternalData, ValueInfoProto};
use ortlet::tensor::{DType, Tensor, Value, npy};
use ortlet::{Session, SessionOptions};
use serde::Deserialize;

use crate::common::{folder, setting, two_threads};

#[derive(Deserialize)]
pub struct Style {
    model: PathBuf,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    inputs: BTreeMap<String, PathBuf>,
    output: PathBuf,
}

/// The models of the script, made once.
pub fn styles() -> &'static (PathBuf, BTreeMap<String, Style>) {
    static STYLES: OnceLock<(PathBuf, BTreeMap<String, Style>)> = OnceLock::new();
    STYLES.get_or_init(|| {
        let folder = folder(concat!("exporters-", env!("CARGO_CRATE_NAME")));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/reference/exporters.py");
        let said = Command::new(setting("ORTLET_TEST_PYTHON")).arg(script).arg(&folder).output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        let manifest = std::fs::read(folder.join("manifest.json")).unwrap();
        (folder, serde_json::from_slice(&manifest).unwrap())
    })
}

pub fn style(name: &str) -> Model {
    let (folder, styles) = styles();
    Model::parse(std::fs::read(folder.join(&styles[name].model)).unwrap()).unwrap()
}

pub fn lowered(model: &Model, precision: KernelPrecision) -> Lowered {
    let options = LowerOptions { precision, ..Default::default() };
    lower(model, &options, &Learned::default(), &NoExternalData).unwrap()
}

/// Layers, feed-forward blocks, attentions and tables.
pub fn counts(lowered: &Lowered) -> [usize; 4] {
    [BlockKind::Linear, BlockKind::FeedForward, BlockKind::Attention, BlockKind::Embedding]
        .map(|kind| lowered.blocks.iter().filter(|block| block.kind == kind).count())
}

/// How close results have to be.
#[derive(Clone, Copy)]
pub struct Similarity {
    /// The largest error, as a share of the largest magnitude.
    pub error: f64,
    pub cosine: f64,
}

impl Similarity {
    pub fn assert(self, what: &str, plain: &Tensor, own: &Tensor) {
        assert_eq!(plain.shape(), own.shape(), "{what}");
        let (plain, own) = (plain.as_slice::<f32>().unwrap(), own.as_slice::<f32>().unwrap());
        let (mut error, mut largest, mut dot, mut left, mut right) = (0.0_f64, 0.0_f64, 0.0, 0.0, 0.0);
        for (&plain, &own) in plain.iter().zip(own) {
            assert_eq!(plain.is_nan(), own.is_nan(), "{what}: {plain} became {own}");
            if plain.is_nan() {
                continue;
            }
            let (plain, own) = (f64::from(plain), f64::from(own));
            (error, largest) = (error.max((plain - own).abs()), largest.max(plain.abs()));
            (dot, left, right) = (dot + plain * own, left + plain * plain, right + own * own);
        }
        assert!(error <= self.error * largest, "{what}: error {error}, largest {largest}");
        let cosine = if left > 0.0 { dot / (left * right).sqrt() } else { 1.0 };
        assert!(cosine >= self.cosine, "{what}: cosine {cosine}");
    }
}

fn read(file: &Path) -> Tensor {
    let (folder, _) = styles();
    npy::read(&mut std::fs::File::open(folder.join(file)).unwrap(), None, None).unwrap()
}

fn inputs(step: &Step) -> BTreeMap<String, Value> {
    step.inputs.iter().map(|(name, file)| (name.clone(), read(file).into())).collect()
}

pub fn tensor<'a>(outputs: &'a ortlet::Outputs, name: &str) -> &'a Tensor {
    let value = outputs.iter().find(|(own, _)| *own == name).unwrap_or_else(|| panic!("no output {name}")).1;
    let Value::Tensor(tensor) = value else { panic!("{name} is no tensor") };
    tensor
}

/// Runs all steps of a style with another model.
pub fn check(name: &str, model: &Model, similarity: Similarity) {
    check_session(name, &Session::from_model(model, &two_threads()).unwrap(), similarity);
}

/// Runs all steps of a style in a session.
pub fn check_session(name: &str, session: &Session, similarity: Similarity) {
    for (number, step) in styles().1[name].steps.iter().enumerate() {
        let inputs = inputs(step);
        let outputs = session.run(&inputs).unwrap_or_else(|error| panic!("{name} step {number}: {error}"));
        similarity.assert(&format!("{name} step {number}"), &read(&step.output), tensor(&outputs, "y"));
    }
}

/// Runs the blocks of a lowered model one by one on what the lowered model computes; each has to give what it gives there.
pub fn parts(name: &str, lowered: &Lowered) {
    let mut whole = lowered.model.clone();
    let graph = whole.graph.as_mut().unwrap();
    let values = lowered.blocks.iter().flat_map(|block| block.inputs.iter().chain([&block.output]));
    let known = |graph: &GraphProto, name: &str| {
        graph.input.iter().chain(&graph.output).any(|value| value.name() == name)
    };
    for value in values {
        if !known(graph, value) {
            graph.output.push(ValueInfoProto { name: Some(value.clone()), ..Default::default() });
        }
    }
    let session = Session::from_model(&whole, &SessionOptions::default()).unwrap();
    // The fourth has several rows of words, and padding.
    let inputs = inputs(&styles().1[name].steps[3]);
    let outputs = session.run(&inputs).unwrap();
    for (index, block) in lowered.blocks.iter().enumerate() {
        let model = lowered.block_model(index);
        let alone = Session::from_model(&model, &SessionOptions::default())
            .unwrap_or_else(|error| panic!("{name} {}: {error}", block.node));
        let value = |name: &String| {
            let given = inputs.get(name).cloned();
            given.unwrap_or_else(|| outputs.iter().find(|(own, _)| own == name).unwrap().1.clone())
        };
        let own: BTreeMap<String, Value> =
            block.inputs.iter().map(|name| (name.clone(), value(name))).collect();
        let result = alone.run(&own).unwrap_or_else(|error| panic!("{name} {}: {error}", block.node));
        let what = format!("{name} {}", block.node);
        assert_eq!(tensor(&result, &block.output).dtype(), DType::F32, "{what}");
        Similarity { error: 0.0, cosine: 0.999 }.assert(
            &what,
            tensor(&outputs, &block.output),
            tensor(&result, &block.output),
        );
    }
}
