//! Blocks of transformers are found in the styles of exporters, and give what plain onnxruntime gives for the originals.

mod common;
mod lowering;

use lowering::{Similarity, check, counts, lowered, parts, style, styles};
use ortlet::lower::{KernelPrecision, Learned, LowerOptions, lower};
use ortlet::model::NoExternalData;
use ortlet::quantize::{lift_opset, simplify};

/// Style to numbers of layers, feed-forward blocks, attentions and tables. All have two layers, and two layers of each
/// kind; where there is nothing else to say, queries, keys and values are one layer, and the output of attention is one.
const EXPECTED: [(&str, [usize; 4]); 16] = [
    // A gate is two layers and a product, so that there are no feed-forward blocks; rotated queries stay apart.
    ("gpt2", [4, 2, 2, 1]),
    // Rows in two axes: projections become one only where a value of three axes is left.
    ("hand-gemm", [6, 2, 2, 1]),
    ("joined-heads", [4, 2, 2, 1]),
    ("keras-matmul", [4, 2, 2, 1]),
    ("llama", [14, 0, 2, 1]),
    ("microsoft-attention", [4, 2, 2, 1]),
    ("microsoft-multi-head", [4, 2, 2, 1]),
    ("optimum", [4, 2, 2, 1]),
    // Attention without a layer behind it.
    ("single-head", [2, 2, 2, 1]),
    ("tf2onnx-einsum", [4, 2, 2, 1]),
    ("torch-dynamo-18", [4, 2, 2, 1]),
    ("torch-dynamo-23", [4, 2, 2, 1]),
    ("torch-script", [4, 2, 2, 1]),
    ("torch-script-sdpa", [4, 2, 2, 1]),
    ("vit", [4, 2, 2, 0]),
    ("vit-split", [4, 2, 2, 0]),
];

#[test]
fn every_style_has_its_blocks() {
    let names: Vec<&str> = styles().1.keys().map(String::as_str).collect();
    assert_eq!(names, EXPECTED.map(|(name, _)| name));
    for (name, expected) in EXPECTED {
        assert_eq!(counts(&lowered(&style(name), KernelPrecision::Bf16)), expected, "{name}");
        // Tables are worth it only where they become smaller.
        let [layers, feed_forward, attentions, _] = expected;
        let exact = lowered(&style(name), KernelPrecision::Fp32);
        assert_eq!(counts(&exact), [layers, feed_forward, attentions, 0], "{name}");
    }
}

/// What a choice of precision lowers was made simpler before.
#[test]
fn simplified_models_have_the_same_blocks() {
    let mut differing = Vec::new();
    for (name, expected) in EXPECTED {
        let (simple, _) = simplify(&lift_opset(&style(name), 13).unwrap()).unwrap();
        let similarity = Similarity { error: 2e-5, cosine: 0.999_999 };
        check(name, &lowered(&simple, KernelPrecision::Fp32).model, similarity);
        let found = counts(&lowered(&simple, KernelPrecision::Bf16));
        if found != expected {
            differing.push((name, found, expected));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn fp32_gives_what_the_original_gives() {
    for name in styles().1.keys() {
        check(
            name,
            &lowered(&style(name), KernelPrecision::Fp32).model,
            Similarity { error: 2e-5, cosine: 0.999_999 },
        );
    }
}

#[test]
fn bf16_gives_nearly_what_the_original_gives() {
    for name in styles().1.keys() {
        check(
            name,
            &lowered(&style(name), KernelPrecision::Bf16).model,
            Similarity { error: 0.05, cosine: 0.999 },
        );
        check(
            name,
            &lowered(&style(name), KernelPrecision::Fp16).model,
            Similarity { error: 0.01, cosine: 0.9999 },
        );
    }
}

#[test]
fn int8_gives_about_what_the_original_gives() {
    for name in styles().1.keys() {
        check(
            name,
            &lowered(&style(name), KernelPrecision::Int8).model,
            Similarity { error: 0.2, cosine: 0.995 },
        );
    }
}

#[test]
fn blocks_can_be_left_out_and_differ_in_precision() {
    for name in styles().1.keys() {
        let model = style(name);
        let all = lowered(&model, KernelPrecision::Fp32);
        for block in &all.blocks {
            let mut options = LowerOptions::default();
            options.exclude.insert(block.node.clone());
            let fewer = lower(&model, &options, &Learned::default(), &NoExternalData).unwrap();
            assert!(fewer.blocks.iter().all(|left| left.node != block.node), "{name} {}", block.node);
            assert!(fewer.model.validate().is_ok());
        }
        // Every other one.
        let options = LowerOptions {
            exclude: all.blocks.iter().step_by(2).map(|block| block.node.clone()).collect(),
            ..Default::default()
        };
        let half = lower(&model, &options, &Learned::default(), &NoExternalData).unwrap();
        check(name, &half.model, Similarity { error: 2e-5, cosine: 0.999_999 });
        let mut options = LowerOptions::default();
        let first = &all.blocks[0].node;
        options.blocks.insert(first.clone(), KernelPrecision::Int8);
        let mixed = lower(&model, &options, &Learned::default(), &NoExternalData).unwrap();
        let int8 = mixed.blocks.iter().filter(|block| block.precision == KernelPrecision::Int8);
        assert_eq!(int8.map(|block| &block.node).collect::<Vec<_>>(), [first], "{name}");
    }
}

#[test]
fn every_block_runs_alone() {
    for name in styles().1.keys() {
        parts(name, &lowered(&style(name), KernelPrecision::Fp32));
    }
}
