//! [`Layer`]: a convolution or matrix product with a constant weight, and which weights belong to which channel.

use super::view::{View, size, whole};
use crate::model::{NodeProto, TensorProto};
use crate::tensor::DType;
use crate::{Error, Result};

/// A layer whose weight can be changed: it is a constant of floats that nobody else reads.
pub(super) struct Layer<'v> {
    pub index: usize,
    pub node: &'v NodeProto,
    pub weight: &'v str,
    pub dims: &'v [i64],
    pub kind: Kind,
    /// Channels of the result.
    pub channels: usize,
    /// How many weights lie behind each other before the next channel of the result begins.
    stride: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Conv,
    ConvTranspose,
    Gemm,
    MatMul,
}

impl<'v> Layer<'v> {
    pub fn of(view: &'v View, index: usize) -> Option<Self> {
        let node = &view.nodes[index];
        let kind = match node.op_type() {
            _ if !node.domain().is_empty() => return None,
            "Conv" => Kind::Conv,
            "ConvTranspose" if whole(node, "group", 1) == 1 => Kind::ConvTranspose,
            "Gemm" if whole(node, "transA", 0) == 0 => Kind::Gemm,
            "MatMul" => Kind::MatMul,
            _ => return None,
        };
        let weight = node.input.get(1)?.as_str();
        let tensor = view.constant(weight).filter(|tensor| can_change(tensor))?;
        let dims = tensor.dims.as_slice();
        let has_room = if kind.is_product() { dims.len() == 2 } else { dims.len() >= 3 };
        if !has_room || node.output.len() != 1 {
            return None;
        }
        let (axis, behind): (usize, &[i64]) = match kind {
            Kind::Conv => (0, &dims[1..]),
            Kind::ConvTranspose => (1, &dims[2..]),
            Kind::Gemm if whole(node, "transB", 0) != 0 => (0, &dims[1..]),
            Kind::Gemm | Kind::MatMul => (1, &dims[2..]),
        };
        let stride = usize::try_from(behind.iter().product::<i64>()).ok()?;
        let channels = usize::try_from(dims[axis]).ok()?;
        Some(Self { index, node, weight, dims, kind, channels, stride })
    }

    /// Whether only this layer reads the weight.
    pub fn owns_weight(&self, view: &View) -> bool {
        view.only_reader(self.weight) == Some(self.index)
    }

    /// How many axes of the result lie behind that of the channels.
    pub fn axes_behind(&self) -> usize {
        if self.kind.is_product() { 0 } else { self.dims.len() - 2 }
    }

    /// Number of dimensions that the result has at least.
    pub fn least_rank(&self, view: &View) -> usize {
        match self.kind {
            Kind::Conv | Kind::ConvTranspose => self.dims.len(),
            Kind::Gemm => 2,
            Kind::MatMul => view.fact(&self.node.output[0]).least_rank.max(1),
        }
    }

    /// The weight with each of its numbers multiplied by the factor of its channel of the result; `None` if that would
    /// cost precision or range.
    pub fn scaled(&self, view: &View, factors: &[f64]) -> Result<Option<Vec<f32>>> {
        self.map(view, |at| factors[(at / self.stride) % self.channels % factors.len()])
    }

    /// The same for channels of the input.
    pub fn scaled_by_input(&self, view: &View, factors: &[f64]) -> Result<Option<Vec<f32>>> {
        let columns = size(self.dims[1])?;
        let count = self.dims.iter().try_fold(1_usize, |count, &dim| Ok::<_, Error>(count * size(dim)?))?;
        let kernel = count / (size(self.dims[0])? * columns).max(1);
        let (rows, groups) = (self.channels, size(whole(self.node, "group", 1))?.max(1));
        let rows_in_group = (rows / groups).max(1);
        self.map(view, |at| {
            let (row, column) = (at / kernel / columns, at / kernel % columns);
            let channel = match self.kind {
                Kind::Conv => row / rows_in_group * columns + column,
                Kind::Gemm if whole(self.node, "transB", 0) != 0 => column,
                _ => row,
            };
            factors[channel % factors.len()]
        })
    }

    fn map(&self, view: &View, factor: impl Fn(usize) -> f64) -> Result<Option<Vec<f32>>> {
        let Some(weights) = view.floats(self.weight)? else { return Ok(None) };
        let scale = |(at, &weight): (usize, &f32)| {
            let scaled = (f64::from(weight) * factor(at)) as f32;
            let keeps = scaled.is_normal() || !weight.is_normal() && scaled.is_finite();
            keeps.then_some(scaled)
        };
        Ok(weights.iter().enumerate().map(scale).collect())
    }
}

impl Kind {
    pub fn is_product(self) -> bool {
        matches!(self, Self::Gemm | Self::MatMul)
    }
}

fn can_change(tensor: &TensorProto) -> bool {
    tensor.dtype() == Ok(DType::F32) && tensor.element_count().is_ok_and(|count| count > 0)
}

/// The numbers of a constant that has one for each channel, or one for all; with `behind` axes behind the channels'.
pub(super) fn by_channel(
    view: &View,
    name: &str,
    channels: usize,
    behind: usize,
    least_rank: usize,
) -> Result<Option<Vec<f64>>> {
    let Some(tensor) = view.constant(name) else { return Ok(None) };
    let rank = tensor.dims.len();
    let axis = rank.checked_sub(behind + 1);
    let fits = tensor
        .dims
        .iter()
        .enumerate()
        .all(|(index, &dim)| dim == 1 || Some(index) == axis && usize::try_from(dim) == Ok(channels));
    if !fits || rank > least_rank {
        return Ok(None);
    }
    Ok(view.floats(name)?.map(|numbers| numbers.into_iter().map(f64::from).collect()))
}
