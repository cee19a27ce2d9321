//! Weights of layers as signed 8-bit numbers and biases as 32-bit ones, a scale for each output channel.

use super::layer::Layer;

/// The largest bias, in steps of its scale.
const MAXIMUM_BIAS: f64 = (1 << 30) as f64;

/// The smallest scale of a weight: with it, all products of scales are ordinary numbers.
const MINIMUM_SCALE: f32 = 1e-12;

/// The quantized form of a layer's constants.
pub(super) struct LayerCodes {
    /// In the order of the weights.
    pub weights: Vec<i8>,
    pub scales: Vec<f32>,
    pub bias: Option<Vec<i32>>,
    /// Scales of the bias: those of the weights times that of the activations.
    pub bias_scales: Vec<f32>,
    /// Mean and maximum error of the weights, as shares of their mean and maximum magnitude.
    pub mean_error: f64,
    pub max_error: f64,
}

/// Quantizes the constants of a layer whose activations have this scale. Weights go up to `limit`.
pub(super) fn quantize(layer: &Layer, activation_scale: f32, limit: f32) -> LayerCodes {
    let channel_of = channels(layer);
    let mut largest = vec![0.0_f32; layer.channels()];
    for (at, weight) in layer.weights.iter().enumerate() {
        let channel = channel_of(at);
        largest[channel] = largest[channel].max(weight.abs());
    }
    let mut scales: Vec<f32> = largest
        .iter()
        // If all weights are zero, the scale is still that of the bias.
        .map(|&largest| (largest / limit).max(MINIMUM_SCALE))
        .collect();
    if let Some(bias) = &layer.bias {
        // A bias that does not fit into its bits has the steps of its channel made larger.
        for (scale, bias) in scales.iter_mut().zip(bias) {
            let needed = bias.abs() / (f64::from(activation_scale) * MAXIMUM_BIAS);
            *scale = scale.max(needed as f32);
        }
    }
    let bias_scales: Vec<f32> = scales.iter().map(|scale| scale * activation_scale).collect();
    let bias = layer.bias.as_ref().map(|bias| {
        let codes = bias.iter().zip(&bias_scales).map(|(bias, &scale)| {
            (bias / f64::from(scale)).round_ties_even().clamp(-MAXIMUM_BIAS, MAXIMUM_BIAS) as i32
        });
        codes.collect()
    });
    let code = |(at, &weight): (usize, &f32)| {
        (weight / scales[channel_of(at)]).round_ties_even().clamp(-limit, limit) as i8
    };
    let weights: Vec<i8> = layer.weights.iter().enumerate().map(code).collect();
    let (mean_error, max_error) = errors(layer, &weights, &scales);
    LayerCodes { weights, scales, bias, bias_scales, mean_error, max_error }
}

/// The output channel that a weight is for.
fn channels(layer: &Layer) -> impl Fn(usize) -> usize {
    let (count, is_conv) = (layer.channels(), layer.is_conv());
    let per_channel = layer.weights.len() / count;
    move |at| if is_conv { at / per_channel } else { at % count }
}

fn errors(layer: &Layer, codes: &[i8], scales: &[f32]) -> (f64, f64) {
    let channel_of = channels(layer);
    let (mut sum, mut max, mut weight_sum, mut weight_max) = (0.0, 0.0_f64, 0.0, 0.0_f64);
    for (at, (&weight, &code)) in layer.weights.iter().zip(codes).enumerate() {
        let restored = f64::from(code) * f64::from(scales[channel_of(at)]);
        let (error, weight) = ((f64::from(weight) - restored).abs(), f64::from(weight).abs());
        sum += error;
        max = max.max(error);
        weight_sum += weight;
        weight_max = weight_max.max(weight);
    }
    let share = |error: f64, of: f64| if of > 0.0 { error / of } else { 0.0 };
    (share(sum, weight_sum), share(max, weight_max))
}
