//! What a `MatMul` or `Gemm` with a constant right side computes, whichever way it is written.

use super::nodes::node;
use super::plan::{Planner, Refusal, label, skip};
use crate::model::{NodeProto, TensorProto};
use crate::tensor::DType;

/// The first operator set whose `Gemm`, `Add` and `Mul` broadcast by themselves.
pub(super) const BROADCASTING_OPSET: i64 = 7;

/// What a layer computes: `activation * (factor * weight) + bias`, the weight transposed or not.
pub(super) struct Product<'n> {
    pub activation: &'n str,
    pub transposed: bool,
    pub factor: f32,
    pub bias: Option<String>,
    /// Whether the bias has one number for each column.
    pub bias_is_vector: bool,
    /// Rows of the weight that is multiplied by.
    pub k: i64,
    /// Its columns.
    pub n: i64,
    /// What the result is called.
    pub output: String,
    /// An `Add` behind the layer that adds the bias, and goes with it.
    pub addition: Option<&'n NodeProto>,
}

impl<'n> Product<'n> {
    /// Reads a layer.
    ///
    /// # Errors
    /// Why it cannot be quantized.
    pub(super) fn of<'a: 'n>(
        planner: &mut Planner<'a>,
        layer: &'n NodeProto,
        weight: &TensorProto,
    ) -> Result<Self, Refusal> {
        if layer.op_type() == "Gemm" {
            return Self::gemm(planner, layer, weight);
        }
        let product = Self::plain(layer, weight, false);
        let Some((addition, bias)) = planner.addition(layer, product.n) else { return Ok(product) };
        let output = addition.output.first().cloned().unwrap_or_default();
        let addition = Some(addition);
        Ok(Self { bias: Some(bias), bias_is_vector: true, output, addition, ..product })
    }

    fn plain(layer: &'n NodeProto, weight: &TensorProto, transposed: bool) -> Self {
        Self {
            activation: layer.input.first().map_or("", String::as_str),
            transposed,
            factor: 1.0,
            bias: None,
            bias_is_vector: false,
            k: weight.dims[usize::from(transposed)],
            n: weight.dims[usize::from(!transposed)],
            output: layer.output.first().cloned().unwrap_or_default(),
            addition: None,
        }
    }

    /// The same product without bias and result.
    pub(super) fn bare(&self) -> Self {
        Self { bias: None, output: String::new(), ..*self }
    }

    fn gemm(planner: &mut Planner, layer: &'n NodeProto, weight: &TensorProto) -> Result<Self, Refusal> {
        let number = |name| layer.attribute(name).and_then(|attribute| attribute.f).unwrap_or(1.0);
        let is_set =
            |name| layer.attribute(name).and_then(|attribute| attribute.i).is_some_and(|value| value != 0);
        if planner.opset < BROADCASTING_OPSET {
            return skip(format!("the model's operator set is older than {BROADCASTING_OPSET}"));
        }
        if is_set("transA") {
            return skip("its left side is transposed");
        }
        let product = Self::plain(layer, weight, is_set("transB"));
        let name = layer.input.get(2).filter(|name| !name.is_empty());
        let constant = name.and_then(|name| planner.constants.get(name));
        let bias_is_vector = constant.is_some_and(|bias| bias.dims == [product.n]);
        let bias = match name {
            Some(name) if number("beta") == 1.0 => Some(name.clone()),
            Some(name) => Some(scaled_bias(planner, name, constant, number("beta"))?),
            None => None,
        };
        Ok(Self { factor: number("alpha"), bias, bias_is_vector, ..product })
    }
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

/// Adds the bias, which may have any shape, to a product.
pub(super) fn add(planner: &mut Planner, layer: &NodeProto, sum: [&str; 2], output: &str) -> NodeProto {
    let name = planner.fresh(format!("{}_add", label(layer)));
    node("Add", name, &sum, output)
}
