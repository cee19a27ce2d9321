//! New initializers: quantized weights, each made once, and scaled biases.

use std::collections::HashMap;

use half::f16;

use super::names::Names;
use super::nodes::initializer;
use super::plan::{Refusal, skip};
use super::weight::{Errors, Int8Matrix};
use super::{BlockBits, BlockScheme, BlockWeights, LayerOutcome, QuantizeMode};
use crate::error::ResultExt;
use crate::model::{ExternalDataResolver, NoExternalData, TensorProto};
use crate::tensor::DType;

/// Many nodes, each with a factor of its own, must not multiply one weight without bound.
const MAXIMUM_DERIVED: u32 = 8;

/// Numbers within float16's normal range are off by a half of 2^-11 of themselves at most.
const MAXIMUM_HALF_ERROR: f64 = 1e-3;

/// The quantized form of a weight that a layer needs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// Rows of a table, with a column of scales.
    Rows,
    /// The right side of a product, with a scale for each column; first transposed, or multiplied by a factor, which is
    /// kept as its bits, so that equal ones are found. The rows `left_out`, in ascending order, count as zeros.
    Columns { transposed: bool, factor_bits: u32, left_out: Vec<usize> },
    /// The kernels of a convolution along one axis, as the right side of a product: a row for each channel of each place
    /// along the kernel, a column for each kernel.
    Kernels,
    /// The right side of a product in blocks, likewise.
    Blocks { transposed: bool, factor_bits: u32, bits: BlockBits },
    /// A table in blocks of 4-bit numbers along its rows.
    TableBlocks,
    /// `float16`.
    Half,
}

/// A quantized weight, as initializers.
#[derive(Clone)]
pub(super) struct Quantized {
    pub values: String,
    /// Empty for `float16`, which has none.
    pub scales: String,
    /// Empty where they are zero, or in the middle.
    pub zero_points: String,
    pub outcome: LayerOutcome,
}

/// A weight as the operator multiplies by it: `k` rows, `n` columns.
pub(super) struct Matrix {
    pub numbers: Vec<f32>,
    pub k: usize,
    pub n: usize,
}

/// What is derived from the constants of a model.
pub(super) struct Initializers<'a> {
    /// All of them, for the main graph, where inner graphs see them too.
    pub list: Vec<TensorProto>,
    pub names: Names,
    /// Whether two neighbours of a channel share the range of one, in products with activations of 8 bits.
    reduce_range: bool,
    /// Weights that share a scale where they are quantized in blocks.
    block_size: usize,
    external: Option<&'a dyn ExternalDataResolver>,
    /// By address, because names may repeat in inner graphs.
    quantized: HashMap<(*const TensorProto, Form), Result<Quantized, String>>,
    /// How many tensors were derived from one.
    derived: HashMap<*const TensorProto, u32>,
}

impl<'a> Initializers<'a> {
    pub fn new(
        names: Names,
        reduce_range: bool,
        block_size: usize,
        external: Option<&'a dyn ExternalDataResolver>,
    ) -> Self {
        let (list, quantized, derived) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { list, names, reduce_range, block_size, external, quantized, derived }
    }

    /// Whether weights outside of the model can be had.
    pub fn reads_files(&self) -> bool {
        self.external.is_some()
    }

    /// The quantized form of a float weight with two dimensions, as initializers; made once.
    pub fn quantized(&mut self, weight: &'a TensorProto, form: Form) -> Result<Quantized, Refusal> {
        let key = (std::ptr::from_ref(weight), form.clone());
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
        let name = if weight.name().is_empty() { "weight" } else { weight.name() };
        match form {
            Form::Rows => {
                let [rows, columns] = [weight.dims[0], weight.dims[1]];
                let weights = self.floats(weight)?;
                let matrix = Int8Matrix::by_row(&weights, columns as usize);
                Ok(self.add_matrix(name, &matrix, vec![rows, columns], vec![rows, 1]))
            }
            Form::Columns { transposed, factor_bits, left_out } => {
                let Matrix { mut numbers, k, n } = self.matrix(weight, transposed, factor_bits)?;
                left_out.iter().for_each(|row| numbers[row * n..(row + 1) * n].fill(0.0));
                let matrix = Int8Matrix::by_column(&numbers, n, self.reduce_range);
                Ok(self.add_matrix(name, &matrix, vec![k as i64, n as i64], vec![n as i64]))
            }
            Form::Kernels => {
                let [kernels, channels] = [weight.dims[0] as usize, weight.dims[1] as usize];
                let length = weight.dims[2..].iter().product::<i64>() as usize;
                let numbers = self.floats(weight)?;
                let mut rows = vec![0.0; numbers.len()];
                for (at, &number) in numbers.iter().enumerate() {
                    let (kernel, channel, place) =
                        (at / (channels * length), at / length % channels, at % length);
                    rows[(place * channels + channel) * kernels + kernel] = number;
                }
                let matrix = Int8Matrix::by_column(&rows, kernels, self.reduce_range);
                let dims = vec![(channels * length) as i64, kernels as i64];
                Ok(self.add_matrix(name, &matrix, dims, vec![kernels as i64]))
            }
            Form::Blocks { transposed, factor_bits, bits } => {
                let matrix = self.matrix(weight, transposed, factor_bits)?;
                let scheme = BlockScheme { bits, block_size: self.block_size, symmetric: false };
                self.add_blocks(name, &matrix, scheme)
            }
            Form::TableBlocks => self.add_table(name, weight),
            Form::Half => self.add_half(name, weight),
        }
    }

    /// A weight as a matrix that is multiplied by from the right; first transposed, or multiplied by a factor.
    pub fn matrix(
        &mut self,
        weight: &TensorProto,
        transposed: bool,
        factor_bits: u32,
    ) -> Result<Matrix, Refusal> {
        let [rows, columns] = [weight.dims[0] as usize, weight.dims[1] as usize];
        let numbers = scaled(self.floats(weight)?, f32::from_bits(factor_bits))?;
        Ok(match transposed {
            false => Matrix { numbers, k: rows, n: columns },
            true => Matrix { numbers: transpose(&numbers, rows, columns), k: columns, n: rows },
        })
    }

    fn add_matrix(
        &mut self,
        name: &str,
        matrix: &Int8Matrix,
        dims: Vec<i64>,
        scale_dims: Vec<i64>,
    ) -> Quantized {
        let values: Vec<u8> = matrix.values.iter().map(|value| value.cast_unsigned()).collect();
        let scales = float_bytes(&matrix.scales);
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
            zero_points: String::new(),
            outcome,
        }
    }

    /// As the inputs of `MatMulNBits`.
    fn add_blocks(&mut self, name: &str, matrix: &Matrix, scheme: BlockScheme) -> Result<Quantized, Refusal> {
        let Matrix { numbers, k, n } = matrix;
        let weights = match BlockWeights::quantize(numbers, *k, *n, scheme) {
            Ok(weights) => weights,
            Err(error) => return skip(error.to_string()),
        };
        let (blocks, bits) = (weights.block_count(), scheme.bits.count());
        let zero_points = weights.zero_points().unwrap_or_default().to_vec();
        let mode = match scheme.bits {
            BlockBits::Four => QuantizeMode::Weights4,
            BlockBits::Eight => QuantizeMode::Weights8,
        };
        let bytes_after = weights.packed().len() + 4 * weights.scales().len() + zero_points.len();
        let outcome = outcome(mode, numbers, &weights.dequantize(), bytes_after);
        let dims = [*n, blocks, scheme.block_size * bits / 8].map(|size| size as i64);
        let scale_dims = vec![(n * blocks) as i64];
        let zero_dims = vec![(n * (blocks * bits).div_ceil(8)) as i64];
        Ok(Quantized {
            values: self.add(format!("{name}_q{bits}"), DType::U8, dims.to_vec(), weights.packed().to_vec()),
            scales: self.add(format!("{name}_scale"), DType::F32, scale_dims, float_bytes(weights.scales())),
            zero_points: self.add(format!("{name}_zero_point"), DType::U8, zero_dims, zero_points),
            outcome,
        })
    }

    /// As the inputs of `GatherBlockQuantized`. A row of the table is what a column is for a product.
    fn add_table(&mut self, name: &str, table: &TensorProto) -> Result<Quantized, Refusal> {
        let [rows, columns] = [table.dims[0] as usize, table.dims[1] as usize];
        let numbers = self.floats(table)?;
        let scheme = BlockScheme { bits: BlockBits::Four, block_size: self.block_size, symmetric: false };
        let by_column = transpose(&numbers, rows, columns);
        let quantized = self.add_blocks(name, &Matrix { numbers: by_column, k: columns, n: rows }, scheme)?;
        let blocks = columns.div_ceil(scheme.block_size) as i64;
        self.set_dims(&quantized.values, vec![rows as i64, columns as i64 / 2]);
        self.set_dims(&quantized.scales, vec![rows as i64, blocks]);
        self.set_dims(&quantized.zero_points, vec![rows as i64, blocks / 2]);
        Ok(quantized)
    }

    fn set_dims(&mut self, name: &str, dims: Vec<i64>) {
        if let Some(tensor) = self.list.iter_mut().find(|tensor| tensor.name() == name) {
            tensor.dims = dims;
        }
    }

    fn add_half(&mut self, name: &str, weight: &TensorProto) -> Result<Quantized, Refusal> {
        let numbers = self.floats(weight)?;
        if let Some(number) = numbers.iter().find(|number| number.abs() > f32::from(f16::MAX)) {
            return skip(format!("it has an element, {number}, that is too large for float16"));
        }
        let halves: Vec<f16> = numbers.iter().map(|&number| f16::from_f32(number)).collect();
        let restored: Vec<f32> = halves.iter().map(|&half| half.into()).collect();
        let outcome = outcome(QuantizeMode::Float16, &numbers, &restored, 2 * halves.len());
        if let LayerOutcome::Quantized { mean_error, .. } = outcome
            && mean_error > MAXIMUM_HALF_ERROR
        {
            return skip("its elements are so small that float16 has too few digits for them");
        }
        let bytes = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        Ok(Quantized {
            values: self.add(format!("{name}_float16"), DType::F16, weight.dims.clone(), bytes),
            scales: String::new(),
            zero_points: String::new(),
            outcome,
        })
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
        self.list.push(initializer(&name, dtype, dims, bytes));
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

/// In tiles, so that what was read of memory is used before it leaves the cache.
fn transpose(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut transposed = vec![0.0; values.len()];
    for row in (0..rows).step_by(TILE) {
        for column in (0..columns).step_by(TILE) {
            for at_row in row..rows.min(row + TILE) {
                for at_column in column..columns.min(column + TILE) {
                    transposed[at_column * rows + at_row] = values[at_row * columns + at_column];
                }
            }
        }
    }
    transposed
}

/// Little-endian.
pub(super) fn float_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// What to say of a weight and what it became.
fn outcome(mode: QuantizeMode, before: &[f32], after: &[f32], bytes_after: usize) -> LayerOutcome {
    let mut errors = Errors::default();
    before.iter().zip(after).for_each(|(&before, &after)| errors.add(before, after.into()));
    LayerOutcome::Quantized {
        mode,
        mean_error: errors.mean(),
        max_error: errors.max(),
        bytes_before: size_of_val(before) as u64,
        bytes_after: bytes_after as u64,
    }
}
