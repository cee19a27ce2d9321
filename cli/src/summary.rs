//! Values as a person or a program wants to read them: type, range, first elements, or everything.

use std::fmt::Write;

use ortlet::Result;
use ortlet::tensor::{DType, Shape, Tensor, Value};
use serde::Serialize;
use serde_json::Value as Json;

use crate::output::significant;
use crate::scalar::{Elements, Scalar};

/// How many elements a summary shows.
const FIRST: usize = 6;

/// Range of the numbers in a tensor. NaN counts apart, infinities take part.
#[derive(Debug, Default, PartialEq)]
pub struct Range<'a> {
    pub min: Option<Scalar<'a>>,
    pub max: Option<Scalar<'a>>,
    pub mean: Option<f64>,
    pub nan_count: u64,
}

impl<'a> Range<'a> {
    /// Looks at every element once.
    pub fn of(elements: &'a Elements<'_>) -> Self {
        let (mut nan_count, mut count, mut sum) = (0, 0_u64, 0.0);
        let mut min: Option<(f64, Scalar)> = None;
        let mut max: Option<(f64, Scalar)> = None;
        for (number, scalar) in elements.iter().filter_map(|scalar| Some((scalar.number()?, scalar))) {
            if number.is_nan() {
                nan_count += 1;
                continue;
            }
            if min.is_none_or(|(least, _)| number < least) {
                min = Some((number, scalar));
            }
            if max.is_none_or(|(most, _)| number > most) {
                max = Some((number, scalar));
            }
            sum += number;
            count += 1;
        }
        let scalar = |extreme: Option<(f64, Scalar<'a>)>| extreme.map(|(_, scalar)| scalar);
        Self { min: scalar(min), max: scalar(max), mean: (count > 0).then(|| sum / count as f64), nan_count }
    }
}

/// What a table says about one tensor.
pub struct Row {
    /// Name, type, minimum, maximum, mean, number of NaN.
    pub facts: [String; 6],
    /// The first few elements.
    pub first: String,
}

impl Row {
    /// Looks at every element once.
    ///
    /// # Errors
    /// None that an existing tensor could cause.
    pub fn of(name: &str, tensor: &Tensor) -> Result<Self> {
        let elements = Elements::of(tensor)?;
        let range = Range::of(&elements);
        let number = |value: Option<Scalar<'_>>| value.map(short).unwrap_or_default();
        let nan = if tensor.dtype().is_float() { range.nan_count.to_string() } else { String::new() };
        let first: Vec<String> = elements.iter().take(FIRST).map(short).collect();
        let more = if elements.len() > FIRST { ", …" } else { "" };
        let facts = [
            name.into(),
            tensor.to_string(),
            number(range.min),
            number(range.max),
            range.mean.map(shown).unwrap_or_default(),
            nan,
        ];
        Ok(Self { facts, first: first.join(", ") + more })
    }
}

/// A number in a table: short, and readable at any magnitude.
fn shown(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || !value.is_finite() || (value.fract() == 0.0 && magnitude < 1e9) {
        format!("{value}")
    } else if (0.001..1e6).contains(&magnitude) {
        // Five significant digits.
        let decimals = (4 - magnitude.log10().floor() as i32).max(0) as usize;
        format!("{value:.decimals$}")
    } else {
        format!("{value:.4e}")
    }
}

fn short(scalar: Scalar<'_>) -> String {
    const MOST: usize = 24;
    match scalar {
        Scalar::Float(value, _) => shown(value),
        Scalar::Complex(re, im) => {
            format!("{}{}{}j", shown(re), if im < 0.0 { "" } else { "+" }, significant(im))
        }
        Scalar::Text(text) if text.chars().count() > MOST => {
            format!("{:?}…", text.chars().take(MOST).collect::<String>())
        }
        other => other.to_string(),
    }
}

/// The tensors inside a value, with the name of each: `x`, or `x[0]`, `x.keys`, `x.values`.
pub fn tensors<'a>(name: &str, value: &'a Value) -> Vec<(String, &'a Tensor)> {
    match value {
        Value::Tensor(tensor) => vec![(name.to_string(), tensor)],
        Value::Sequence(values) => {
            let inner = |(index, value)| tensors(&format!("{name}[{index}]"), value);
            values.iter().enumerate().flat_map(inner).collect()
        }
        Value::Map(map) => {
            vec![(format!("{name}.keys"), map.keys()), (format!("{name}.values"), map.values())]
        }
        Value::Optional(Some(value)) => tensors(name, value),
        Value::Optional(None) => Vec::new(),
    }
}

/// A value for JSON.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Description {
    Tensor(TensorDescription),
    Sequence { values: Vec<Description> },
    Map { keys: Box<TensorDescription>, values: Box<TensorDescription> },
    Optional { value: Option<Box<Description>> },
}

/// A tensor for JSON: all elements in row-major order, or the first few.
#[derive(Serialize)]
pub struct TensorDescription {
    dtype: DType,
    shape: Shape,
    min: Option<Json>,
    max: Option<Json>,
    mean: Option<Json>,
    nan_count: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first: Option<Vec<Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Vec<Json>>,
}

impl Description {
    /// Describes a value, with all elements or with the first few.
    ///
    /// # Errors
    /// None that an existing value could cause.
    pub fn of(value: &Value, full: bool) -> Result<Self> {
        Ok(match value {
            Value::Tensor(tensor) => Self::Tensor(TensorDescription::of(tensor, full)?),
            Value::Sequence(values) => {
                let values = values.iter().map(|value| Self::of(value, full));
                Self::Sequence { values: values.collect::<Result<_>>()? }
            }
            Value::Map(map) => Self::Map {
                keys: Box::new(TensorDescription::of(map.keys(), full)?),
                values: Box::new(TensorDescription::of(map.values(), full)?),
            },
            Value::Optional(inner) => {
                let inner = inner.as_deref().map(|value| Self::of(value, full));
                Self::Optional { value: inner.transpose()?.map(Box::new) }
            }
        })
    }
}

impl TensorDescription {
    fn of(tensor: &Tensor, full: bool) -> Result<Self> {
        let elements = Elements::of(tensor)?;
        let range = Range::of(&elements);
        let take = |count| elements.iter().take(count).map(Scalar::json).collect();
        Ok(Self {
            dtype: tensor.dtype(),
            shape: tensor.shape().clone(),
            min: range.min.map(Scalar::json),
            max: range.max.map(Scalar::json),
            mean: range.mean.map(|mean| Scalar::Float(mean, DType::F64).json()),
            nan_count: range.nan_count,
            first: (!full).then(|| take(FIRST)),
            data: full.then(|| take(elements.len())),
        })
    }
}

/// Every element, in brackets that follow the shape, one innermost list a line.
pub fn full(tensor: &Tensor) -> Result<String> {
    let elements = Elements::of(tensor)?;
    let dims = tensor.shape().dims();
    let mut text = String::new();
    if dims.is_empty() || elements.len() == 0 {
        let only = elements.iter().next().map_or_else(|| "[]".to_string(), |scalar| scalar.to_string());
        return Ok(only);
    }
    // Elements in one list of each level, innermost first: where a list begins or ends, so do those inside it.
    let sizes: Vec<usize> = dims
        .iter()
        .rev()
        .scan(1, |size, dim| {
            *size *= dim;
            Some(*size)
        })
        .collect();
    for (index, scalar) in elements.iter().enumerate() {
        let opening = sizes.iter().filter(|size| index % **size == 0).count();
        if opening > 0 {
            if index > 0 {
                text.push_str(",\n");
            }
            text.push_str(&" ".repeat(if index == 0 { 0 } else { dims.len() - opening }));
            text.push_str(&"[".repeat(opening));
        } else {
            text.push_str(", ");
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{scalar}");
        text.push_str(&"]".repeat(sizes.iter().filter(|size| (index + 1) % **size == 0).count()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ranges_leave_nan_out() {
        let tensor = Tensor::from_vec([4], vec![1.0_f32, f32::NAN, -3.0, 5.0]).unwrap();
        let elements = Elements::of(&tensor).unwrap();
        let float = |value| Some(Scalar::Float(value, DType::F32));
        let expected = Range { min: float(-3.0), max: float(5.0), mean: Some(1.0), nan_count: 1 };
        assert_eq!(Range::of(&elements), expected);
        let empty = Tensor::from_vec([0], Vec::<i32>::new()).unwrap();
        assert_eq!(Range::of(&Elements::of(&empty).unwrap()), Range::default());
    }

    #[test]
    fn everything_is_printed_in_its_shape() {
        let tensor = Tensor::from_vec([2, 2, 2], (0..8_i64).collect()).unwrap();
        assert_eq!(full(&tensor).unwrap(), "[[[0, 1],\n  [2, 3]],\n [[4, 5],\n  [6, 7]]]");
        let scalar = Tensor::from_vec([], vec![1.5_f32]).unwrap();
        assert_eq!(full(&scalar).unwrap(), "1.5");
        let empty = Tensor::from_vec([2, 0], Vec::<f32>::new()).unwrap();
        assert_eq!(full(&empty).unwrap(), "[]");
    }

    #[test]
    fn json_keeps_what_numbers_cannot_say() {
        let tensor = Tensor::from_vec([3], vec![0.1_f32, f32::NAN, f32::INFINITY]).unwrap();
        let describe = |tensor: Tensor, full| json!(Description::of(&tensor.into(), full).unwrap());
        let object = describe(tensor, true);
        assert_eq!((&object["kind"], &object["data"]), (&json!("tensor"), &json!([0.1, "NaN", "Infinity"])));
        assert_eq!(object["min"], json!(0.1));
        assert_eq!(object["max"], json!("Infinity"));
        let wide = Tensor::from_vec([1], vec![u64::MAX]).unwrap();
        let wide = describe(wide, false);
        assert_eq!((&wide["first"], &wide["max"]), (&json!([u64::MAX]), &json!(u64::MAX)));
    }
}
