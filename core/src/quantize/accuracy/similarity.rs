//! How similar two outputs are, in numbers.

use crate::tensor::{Tensor, Value, numbers};

/// What comparing two outputs gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    /// 1 if they are the same; see [`Accuracy`](super::Accuracy).
    pub(super) similarity: f64,
    /// The largest difference of two finite elements.
    pub(super) max_absolute_error: f64,
    /// Rows of several floats, and how many of them have their largest element at the same index.
    pub(super) row_count: u64,
    pub(super) agreeing_count: u64,
}

/// Compares one output. Sequences, maps and optionals are compared by what is in them; the least similarity counts.
pub(super) fn compare(reference: &Value, candidate: &Value) -> Comparison {
    let parts = match (reference, candidate) {
        (Value::Tensor(reference), Value::Tensor(candidate)) => return of_tensors(reference, candidate),
        (Value::Sequence(reference), Value::Sequence(candidate)) if reference.len() == candidate.len() => {
            reference
                .iter()
                .zip(candidate)
                .map(|(reference, candidate)| compare(reference, candidate))
                .collect()
        }
        (Value::Map(reference), Value::Map(candidate)) => vec![
            of_tensors(reference.keys(), candidate.keys()),
            of_tensors(reference.values(), candidate.values()),
        ],
        (Value::Optional(Some(reference)), Value::Optional(Some(candidate))) => {
            return compare(reference, candidate);
        }
        (Value::Optional(None), Value::Optional(None)) => Vec::new(),
        _ => return Comparison::default(),
    };
    let equal = Comparison { similarity: 1.0, ..Comparison::default() };
    parts.into_iter().fold(equal, |all, part| Comparison {
        similarity: all.similarity.min(part.similarity),
        max_absolute_error: all.max_absolute_error.max(part.max_absolute_error),
        row_count: all.row_count + part.row_count,
        agreeing_count: all.agreeing_count + part.agreeing_count,
    })
}

fn of_tensors(reference: &Tensor, candidate: &Tensor) -> Comparison {
    if (reference.dtype(), reference.shape()) != (candidate.dtype(), candidate.shape()) {
        return Comparison::default();
    }
    match numbers(reference).zip(numbers(candidate)) {
        Some((reference_numbers, candidate_numbers)) => {
            let row = reference.shape().last().copied().unwrap_or(1);
            of_numbers(&reference_numbers, &candidate_numbers, row)
        }
        None => Comparison { similarity: equal_share(reference, candidate), ..Comparison::default() },
    }
}

fn of_numbers(reference: &[f64], candidate: &[f64], row: usize) -> Comparison {
    let mut largest = 0.0_f64;
    let (mut dot, mut error) = (0.0, 0.0);
    let (mut reference_square, mut candidate_square) = (0.0, 0.0);
    let mut is_same_kind = true;
    for (&a, &b) in reference.iter().zip(candidate) {
        if a.is_finite() && b.is_finite() {
            largest = largest.max((a - b).abs());
            dot += a * b;
            error += (a - b) * (a - b);
            reference_square += a * a;
            candidate_square += b * b;
        } else {
            is_same_kind &= a == b || a.is_nan() && b.is_nan();
        }
    }
    let similarity = match is_same_kind {
        false => 0.0,
        true if error == 0.0 => 1.0,
        true => {
            let cosine = dot / (reference_square.sqrt() * candidate_square.sqrt());
            let by_length = 1.0 - error / reference_square / 2.0;
            // NaN where one of them is zero: nothing is similar to that. Far off is not less than opposite.
            if cosine.is_nan() { 0.0 } else { cosine.min(by_length).max(-1.0) }
        }
    };
    let (row_count, agreeing_count) = if row > 1 { agreement(reference, candidate, row) } else { (0, 0) };
    Comparison { similarity, max_absolute_error: largest, row_count, agreeing_count }
}

fn agreement(reference: &[f64], candidate: &[f64], row: usize) -> (u64, u64) {
    let rows = reference.chunks_exact(row).zip(candidate.chunks_exact(row));
    rows.fold((0, 0), |(count, agreeing), (reference, candidate)| {
        (count + 1, agreeing + u64::from(index_of_largest(reference) == index_of_largest(candidate)))
    })
}

/// The first index of the largest number; NaN is never the largest.
fn index_of_largest(numbers: &[f64]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (at, &number) in numbers.iter().enumerate() {
        if !number.is_nan() && best.is_none_or(|(_, largest)| number > largest) {
            best = Some((at, number));
        }
    }
    best.map(|(at, _)| at)
}

/// The share of elements that are equal.
fn equal_share(reference: &Tensor, candidate: &Tensor) -> f64 {
    if reference == candidate {
        return 1.0;
    }
    let share = |equal: usize, count: usize| if count == 0 { 1.0 } else { equal as f64 / count as f64 };
    if let (Ok(reference), Ok(candidate)) = (reference.as_strings(), candidate.as_strings()) {
        let equal = reference.iter().zip(candidate).filter(|(a, b)| a == b).count();
        return share(equal, reference.len());
    }
    let (Some(a), Some(b)) = (reference.bytes(), candidate.bytes()) else { return 0.0 };
    // Of packed types, bytes of several elements are compared at once.
    let size = (reference.dtype().bits() as usize).div_ceil(8).max(1);
    let equal = a.chunks(size).zip(b.chunks(size)).filter(|(a, b)| a == b).count();
    share(equal, a.len().div_ceil(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(shape: &[usize], values: &[f32]) -> Value {
        Tensor::from_vec(shape, values.to_vec()).unwrap().into()
    }

    fn similarity(reference: &[f32], candidate: &[f32]) -> f64 {
        compare(&floats(&[reference.len()], reference), &floats(&[candidate.len()], candidate)).similarity
    }

    #[test]
    fn floats_are_as_similar_as_direction_and_length() {
        assert_eq!(similarity(&[3.0, 4.0], &[3.0, 4.0]), 1.0);
        // A right angle, and the error as long as the reference times the square root of two.
        assert!(similarity(&[1.0, 0.0], &[0.0, 1.0]).abs() < 1e-12);
        assert_eq!(similarity(&[1.0, 0.0], &[-1.0, 0.0]), -1.0);
        // The same direction, a tenth longer: 1 - 0.1² / 2.
        assert!((similarity(&[10.0, 0.0], &[11.0, 0.0]) - 0.995).abs() < 1e-12);
        assert_eq!(similarity(&[1.0], &[1e9]), -1.0);
        assert_eq!(
            (similarity(&[0.0], &[0.0]), similarity(&[0.0], &[1.0]), similarity(&[1.0], &[0.0])),
            (1.0, 0.0, 0.0)
        );
        assert_eq!(similarity(&[], &[]), 1.0);
    }

    #[test]
    fn what_is_not_finite_has_to_be_so_in_both() {
        assert_eq!(similarity(&[f32::NAN, 1.0], &[f32::NAN, 1.0]), 1.0);
        assert_eq!(similarity(&[f32::NAN, 1.0], &[0.0, 1.0]), 0.0);
        assert_eq!(similarity(&[1.0, 1.0], &[f32::NAN, 1.0]), 0.0);
        assert_eq!(similarity(&[f32::INFINITY], &[f32::NEG_INFINITY]), 0.0);
    }

    #[test]
    fn rows_agree_by_their_largest_element() {
        let reference = floats(&[3, 2], &[1.0, 2.0, 5.0, 4.0, 0.0, 0.0]);
        let candidate = floats(&[3, 2], &[1.0, 3.0, 4.0, 5.0, 0.0, 0.0]);
        let found = compare(&reference, &candidate);
        assert_eq!((found.row_count, found.agreeing_count, found.max_absolute_error), (3, 2, 1.0));
        assert_eq!(
            compare(&floats(&[2], &[f32::NAN, 1.0]), &floats(&[2], &[f32::NAN, 1.0])).agreeing_count,
            1
        );
    }

    #[test]
    fn everything_else_is_equal_in_part() {
        let whole = |values: &[i64]| Value::from(Tensor::from_vec([values.len()], values.to_vec()).unwrap());
        let texts = |values: &[&str]| {
            Value::from(
                Tensor::from_strings([values.len()], values.iter().map(ToString::to_string).collect())
                    .unwrap(),
            )
        };
        assert_eq!(compare(&whole(&[1, 2, 3, 4]), &whole(&[1, 2, 3, 5])).similarity, 0.75);
        assert_eq!(compare(&texts(&["a", "b"]), &texts(&["a", "c"])).similarity, 0.5);
        assert_eq!(compare(&whole(&[1]), &whole(&[1, 2])).similarity, 0.0);
        assert_eq!(compare(&whole(&[1]), &floats(&[1], &[1.0])).similarity, 0.0);
        let both = Value::Sequence(vec![whole(&[1]), floats(&[1], &[10.0])]);
        let other = Value::Sequence(vec![whole(&[1]), floats(&[1], &[11.0])]);
        assert!((compare(&both, &other).similarity - 0.995).abs() < 1e-12);
        assert_eq!(compare(&both, &Value::Sequence(vec![whole(&[1])])).similarity, 0.0);
        assert_eq!(compare(&Value::Optional(None), &Value::Optional(None)).similarity, 1.0);
    }
}
