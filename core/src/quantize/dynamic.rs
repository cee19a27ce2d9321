//! `MatMul` and `Gemm` with a constant right side: products of 8-bit numbers, activations quantized on the way.

use super::LayerOutcome;
use super::initializers::{Form, Quantized};
use super::plan::{Planner, Refusal, label, skip};
use super::rewrite::MICROSOFT;
use crate::model::{AttributeProto, NodeProto, TensorProto};
use crate::tensor::DType;
use crate::{Error, Result};

/// The most rows of a weight for which sums of products of 8-bit numbers cannot leave 32 bits.
const MAXIMUM_DEPTH: i64 = i32::MAX as i64 / (255 * 127);

/// The first operator set with `DynamicQuantizeLinear`.
const STANDARD_OPSET: i64 = 11;

/// The first operator set whose `Gemm`, `Add` and `Mul` broadcast by themselves.
pub(super) const BROADCASTING_OPSET: i64 = 7;

/// What a layer computes: `activation * (factor * weight) + bias`, the weight transposed or not.
struct Product<'n> {
    activation: &'n str,
    transposed: bool,
    factor: f32,
    bias: Option<String>,
    /// Whether the bias has one number for each column.
    bias_is_vector: bool,
}

/// The nodes that take the place of a `MatMul` or `Gemm`.
pub(super) fn rewrite<'a>(
    planner: &mut Planner<'a>,
    layer: &NodeProto,
    weight: &'a TensorProto,
) -> Result<(Vec<NodeProto>, LayerOutcome), Refusal> {
    if planner.options.standard_operators && planner.opset < STANDARD_OPSET {
        let reason = format!("{STANDARD_OPSET} is the first with DynamicQuantizeLinear");
        return Err(Error::unsupported(format!("operator set {}", planner.opset), reason).into());
    }
    let product = match layer.op_type() {
        "Gemm" => gemm(planner, layer, weight)?,
        _ => Product {
            activation: layer.input.first().map_or("", String::as_str),
            transposed: false,
            factor: 1.0,
            bias: None,
            bias_is_vector: false,
        },
    };
    let depth = weight.dims[usize::from(product.transposed)];
    if depth > MAXIMUM_DEPTH {
        return skip(format!(
            "its weight has {depth} rows; sums of more than {MAXIMUM_DEPTH} could overflow"
        ));
    }
    let form = Form::Columns { transposed: product.transposed, factor_bits: product.factor.to_bits() };
    let quantized = planner.initializers.quantized(weight, form)?;
    let nodes = if planner.options.standard_operators {
        standard(planner, layer, &product, &quantized)
    } else {
        fused(planner, layer, &product, &quantized)
    };
    Ok((nodes, quantized.outcome))
}

fn gemm<'n>(
    planner: &mut Planner,
    layer: &'n NodeProto,
    weight: &TensorProto,
) -> Result<Product<'n>, Refusal> {
    let number = |name| layer.attribute(name).and_then(|attribute| attribute.f).unwrap_or(1.0);
    let is_set =
        |name| layer.attribute(name).and_then(|attribute| attribute.i).is_some_and(|value| value != 0);
    if planner.opset < BROADCASTING_OPSET {
        return skip(format!("the model's operator set is older than {BROADCASTING_OPSET}"));
    }
    if is_set("transA") {
        return skip("its left side is transposed");
    }
    let transposed = is_set("transB");
    let columns = weight.dims[usize::from(!transposed)];
    let name = layer.input.get(2).filter(|name| !name.is_empty());
    let constant = name.and_then(|name| planner.constants.get(name));
    let bias_is_vector = constant.is_some_and(|bias| bias.dims == [columns]);
    let bias = match name {
        Some(name) if number("beta") == 1.0 => Some(name.clone()),
        Some(name) => Some(scaled_bias(planner, name, constant, number("beta"))?),
        None => None,
    };
    let activation = layer.input.first().map_or("", String::as_str);
    Ok(Product { activation, transposed, factor: number("alpha"), bias, bias_is_vector })
}

/// A constant bias times beta, as a new initializer.
fn scaled_bias(
    planner: &mut Planner,
    name: &str,
    bias: Option<&TensorProto>,
    beta: f32,
) -> Result<String, Refusal> {
    let can_be_read = |bias: &&TensorProto| !bias.is_external() || planner.initializers.reads_files();
    let Some(bias) = bias.filter(|bias| bias.dtype() == Ok(DType::F32)).filter(can_be_read) else {
        return skip("its beta is not 1 and its bias is no constant of the model");
    };
    let floats = planner.initializers.floats(bias)?;
    let bytes = floats.iter().flat_map(|number| (number * beta).to_le_bytes()).collect();
    Ok(planner.initializers.add(format!("{name}_beta"), DType::F32, bias.dims.clone(), bytes))
}

/// ONNX Runtime's own operator, which quantizes, multiplies, scales and adds in one go.
fn fused(planner: &mut Planner, layer: &NodeProto, product: &Product, weight: &Quantized) -> Vec<NodeProto> {
    let inputs = [product.activation, &weight.values, &weight.scales];
    let mut main = node("DynamicQuantizeMatMul", label(layer).to_owned(), &inputs, "");
    main.domain = Some(MICROSOFT.to_owned());
    main.output = layer.output.clone();
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
            vec![main, add(planner, layer, &sum, bias)]
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
    let mut last = node("Mul", fresh("mul"), &[&floats, &scales], &result);
    match &product.bias {
        None => {
            last.output = layer.output.clone();
            nodes.push(last);
        }
        Some(bias) => nodes.extend([last, add(planner, layer, &result, bias)]),
    }
    nodes
}

fn add(planner: &mut Planner, layer: &NodeProto, product: &str, bias: &str) -> NodeProto {
    let name = planner.fresh(format!("{}_add", label(layer)));
    NodeProto { output: layer.output.clone(), ..node("Add", name, &[product, bias], "") }
}

/// A node of the standard with one output.
pub(super) fn node(op_type: &str, name: String, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: Some(op_type.to_owned()),
        name: Some(name),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

/// A node that makes `float32` of whole numbers.
pub(super) fn cast_to_float(name: String, input: &str, output: &str) -> NodeProto {
    // The number of the attribute's type is that of INT in `AttributeProto.AttributeType`.
    let to = AttributeProto {
        name: Some("to".to_owned()),
        i: Some(i64::from(DType::F32.onnx())),
        r#type: Some(2),
        ..Default::default()
    };
    NodeProto { attribute: vec![to], ..node("Cast", name, &[input], output) }
}
