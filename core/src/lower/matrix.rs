//! [`Matrix`]: a constant weight of two axes, also behind nodes that only turn, cast or name it.

use super::scene::Scene;
use crate::quantize::simplify::view::{is, whole};
use crate::tensor::DType;

/// Exporters write one transposition and one cast at most.
const MAXIMUM_STEPS: usize = 4;

/// A constant matrix as `y = x W` reads it.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    /// The constant.
    pub name: String,
    /// Whether its axes change places.
    pub transposed: bool,
    pub k: i64,
    pub n: i64,
    /// What it is multiplied by.
    pub factor: f32,
}

impl Matrix {
    /// The matrix that a value is in every run, `transposed` before it is multiplied by.
    pub fn of(scene: &Scene, name: &str, mut transposed: bool, factor: f32) -> Option<Self> {
        let (mut name, mut is_cast) = (name, false);
        for _ in 0..MAXIMUM_STEPS {
            if let Some(tensor) = scene.view.constant(name) {
                let [rows, columns] = tensor.dims[..] else { return None };
                // What is multiplied is `float32`; halves are only stored.
                let is_float = match tensor.dtype() {
                    Ok(DType::F32) => true,
                    Ok(DType::F16) => is_cast,
                    _ => false,
                };
                let (k, n) = if transposed { (columns, rows) } else { (rows, columns) };
                let found = Self { name: name.to_owned(), transposed, k, n, factor };
                return (is_float && k > 0 && n > 0).then_some(found);
            }
            let (_, node) = scene.maker(name)?;
            match node.op_type() {
                "Transpose" if is_turn(node) => transposed = !transposed,
                "Identity" if is(node, "Identity") => {}
                "Cast" if is(node, "Cast") && whole(node, "to", 0) == i64::from(DType::F32.onnx()) => {
                    is_cast = true;
                }
                _ => return None,
            }
            name = node.input.first()?;
        }
        None
    }

    pub fn count(&self) -> i64 {
        self.k.saturating_mul(self.n)
    }

    /// Its numbers, row by row; `None` if they cannot be had or are not all finite.
    pub fn values(&self, scene: &Scene) -> Option<Vec<f32>> {
        let numbers = numbers(scene, &self.name)?;
        let mut numbers =
            if self.transposed { turned(&numbers, self.n as usize, self.k as usize) } else { numbers };
        if self.factor != 1.0 {
            numbers.iter_mut().for_each(|number| *number *= self.factor);
        }
        numbers.iter().all(|number| number.is_finite()).then_some(numbers)
    }
}

/// The numbers of a constant of floats.
pub(crate) fn numbers(scene: &Scene, name: &str) -> Option<Vec<f32>> {
    let tensor = scene.view.constant(name)?;
    if tensor.dtype() == Ok(DType::F32) {
        return scene.view.floats(name).ok().flatten();
    }
    let bytes = tensor.data_bytes(&crate::model::NoExternalData).ok()?;
    let halves = bytes.as_chunks().0.iter().map(|&bytes| half::f16::from_le_bytes(bytes).to_f32());
    (tensor.dtype() == Ok(DType::F16)).then(|| halves.collect())
}

fn is_turn(node: &crate::model::NodeProto) -> bool {
    let perm = node.attribute("perm").map(|perm| perm.ints.as_slice());
    is(node, "Transpose") && matches!(perm, None | Some([1, 0]))
}

/// A matrix with its axes in the other order, in tiles, so that what was read is used before it leaves the cache.
fn turned(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    const TILE: usize = 32;
    let mut turned = vec![0.0; values.len()];
    for row in (0..rows).step_by(TILE) {
        for column in (0..columns).step_by(TILE) {
            for at_row in row..rows.min(row + TILE) {
                for at_column in column..columns.min(column + TILE) {
                    turned[at_column * rows + at_row] = values[at_row * columns + at_column];
                }
            }
        }
    }
    turned
}
