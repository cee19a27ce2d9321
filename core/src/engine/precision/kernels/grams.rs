//! How the channels of what weights are multiplied with go together, learned on samples: what rounding by GPTQ needs.

use std::collections::BTreeMap;

use super::super::lab::Lab;
use crate::lower::{LowerOptions, Product, products};
use crate::model::{ExternalDataResolver, Model};
use crate::quantize::{Calibrator, Gram, KernelPrecision};
use crate::tensor::Value;
use crate::{Error, Result};

/// Rows that are enough: several for each channel of the widest layers that are usual.
const MOST_ROWS: u64 = 4096;
/// The widest product that it is done for: memory grows with the square, time with the third power.
const MOST_CHANNELS: usize = 4096;
/// Memory of the sums of all products together; what does not fit is rounded one by one.
const MOST_BYTES: usize = 512 << 20;

/// Learns from some of the samples for every product in 8 bits.
///
/// # Errors
/// Those of running the model; `cancelled`.
pub(super) fn learn(
    lab: &Lab<'_>,
    model: &Model,
    external: &dyn ExternalDataResolver,
    samples: &[usize],
) -> Result<BTreeMap<String, Gram>> {
    let options = LowerOptions { precision: KernelPrecision::Int8, ..LowerOptions::default() };
    let mut grams = wanted(&products(model, &options, external)?);
    if grams.is_empty() {
        return Ok(grams);
    }
    let names: Vec<&str> = grams.keys().map(String::as_str).collect();
    let session = lab.session(&Calibrator::new(model)?.part(&names))?;
    for (number, &at) in samples.iter().enumerate() {
        lab.tell(Some(number as f64 / samples.len() as f64));
        let outputs = lab.run_part(&session, at)?;
        let mut is_enough = true;
        for (name, gram) in &mut grams {
            let Some(Value::Tensor(tensor)) = outputs.get(name) else {
                return Err(Error::internal(format!("value `{name}` is no tensor")));
            };
            if gram.row_count() < MOST_ROWS && tensor.shape().dims().last() == Some(&gram.channel_count()) {
                gram.observe(tensor.as_slice::<f32>()?);
            }
            is_enough &= gram.row_count() >= MOST_ROWS;
        }
        if is_enough || !lab.has_time() {
            break;
        }
    }
    Ok(grams)
}

/// Empty sums for what the products read.
fn wanted(products: &[Product]) -> BTreeMap<String, Gram> {
    let mut bytes = 0;
    let mut grams = BTreeMap::new();
    for product in products {
        let size = product.channel_count * product.channel_count * size_of::<f32>();
        if product.channel_count <= MOST_CHANNELS
            && bytes + size <= MOST_BYTES
            && !grams.contains_key(&product.value)
        {
            bytes += size;
            grams.insert(product.value.clone(), Gram::new(product.channel_count));
        }
    }
    grams
}
