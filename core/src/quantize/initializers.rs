//! New initializers: quantized weights, each made once, and scaled biases.

use std::collections::HashMap;

use super::names::Names;
use super::plan::{Refusal, skip};
use super::weight::Int8Matrix;
use super::{LayerOutcome, QuantizeMode};
use crate::error::ResultExt;
use crate::model::{ExternalDataResolver, NoExternalData, TensorProto};
use crate::tensor::DType;

/// Many nodes, each with a factor of its own, must not multiply one weight without bound.
const MAXIMUM_DERIVED: u32 = 8;

/// The quantized form of a weight that a layer needs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Rows of a table, with a column of scales.
    Rows,
    /// The right side of a product, with a scale for each column; first transposed, or multiplied by a factor, which is
    /// kept as its bits, so that equal ones are found.
    Columns { transposed: bool, factor_bits: u32 },
}

/// A quantized weight, as initializers.
#[derive(Clone)]
pub(super) struct Quantized {
    pub values: String,
    pub scales: String,
    pub outcome: LayerOutcome,
}

/// What is derived from the constants of a model.
pub(super) struct Initializers<'a> {
    /// All of them, for the main graph, where inner graphs see them too.
    pub list: Vec<TensorProto>,
    pub names: Names,
    /// The largest magnitude of a quantized weight.
    limit: f32,
    external: Option<&'a dyn ExternalDataResolver>,
    /// By address, because names may repeat in inner graphs.
    quantized: HashMap<(*const TensorProto, Form), Result<Quantized, String>>,
    /// How many tensors were derived from one.
    derived: HashMap<*const TensorProto, u32>,
}

impl<'a> Initializers<'a> {
    pub fn new(names: Names, limit: f32, external: Option<&'a dyn ExternalDataResolver>) -> Self {
        let (list, quantized, derived) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { list, names, limit, external, quantized, derived }
    }

    /// Whether weights outside of the model can be had.
    pub fn reads_files(&self) -> bool {
        self.external.is_some()
    }

    /// The quantized form of a float weight with two dimensions, as initializers; made once.
    pub fn quantized(&mut self, weight: &'a TensorProto, form: Form) -> Result<Quantized, Refusal> {
        let key = (std::ptr::from_ref(weight), form);
        if let Some(known) = self.quantized.get(&key) {
            return known.clone().map_err(Refusal::Skip);
        }
        let made = match self.make(weight, form) {
            Err(Refusal::Fail(error)) => return Err(error.into()),
            Err(Refusal::Skip(reason)) => Err(reason),
            Ok(quantized) => Ok(quantized),
        };
        self.quantized.insert(key, made.clone());
        made.map_err(Refusal::Skip)
    }

    fn make(&mut self, weight: &TensorProto, form: Form) -> Result<Quantized, Refusal> {
        let [rows, columns] = [weight.dims[0], weight.dims[1]];
        let weights = self.floats(weight)?;
        let (matrix, dims, scale_dims) = match form {
            Form::Rows => {
                let matrix = Int8Matrix::by_row(&weights, columns as usize, self.limit);
                (matrix, vec![rows, columns], vec![rows, 1])
            }
            Form::Columns { transposed: false, factor_bits } => {
                let weights = scaled(weights, f32::from_bits(factor_bits))?;
                let matrix = Int8Matrix::by_column(&weights, columns as usize, self.limit);
                (matrix, vec![rows, columns], vec![columns])
            }
            Form::Columns { transposed: true, factor_bits } => {
                let weights = scaled(weights, f32::from_bits(factor_bits))?;
                let by_row = Int8Matrix::by_row(&weights, columns as usize, self.limit);
                let values = transpose(&by_row.values, rows as usize, columns as usize);
                (Int8Matrix { values, ..by_row }, vec![columns, rows], vec![rows])
            }
        };
        let name = if weight.name().is_empty() { "weight" } else { weight.name() };
        Ok(self.add_matrix(name, &matrix, dims, scale_dims))
    }

    fn add_matrix(
        &mut self,
        name: &str,
        matrix: &Int8Matrix,
        dims: Vec<i64>,
        scale_dims: Vec<i64>,
    ) -> Quantized {
        let values: Vec<u8> = matrix.values.iter().map(|value| value.cast_unsigned()).collect();
        let scales: Vec<u8> = matrix.scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
        let outcome = LayerOutcome::Quantized {
            mode: QuantizeMode::Int8Dynamic,
            mean_error: matrix.mean_error,
            max_error: matrix.max_error,
            bytes_before: (size_of::<f32>() * values.len()) as u64,
            bytes_after: (values.len() + scales.len()) as u64,
        };
        Quantized {
            values: self.add(format!("{name}_int8"), DType::I8, dims, values),
            scales: self.add(format!("{name}_scale"), DType::F32, scale_dims, scales),
            outcome,
        }
    }

    /// The numbers of a weight or bias, all of them finite, to derive another from.
    pub fn floats(&mut self, tensor: &TensorProto) -> Result<Vec<f32>, Refusal> {
        let derived = self.derived.entry(std::ptr::from_ref(tensor)).or_default();
        *derived += 1;
        if *derived > MAXIMUM_DERIVED {
            return skip(format!("its weight or bias is used with more than {MAXIMUM_DERIVED} factors"));
        }
        let none = &NoExternalData;
        let bytes = tensor.data_bytes(self.external.unwrap_or(none)).with_context(|| "weight")?;
        let numbers: Vec<f32> =
            bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect();
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => skip(format!("its weight or bias has an element that is {number}")),
            None => Ok(numbers),
        }
    }

    /// Adds an initializer; gives its name, which is this one or close to it.
    pub fn add(&mut self, name: String, dtype: DType, dims: Vec<i64>, bytes: Vec<u8>) -> String {
        let name = self.names.fresh(name);
        self.list.push(TensorProto {
            name: Some(name.clone()),
            data_type: Some(dtype.onnx()),
            dims,
            raw_data: Some(bytes.into()),
            ..Default::default()
        });
        name
    }
}

fn scaled(mut weights: Vec<f32>, factor: f32) -> Result<Vec<f32>, Refusal> {
    // One is by far the most frequent, and leaves every number as it is.
    if factor == 1.0 {
        return Ok(weights);
    }
    weights.iter_mut().for_each(|weight| *weight *= factor);
    match weights.iter().all(|weight| weight.is_finite()) {
        true => Ok(weights),
        false => skip("its weight times alpha is not finite"),
    }
}

fn transpose(values: &[i8], rows: usize, columns: usize) -> Vec<i8> {
    let column = |column: usize| (0..rows).map(move |row| values[row * columns + column]);
    (0..columns).flat_map(column).collect()
}
