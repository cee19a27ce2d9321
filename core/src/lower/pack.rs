//! Weights of blocks as Ortlet's kernels read them.

use ortlet_kernels::{
    AlignedBytes, Format, LinearWeights, PackOptions, pack_embedding, pack_linear, pack_rounded,
};

use super::KernelPrecision;
use super::LowerOptions;
use super::block::{Convolution, Embedding, Linear};
use super::matrix::numbers;
use super::norm;
use super::scene::Scene;
use crate::quantize::outliers::{Price, choose};
use crate::quantize::{Calibration, ChannelStatistics, Gram, gptq_codes};

/// Outlier channels are added while the product is in registers, which costs next to nothing: one in a hundred of the
/// time each.
const IN_THE_PRODUCT: Price = Price { all: 0.95, each: 1.02 };

/// How far a channel of a normalized value goes, in multiples of its scale.
const NORMAL_RANGE: f32 = 4.0;

fn format(precision: KernelPrecision) -> Format {
    match precision {
        KernelPrecision::Fp32 => Format::Fp32,
        KernelPrecision::Fp16 => Format::Fp16,
        KernelPrecision::Bf16 => Format::Bf16,
        KernelPrecision::Int8 => Format::Int8,
    }
}

/// The packed weights of a layer; `None` if they cannot be had in this form.
pub(super) fn linear(
    scene: &Scene,
    linear: &Linear,
    precision: KernelPrecision,
    options: &LowerOptions,
    outliers: &[u32],
    gram: Option<&Gram>,
) -> Option<AlignedBytes> {
    let values = side_by_side(scene, linear)?;
    let (k, n) = (usize::try_from(linear.k()).ok()?, usize::try_from(linear.n()).ok()?);
    let weights = LinearWeights { k, n, values: &values, bias: linear.bias.as_deref() };
    let is_int8 = precision == KernelPrecision::Int8;
    let outliers = if is_int8 { outliers } else { &[] };
    let options =
        PackOptions { group: is_int8 && options.group, outliers, ..PackOptions::new(format(precision)) };
    let is_finite = linear.bias.iter().flatten().all(|number| number.is_finite());
    let packed = if is_int8 {
        let left_out: Vec<usize> = outliers.iter().map(|&channel| channel as usize).collect();
        pack_rounded(&weights, &options, |scales| gptq_codes(&values, scales, gram?, &left_out))
    } else {
        pack_linear(&weights, &options)
    };
    packed.ok().filter(|_| is_finite)
}

/// The matrices of a layer as one.
fn side_by_side(scene: &Scene, linear: &Linear) -> Option<Vec<f32>> {
    let all: Vec<Vec<f32>> =
        linear.weights.iter().map(|weight| weight.values(scene)).collect::<Option<_>>()?;
    if let [one] = all.as_slice() {
        return Some(one.clone());
    }
    let widths = linear.weights.iter().map(|weight| usize::try_from(weight.n).ok());
    let widths: Vec<usize> = widths.collect::<Option<_>>()?;
    let rows = usize::try_from(linear.k()).ok()?;
    let mut values = Vec::with_capacity(rows * widths.iter().sum::<usize>());
    for row in 0..rows {
        for (matrix, width) in all.iter().zip(&widths) {
            values.extend_from_slice(matrix.get(row * width..(row + 1) * width)?);
        }
    }
    Some(values)
}

/// The packed kernels of a convolution, a row for each channel of each place; `None` if they cannot be had in this form.
pub(super) fn convolution(
    scene: &Scene,
    convolution: &Convolution,
    precision: KernelPrecision,
    options: &LowerOptions,
) -> Option<AlignedBytes> {
    let numbers = numbers(scene, &convolution.weight)?;
    let [n, channels, kernel] = convolution.size.map(|size| usize::try_from(size).unwrap_or(0));
    let mut values = vec![0.0; numbers.len()];
    for (at, &number) in numbers.iter().enumerate() {
        let (column, channel, place) = (at / (channels * kernel), at / kernel % channels, at % kernel);
        values[(place * channels + channel) * n + column] = number;
    }
    let bias = convolution.bias.as_deref();
    let weights = LinearWeights { k: channels * kernel, n, values: &values, bias };
    let group = precision == KernelPrecision::Int8 && options.group;
    pack_linear(&weights, &PackOptions { group, ..PackOptions::new(format(precision)) }).ok()
}

/// A packed table; `None` if the precision has none, or it cannot be had.
pub(super) fn embedding(
    scene: &Scene,
    embedding: &Embedding,
    precision: KernelPrecision,
) -> Option<AlignedBytes> {
    if !matches!(precision, KernelPrecision::Bf16 | KernelPrecision::Int8) {
        return None;
    }
    let values = numbers(scene, &embedding.table)?;
    let (rows, width) = (usize::try_from(embedding.rows).ok()?, usize::try_from(embedding.width).ok()?);
    pack_embedding(rows, width, &values, format(precision)).ok()
}

/// The channels of a value that stand out: by what a calibration has seen, else by the normalization that makes the
/// value.
pub(super) fn outliers(
    scene: &Scene,
    value: &str,
    k: i64,
    options: &LowerOptions,
    calibration: Option<&Calibration>,
) -> Vec<u32> {
    let seen = calibration.and_then(|calibration| calibration.tensors.get(value)?.channels.as_ref());
    let guessed = match seen {
        Some(_) => None,
        None => norm::that_makes(scene, value, k).map(|(gamma, beta)| magnitudes(&gamma, beta.as_deref())),
    };
    let Some(statistics) = seen.or(guessed.as_ref()) else { return Vec::new() };
    if usize::try_from(k) != Ok(statistics.max_magnitude.len()) {
        return Vec::new();
    }
    let channels = choose(statistics, options.outlier_channels, IN_THE_PRODUCT);
    channels.into_iter().filter_map(|channel| u32::try_from(channel).ok()).collect()
}

/// How large channels get behind a normalization.
fn magnitudes(gamma: &[f32], beta: Option<&[f32]>) -> ChannelStatistics {
    let shift = |channel: usize| beta.and_then(|beta| beta.get(channel)).map_or(0.0, |beta| beta.abs());
    let largest =
        gamma.iter().enumerate().map(|(channel, gamma)| NORMAL_RANGE * gamma.abs() + shift(channel));
    ChannelStatistics { count: 0, max_magnitude: largest.collect(), sum_of_squares: vec![0.0; gamma.len()] }
}
