//! The models that are measured and what they are fed with.

use crate::order::{Elements, Input};

/// The names of all models whose figures count.
pub const NAMES: [&str; 5] = ["magika", "silero-vad", "minilm", "rec", "cls"];

/// A model of the test data.
#[derive(Clone, Debug)]
pub struct Model {
    /// How options and tables call it.
    pub name: &'static str,
    /// Its file below the folder of models, or of the ONNX project's tests.
    pub file: &'static str,
    /// What it is fed with.
    pub inputs: Vec<Input>,
}

/// Those of these names, in their order here.
pub fn named(names: &[&str]) -> Vec<Model> {
    real().into_iter().filter(|model| names.contains(&model.name)).collect()
}

/// The models whose figures count.
fn real() -> Vec<Model> {
    use Elements::{Float32, Int32, Int64};
    let pixels = |width| vec![input("x", Float32, &[1, 3, 48, width], [-100, 201, 128])];
    vec![
        Model {
            name: "magika",
            file: "magika/model.onnx",
            inputs: vec![input("bytes", Int32, &[1, 2048], [0, 256, 1])],
        },
        Model {
            name: "silero-vad",
            file: "silero-vad/silero_vad.onnx",
            inputs: vec![
                input("input", Float32, &[1, 576], [-50, 101, 64]),
                input("state", Float32, &[2, 1, 128], [-3, 7, 16]),
                input("sr", Int64, &[], [16_000, 1, 1]),
            ],
        },
        Model {
            name: "minilm",
            file: "minilm/model.onnx",
            inputs: vec![
                input("input_ids", Int64, &[1, 16], [1000, 1999, 1]),
                input("attention_mask", Int64, &[1, 16], [1, 1, 1]),
                input("token_type_ids", Int64, &[1, 16], [0, 1, 1]),
            ],
        },
        Model { name: "rec", file: "rapidocr/PP-OCRv6_rec_small.onnx", inputs: pixels(320) },
        Model { name: "cls", file: "rapidocr/ch_ppocr_mobile_v2.0_cls_mobile.onnx", inputs: pixels(192) },
    ]
}

/// A model of one node, below the folder of the ONNX project's tests: what is left is the runtime itself.
pub fn floor() -> Model {
    Model {
        name: "one node",
        file: "backend/test/data/node/test_relu/model.onnx",
        inputs: vec![input("x", Elements::Float32, &[3, 4, 5], [-50, 101, 64])],
    }
}

fn input(name: &str, dtype: Elements, dims: &[usize], [start, modulus, divisor]: [i64; 3]) -> Input {
    Input { name: name.into(), dtype, dims: dims.to_vec(), start, modulus, divisor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_model() {
        assert_eq!(named(&NAMES).iter().map(|model| model.name).collect::<Vec<_>>(), NAMES);
        assert_eq!(real().len(), NAMES.len());
    }
}
