//! `MatMul` and `Gemm` with a constant right side: products of 8-bit numbers, activations quantized on the way.

use super::LayerOutcome;
use super::initializers::{Form, Quantized};
use super::nodes::{cast_to_float, node};
use super::outliers::{self, Outliers};
use super::plan::{Made, Planner, Refusal, label, skip};
use super::product::{Product, add};
use super::rewrite::MICROSOFT;
use crate::Error;
use crate::model::{NodeProto, TensorProto};

/// The most rows of a weight for which sums of products of 8-bit numbers cannot leave 32 bits.
const MAXIMUM_DEPTH: i64 = i32::MAX as i64 / (255 * 127);

/// The first operator set with `DynamicQuantizeLinear`.
const STANDARD_OPSET: i64 = 11;

/// The nodes that take the place of a `MatMul` or `Gemm`.
pub(super) fn rewrite<'a>(
    planner: &mut Planner<'a>,
    layer: &'a NodeProto,
    weight: &'a TensorProto,
) -> Result<Made<'a>, Refusal> {
    if planner.options.standard_operators && planner.opset < STANDARD_OPSET {
        let reason = format!("{STANDARD_OPSET} is the first with DynamicQuantizeLinear");
        return Err(Error::unsupported(format!("operator set {}", planner.opset), reason).into());
    }
    let product = Product::of(planner, layer, weight)?;
    if product.k > MAXIMUM_DEPTH {
        return skip(format!(
            "its weight has {} rows; sums of more than {MAXIMUM_DEPTH} could overflow",
            product.k
        ));
    }
    let (transposed, factor_bits) = (product.transposed, product.factor.to_bits());
    let outliers = outliers::find(planner, &product, weight)?;
    let left_out = outliers.as_ref().map(|outliers| outliers.channels.clone()).unwrap_or_default();
    let form = Form::Columns { transposed, factor_bits, left_out };
    let quantized = planner.initializers.quantized(weight, form)?;
    let nodes = match &outliers {
        None => whole(planner, layer, &product, &quantized),
        Some(outliers) => split(planner, layer, &product, &quantized, outliers),
    };
    let outcome: LayerOutcome = quantized.outcome;
    Ok(Made { nodes, outcome, addition: product.addition })
}

/// The product of all channels.
fn whole(planner: &mut Planner, layer: &NodeProto, product: &Product, weight: &Quantized) -> Vec<NodeProto> {
    if planner.options.standard_operators {
        standard(planner, layer, product, weight)
    } else {
        fused(planner, layer, product, weight)
    }
}

/// The product of all channels but a few in 8 bits, and that of the few in floats, added up.
fn split(
    planner: &mut Planner,
    layer: &NodeProto,
    product: &Product,
    weight: &Quantized,
    outliers: &Outliers,
) -> Vec<NodeProto> {
    let base = label(layer).to_owned();
    let mut fresh = |part: &str| planner.fresh(format!("{base}_{part}"));
    let [masked, main, few, apart] = ["masked", "main", "outliers", "outlier_product"].map(&mut fresh);
    let [mask_node, gather, small] = ["mask", "take_outliers", "outlier_matmul"].map(&mut fresh);
    let mut take = node("Gather", gather, &[product.activation, &outliers.indices], &few);
    take.attribute.push(super::nodes::whole("axis", -1));
    let mut nodes = vec![node("Mul", mask_node, &[product.activation, &outliers.mask], &masked)];
    let rest =
        Product { activation: &masked, output: main.clone(), bias: product.bias.clone(), ..product.bare() };
    nodes.extend(whole(planner, layer, &rest, weight));
    nodes.push(take);
    nodes.push(node("MatMul", small, &[&few, &outliers.rows], &apart));
    nodes.push(add(planner, layer, [&main, &apart], &product.output));
    nodes
}

/// ONNX Runtime's own operator, which quantizes, multiplies, scales and adds in one go.
fn fused(planner: &mut Planner, layer: &NodeProto, product: &Product, weight: &Quantized) -> Vec<NodeProto> {
    let inputs = [product.activation, &weight.values, &weight.scales];
    let mut main = node("DynamicQuantizeMatMul", label(layer).to_owned(), &inputs, &product.output);
    main.domain = Some(MICROSOFT.to_owned());
    match &product.bias {
        None => vec![main],
        Some(bias) if product.bias_is_vector => {
            // The input left out is the zero point: zero.
            main.input.extend([String::new(), bias.clone()]);
            vec![main]
        }
        Some(bias) => {
            let sum = planner.fresh(format!("{}_product", label(layer)));
            main.output = vec![sum.clone()];
            vec![main, add(planner, layer, [&sum, bias], &product.output)]
        }
    }
}

/// The same in operators of the standard; ONNX Runtime makes its own of them where it can.
fn standard(
    planner: &mut Planner,
    layer: &NodeProto,
    product: &Product,
    weight: &Quantized,
) -> Vec<NodeProto> {
    let base = label(layer).to_owned();
    let mut fresh = |part: &str| planner.fresh(format!("{base}_{part}"));
    let [quantized, scale, zero] = ["quantized", "scale", "zero_point"].map(&mut fresh);
    let [sums, floats, scales, result] = ["sums", "sums_float", "scales", "product"].map(&mut fresh);
    let mut quantize = node("DynamicQuantizeLinear", fresh("quantize"), &[product.activation], "");
    quantize.output = vec![quantized.clone(), scale.clone(), zero.clone()];
    let mut nodes = vec![
        quantize,
        node("MatMulInteger", base.clone(), &[&quantized, &weight.values, &zero], &sums),
        cast_to_float(fresh("cast"), &sums, &floats),
        node("Mul", fresh("mul_scales"), &[&scale, &weight.scales], &scales),
    ];
    let multiply = fresh("mul");
    match &product.bias {
        None => nodes.push(node("Mul", multiply, &[&floats, &scales], &product.output)),
        Some(bias) => nodes.extend([
            node("Mul", multiply, &[&floats, &scales], &result),
            add(planner, layer, [&result, bias], &product.output),
        ]),
    }
    nodes
}
