//! Weights in blocks of 4 or 8 bits, activations as floats: ONNX Runtime's `MatMulNBits` and `GatherBlockQuantized`.

use super::initializers::Form;
use super::nodes::{node, whole};
use super::plan::{Made, Planner, Refusal, label};
use super::product::{Product, add};
use super::rewrite::MICROSOFT;
use super::{BlockBits, QuantizeMode, embedding};
use crate::model::{AttributeProto, NodeProto, TensorProto};

/// Lets ONNX Runtime compute with 8-bit activations, rounded in blocks: much faster, and nearly as exact.
const ACCURACY_LEVEL: i64 = 4;

/// The nodes that take the place of a `MatMul` or `Gemm`.
pub(super) fn product<'a>(
    planner: &mut Planner<'a>,
    layer: &'a NodeProto,
    weight: &'a TensorProto,
    mode: QuantizeMode,
) -> Result<Made<'a>, Refusal> {
    let product = Product::of(planner, layer, weight)?;
    let bits = if mode == QuantizeMode::Weights4 { BlockBits::Four } else { BlockBits::Eight };
    let form = Form::Blocks { transposed: product.transposed, factor_bits: product.factor.to_bits(), bits };
    let quantized = planner.initializers.quantized(weight, form)?;
    let inputs = [product.activation, &quantized.values, &quantized.scales, &quantized.zero_points];
    let mut main = microsoft("MatMulNBits", label(layer).to_owned(), &inputs, &product.output);
    main.attribute = attributes(&[
        ("K", product.k),
        ("N", product.n),
        ("bits", bits.count() as i64),
        ("block_size", planner.options.block_size as i64),
        ("accuracy_level", ACCURACY_LEVEL),
    ]);
    let nodes = match &product.bias {
        None => vec![main],
        Some(bias) => {
            let sum = planner.fresh(format!("{}_product", label(layer)));
            main.output = vec![sum.clone()];
            vec![main, add(planner, layer, [&sum, bias], &product.output)]
        }
    };
    Ok(Made { nodes, outcome: quantized.outcome, addition: product.addition })
}

/// The nodes that take the place of a `Gather` from a table.
pub(super) fn table<'a>(
    planner: &mut Planner<'a>,
    gather: &'a NodeProto,
    table: &'a TensorProto,
    mode: QuantizeMode,
) -> Result<Made<'a>, Refusal> {
    let block_size = planner.options.block_size as i64;
    let blocks = table.dims[1] / block_size;
    // ONNX Runtime 1.24 mixes up the zero points of an odd number of blocks.
    let fits = table.dims[1] % block_size == 0 && blocks % 2 == 0;
    if mode != QuantizeMode::Weights4 || !fits {
        return embedding::rewrite(planner, gather, table, mode);
    }
    let indices = embedding::indices(planner, gather)?;
    let quantized = planner.initializers.quantized(table, Form::TableBlocks)?;
    let inputs = [&quantized.values, indices, &quantized.scales, &quantized.zero_points];
    let output = gather.output.first().map_or("", String::as_str);
    let mut main =
        microsoft("GatherBlockQuantized", label(gather).to_owned(), &inputs.map(String::as_str), output);
    main.attribute =
        attributes(&[("bits", 4), ("block_size", block_size), ("gather_axis", 0), ("quantize_axis", 1)]);
    Ok(Made { nodes: vec![main], outcome: quantized.outcome, addition: None })
}

fn microsoft(op_type: &str, name: String, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto { domain: Some(MICROSOFT.to_owned()), ..node(op_type, name, inputs, output) }
}

fn attributes(numbers: &[(&str, i64)]) -> Vec<AttributeProto> {
    numbers.iter().map(|&(name, number)| whole(name, number)).collect()
}
