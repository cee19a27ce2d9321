//! The options that Ortlet gets from an order.

use ortlet::quantize::KernelPrecision;
use ortlet::runtime::RuntimeOptions;
use ortlet::{Accuracy, Cache, Precision, Samples, SessionOptions, Threads};

use crate::order::{self, Order};

/// Those of every session of the order.
pub fn of(order: &Order) -> SessionOptions {
    let kernels = match order.precision {
        order::Precision::Original | order::Precision::Default => None,
        order::Precision::KernelsFp32 => Some(KernelPrecision::Fp32),
        order::Precision::KernelsBf16 => Some(KernelPrecision::Bf16),
        order::Precision::KernelsInt8 => Some(KernelPrecision::Int8),
    };
    SessionOptions {
        threads: order.threads.map_or(Threads::Auto, Threads::Count),
        cache: order.cache.clone().map_or(Cache::Off, Cache::Folder),
        precision: kernels.map_or(Precision::Original, Precision::Kernels),
        // Kernels round otherwise.
        exact: kernels.is_none(),
        // Held to a budget that anything keeps: how good outputs are is judged here.
        accuracy: Accuracy { mean_cosine: Some(0.1), min_cosine: None, ..Accuracy::default() },
        samples: order.samples.clone().map_or(Samples::None, Samples::Folder),
        runtime: RuntimeOptions { path: Some(order.runtime.clone()), ..Default::default() },
        ..Default::default()
    }
}
