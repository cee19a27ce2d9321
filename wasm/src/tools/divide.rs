//! Which samples are for what.

use ortlet::quantize::Division;
use wasm_bindgen::prelude::*;

use crate::errors::Outcome;
use crate::json;

/// Divides so many samples by chance, the same for one seed: JSON of lists of indices `calibration`, `selection` and
/// `verification`.
///
/// # Errors
/// `invalid_argument` if there are too few.
#[wasm_bindgen]
pub fn divide(count: usize, seed: f64) -> Outcome<String> {
    Ok(json::write(&Division::of(count, seed as u64)?)?)
}
