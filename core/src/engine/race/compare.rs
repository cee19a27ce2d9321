//! How far the outputs of a candidate lie from the default's.

use crate::engine::session::Outputs;
use crate::tensor::{Tensor, Value, numbers};

/// The largest [`difference`] of any output.
///
/// # Errors
/// As there, naming the output; an output that is missing.
pub(in crate::engine) fn difference_of_outputs(expected: &Outputs, found: &Outputs) -> Result<f64, String> {
    largest(expected.iter().map(|(name, value)| {
        let other = found.get(name).ok_or_else(|| format!("output `{name}` is missing"))?;
        difference(value, other).map_err(|reason| format!("output `{name}` {reason}"))
    }))
}

/// The largest difference between two outputs, as a share of the largest magnitude in `expected`; 0 if they are equal.
///
/// Floating-point tensors differ by their values, each in its own tensor; NaN and infinities have to be the same.
/// Everything else (integers, texts, bool, 8-bit and smaller floats) has to be equal.
///
/// # Errors
/// What cannot be expressed as a difference: another kind, type or shape, other values of what has to be equal.
fn difference(expected: &Value, found: &Value) -> Result<f64, String> {
    match (expected, found) {
        (Value::Tensor(expected), Value::Tensor(found)) => of_tensors(expected, found),
        (Value::Sequence(expected), Value::Sequence(found)) if expected.len() == found.len() => {
            largest(expected.iter().zip(found).map(|(expected, found)| difference(expected, found)))
        }
        (Value::Map(expected), Value::Map(found)) => largest([
            of_tensors(expected.keys(), found.keys()),
            of_tensors(expected.values(), found.values()),
        ]),
        (Value::Optional(Some(expected)), Value::Optional(Some(found))) => difference(expected, found),
        (Value::Optional(None), Value::Optional(None)) => Ok(0.0),
        _ => Err(format!("is {found} instead of {expected}")),
    }
}

fn largest(differences: impl IntoIterator<Item = Result<f64, String>>) -> Result<f64, String> {
    differences.into_iter().try_fold(0.0, |largest, next| Ok(f64::max(largest, next?)))
}

fn of_tensors(expected: &Tensor, found: &Tensor) -> Result<f64, String> {
    if (expected.dtype(), expected.shape()) != (found.dtype(), found.shape()) {
        return Err(format!("is {found} instead of {expected}"));
    }
    match numbers(expected).zip(numbers(found)) {
        Some((expected, found)) => of_numbers(&expected, &found),
        None if expected == found => Ok(0.0),
        None => Err(format!("{expected} has other values, which have to be equal")),
    }
}

fn of_numbers(expected: &[f64], found: &[f64]) -> Result<f64, String> {
    let (mut scale, mut largest) = (0.0_f64, 0.0_f64);
    for (&expected, &found) in expected.iter().zip(found) {
        if expected.is_finite() && found.is_finite() {
            scale = scale.max(expected.abs());
            largest = largest.max((expected - found).abs());
        } else if expected != found && !(expected.is_nan() && found.is_nan()) {
            return Err(format!("holds {found} instead of {expected}"));
        }
    }
    Ok(if largest == 0.0 { 0.0 } else { largest / scale })
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::f16;

    fn floats(values: &[f32]) -> Value {
        Tensor::from_vec([values.len()], values.to_vec()).unwrap().into()
    }

    fn integers(values: &[i64]) -> Value {
        Tensor::from_vec([values.len()], values.to_vec()).unwrap().into()
    }

    #[test]
    fn floats_differ_by_their_scale() {
        let expected = floats(&[100.0, 0.0, -400.0]);
        assert_eq!(difference(&expected, &expected), Ok(0.0));
        assert_eq!(difference(&expected, &floats(&[101.0, 0.0, -400.0])), Ok(1.0 / 400.0));
        assert_eq!(difference(&floats(&[0.0]), &floats(&[1e-9])), Ok(f64::INFINITY));
        let halves = |values: &[f32]| -> Value {
            Tensor::from_vec([values.len()], values.iter().map(|&v| f16::from_f32(v)).collect())
                .unwrap()
                .into()
        };
        assert_eq!(difference(&halves(&[2.0, 1.0]), &halves(&[2.0, 1.5])), Ok(0.25));
    }

    #[test]
    fn what_is_not_finite_has_to_be_the_same() {
        let odd = floats(&[f32::NAN, f32::INFINITY, 1.0]);
        assert_eq!(difference(&odd, &odd), Ok(0.0));
        assert!(difference(&odd, &floats(&[0.0, f32::INFINITY, 1.0])).is_err());
        assert!(difference(&odd, &floats(&[f32::NAN, f32::NEG_INFINITY, 1.0])).is_err());
        assert!(difference(&floats(&[1.0]), &floats(&[f32::NAN])).is_err());
    }

    #[test]
    fn everything_else_is_equal_or_not() {
        assert_eq!(difference(&integers(&[1, 2]), &integers(&[1, 2])), Ok(0.0));
        assert!(difference(&integers(&[1_000_000]), &integers(&[1_000_001])).is_err());
        assert!(difference(&integers(&[1]), &floats(&[1.0])).is_err());
        assert!(difference(&floats(&[1.0]), &floats(&[1.0, 1.0])).is_err());
        let both = Value::Sequence(vec![floats(&[2.0]), integers(&[7])]);
        let other = Value::Sequence(vec![floats(&[1.0]), integers(&[7])]);
        assert_eq!(difference(&both, &other), Ok(0.5));
        assert!(difference(&both, &Value::Sequence(vec![floats(&[2.0])])).is_err());
    }
}
