//! Channels of activations that are much larger than the others, and are multiplied as floats for it.
//!
//! A tensor that is quantized with one scale gets steps as wide as its largest channel needs. Where a few channels are far
//! larger than all others, the steps are too wide for the rest (Dettmers, Lewis, Belkada, Zettlemoyer, "LLM.int8()",
//! NeurIPS 2022, which takes such channels out as is done here).

use super::ChannelStatistics;
use super::initializers::float_bytes;
use super::plan::{Planner, Refusal};
use super::product::Product;
use crate::model::TensorProto;
use crate::tensor::DType;

/// The first operator set in which `Gather` may count axes from the end.
const NEGATIVE_AXIS_OPSET: i64 = 11;

/// What taking channels out has to be worth.
#[derive(Clone, Copy)]
pub(crate) struct Price {
    /// Without the channels, squared errors have to be at most this share.
    pub all: f64,
    /// One more channel has to divide the squared errors by at least this.
    pub each: f64,
}

/// Of a product of its own, which has its price.
const SECOND_PRODUCT: Price = Price { all: 0.25, each: 1.3 };

/// Channels that are taken out, and the constants that it needs.
pub(super) struct Outliers {
    /// Their numbers, ascending.
    pub channels: Vec<usize>,
    /// Name of the vector that is 0 for them and 1 for all others.
    pub mask: String,
    /// Name of their numbers as a tensor.
    pub indices: String,
    /// Name of their rows of the weight.
    pub rows: String,
}

/// The channels of a layer's activation that are worth taking out, if there are any.
///
/// # Errors
/// Those of reading the weight.
pub(super) fn find<'a>(
    planner: &mut Planner<'a>,
    product: &Product,
    weight: &'a TensorProto,
) -> Result<Option<Outliers>, Refusal> {
    let most = planner.options.outlier_channels;
    let Some(statistics) = planner.channels_of(product.activation) else { return Ok(None) };
    if planner.opset < NEGATIVE_AXIS_OPSET || statistics.max_magnitude.len() as i64 != product.k {
        return Ok(None);
    }
    let channels = choose(statistics, most, SECOND_PRODUCT);
    if channels.is_empty() {
        return Ok(None);
    }
    let matrix = planner.initializers.matrix(weight, product.transposed, product.factor.to_bits())?;
    let n = matrix.n;
    let rows: Vec<f32> =
        channels.iter().flat_map(|row| &matrix.numbers[row * n..(row + 1) * n]).copied().collect();
    let mask: Vec<f32> = (0..matrix.k).map(|channel| f32::from(!channels.contains(&channel))).collect();
    let indices = channels.iter().flat_map(|&channel| (channel as i64).to_le_bytes()).collect();
    let count = channels.len() as i64;
    let name = if weight.name().is_empty() { "weight" } else { weight.name() };
    let mut add = |part: &str, dtype, dims, bytes| {
        planner.initializers.add(format!("{name}_{part}"), dtype, dims, bytes)
    };
    Ok(Some(Outliers {
        mask: add("mask", DType::F32, vec![matrix.k as i64], float_bytes(&mask)),
        indices: add("outlier_channels", DType::I64, vec![count], indices),
        rows: add("outliers", DType::F32, vec![count, n as i64], float_bytes(&rows)),
        channels,
    }))
}

/// The channels to take out: as many of the largest as still gain by it, none if that is not worth a second product.
pub(crate) fn choose(statistics: &ChannelStatistics, most: usize, price: Price) -> Vec<usize> {
    let magnitudes = &statistics.max_magnitude;
    let mut order: Vec<usize> = (0..magnitudes.len()).collect();
    order.sort_by(|&a, &b| magnitudes[b].total_cmp(&magnitudes[a]));
    let Some(&largest) = order.first() else { return Vec::new() };
    // Rounding errors grow with the square of the steps, and those with the largest magnitude that is left.
    let error = |taken: usize| {
        let left = order.get(taken).map_or(0.0, |&channel| magnitudes[channel]);
        f64::from(left / magnitudes[largest]).powi(2)
    };
    let cost = |taken: &usize| error(*taken) * price.each.powf(*taken as f64);
    let most = most.min(magnitudes.len().saturating_sub(1));
    let best = (1..=most).min_by(|a, b| cost(a).total_cmp(&cost(b)));
    let mut channels = match best {
        Some(taken) if cost(&taken) <= price.all => order[..taken].to_vec(),
        _ => Vec::new(),
    };
    channels.sort_unstable();
    channels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(magnitudes: &[f32], most: usize) -> Vec<usize> {
        let statistics = ChannelStatistics {
            count: 1,
            max_magnitude: magnitudes.to_vec(),
            sum_of_squares: vec![0.0; magnitudes.len()],
        };
        choose(&statistics, most, SECOND_PRODUCT)
    }

    #[test]
    fn only_channels_that_stand_out_are_taken() {
        assert_eq!(chosen(&[1.0, 9.0, 1.1, 0.9, 8.0, 1.0], 4), [1, 4]);
        assert_eq!(chosen(&[1.0, 9.0, 1.1, 0.9, 8.0, 1.0], 1), [0_usize; 0]);
        assert_eq!(chosen(&[1.0, 1.2, 1.1, 1.9], 4), [0_usize; 0]);
        assert_eq!(chosen(&[1.0, 9.0, 1.0], 0), [0_usize; 0]);
        assert_eq!(chosen(&[0.0, 0.0], 4), [0_usize; 0]);
        assert_eq!(chosen(&[5.0], 4), [0_usize; 0]);
        assert_eq!(chosen(&[], 4), [0_usize; 0]);
        // All but one may be taken, never all.
        assert_eq!(chosen(&[0.0, 3.0], 4), [1]);
    }
}
