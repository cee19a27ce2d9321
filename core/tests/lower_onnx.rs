//! Models of the ONNX project's own tests that become blocks give what plain onnxruntime gives for the originals.

mod common;
mod lowering;

use std::collections::BTreeMap;
use std::path::Path;

use common::setting;
use lowering::{Similarity, lowered};
use ortlet::lower::{BlockKind, KernelPrecision};
use ortlet::model::{Model, NoExternalData};
use ortlet::tensor::{DType, Tensor, Value};
use ortlet::{Session, SessionOptions};

/// A length of a message, seven bits in a byte.
fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A tensor in a file of its own, read as the initializer of a model.
fn tensor(path: &Path) -> Option<Tensor> {
    let bytes = std::fs::read(path).ok()?;
    let graph = [vec![0x2a], varint(bytes.len()), bytes].concat();
    let model = Model::parse([vec![0x3a], varint(graph.len()), graph].concat()).unwrap();
    let tensor = &model.graph.as_ref()?.initializer[0];
    let dims: Vec<usize> = tensor.dims.iter().map(|&dim| dim as usize).collect();
    let bytes = tensor.data_bytes(&NoExternalData).ok()?;
    Tensor::from_bytes(tensor.dtype().ok()?, dims.as_slice(), &bytes).ok()
}

#[test]
fn operators_give_what_they_gave() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for entry in std::fs::read_dir(setting("ORTLET_TEST_ONNX").join("backend/test/data/node")).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(folder.join("model.onnx")) else { continue };
        let Ok(model) = Model::parse(bytes) else { continue };
        if model.validate().is_err() {
            continue;
        }
        let own = lowered(&model, KernelPrecision::Fp32);
        // What ONNX Runtime does not run has nothing to be compared with.
        let plain = Session::from_model(&model, &SessionOptions::default());
        let (false, Ok(plain)) = (own.blocks.is_empty(), plain) else { continue };
        let names = model.graph.as_ref().unwrap().input.iter().map(|input| input.name().to_owned());
        let data = |number: usize| {
            tensor(&folder.join(format!("test_data_set_0/input_{number}.pb"))).map(Value::from)
        };
        let inputs: Option<BTreeMap<String, Value>> =
            names.enumerate().map(|(number, name)| Some((name, data(number)?))).collect();
        let Some(inputs) = inputs else { continue };
        let what = folder.display().to_string();
        let Ok(expected) = plain.run(&inputs) else { continue };
        let session = Session::from_model(&own.model, &SessionOptions::default()).unwrap();
        let found = session.run(&inputs).unwrap_or_else(|error| panic!("{what}: {error}"));
        for (name, _) in expected.iter() {
            let value = lowering::tensor(&expected, name).clone();
            if value.dtype() == DType::F32 {
                Similarity { error: 2e-5, cosine: 0.999_99 }.assert(
                    &what,
                    &value,
                    lowering::tensor(&found, name),
                );
            }
        }
        own.blocks.iter().for_each(|block| *counts.entry(format!("{:?}", block.kind)).or_default() += 1);
    }
    println!("{counts:?}");
    assert!(counts[&format!("{:?}", BlockKind::Attention)] >= 10, "{counts:?}");
}
