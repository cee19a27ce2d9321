//! Values as the cases write them: from JSON, and compared with what a run gave.

use half::{bf16, f16};
use ortlet::tensor::{
    DType, Element, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, Map, Tensor, Value, pack, unpack,
};
use serde_json::Value as Json;

use super::Values;
use super::case::Named;

/// Values by name.
pub fn read_all(named: &Named) -> Result<Values, String> {
    let read = |(name, json): (&String, &Json)| Ok((name.clone(), read(json)?));
    named.iter().map(read).collect()
}

fn read(json: &Json) -> Result<Value, String> {
    if let Some(elements) = json.get("sequence").and_then(Json::as_array) {
        return Ok(Value::Sequence(elements.iter().map(read).collect::<Result<_, _>>()?));
    }
    if let Some(map) = json.get("map") {
        let map = Map::new(tensor(&map["keys"])?, tensor(&map["values"])?);
        return Ok(Value::Map(map.map_err(|error| error.to_string())?));
    }
    match json.get("optional") {
        Some(Json::Null) => Ok(Value::Optional(None)),
        Some(inner) => Ok(Value::Optional(Some(Box::new(read(inner)?)))),
        None => Ok(Value::Tensor(tensor(json)?)),
    }
}

/// A tensor.
pub fn tensor(json: &Json) -> Result<Tensor, String> {
    let wrong = |what: &str| format!("{what} of {json}");
    let dtype = json["dtype"].as_str().and_then(DType::from_name).ok_or_else(|| wrong("dtype"))?;
    let shape: Vec<usize> = serde_json::from_value(json["shape"].clone()).map_err(|_| wrong("shape"))?;
    let data = json["data"].as_array().ok_or_else(|| wrong("data"))?;
    let made = match dtype {
        DType::String => {
            let texts = data.iter().map(|text| text.as_str().map(str::to_owned));
            let texts = texts.collect::<Option<_>>().ok_or_else(|| wrong("data"))?;
            Tensor::from_strings(shape, texts)
        }
        DType::Bool => numbers(shape, data, Json::as_bool),
        DType::F32 => numbers(shape, data, |json| Some(float(json)? as f32)),
        DType::F64 => numbers(shape, data, float),
        DType::F16 => numbers(shape, data, |json| Some(f16::from_f64(float(json)?))),
        DType::BF16 => numbers(shape, data, |json| Some(bf16::from_f64(float(json)?))),
        DType::F8E4M3FN => numbers(shape, data, |json| Some(F8E4M3FN::from_f32(float(json)? as f32))),
        DType::F8E4M3FNUZ => numbers(shape, data, |json| Some(F8E4M3FNUZ::from_f32(float(json)? as f32))),
        DType::F8E5M2 => numbers(shape, data, |json| Some(float8_e5m2(float(json)?))),
        DType::F8E5M2FNUZ => numbers(shape, data, |json| Some(F8E5M2FNUZ::from_f32(float(json)? as f32))),
        DType::I8 => numbers(shape, data, whole::<i8>),
        DType::I16 => numbers(shape, data, whole::<i16>),
        DType::I32 => numbers(shape, data, whole::<i32>),
        DType::I64 => numbers(shape, data, whole::<i64>),
        DType::U8 => numbers(shape, data, whole::<u8>),
        DType::U16 => numbers(shape, data, whole::<u16>),
        DType::U32 => numbers(shape, data, whole::<u32>),
        DType::U64 => numbers(shape, data, whole::<u64>),
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => {
            return packed(dtype, shape, data).ok_or_else(|| wrong("data"));
        }
        _ => return Err(wrong("dtype without a form in this suite")),
    };
    made.map_err(|error| error.to_string())
}

/// A tensor of as many elements as have the right form; fewer do not fit the shape.
fn numbers<T: Element>(
    shape: Vec<usize>,
    data: &[Json],
    read: impl Fn(&Json) -> Option<T>,
) -> ortlet::Result<Tensor> {
    Tensor::from_vec(shape, data.iter().map_while(read).collect())
}

fn packed(dtype: DType, shape: Vec<usize>, data: &[Json]) -> Option<Tensor> {
    let values: Vec<u8> = data.iter().map(|json| Some(json.as_i64()? as u8)).collect::<Option<_>>()?;
    Tensor::from_bytes(dtype, shape, &pack(dtype, &values).ok()?).ok()
}

/// The only one of the 8-bit types with infinities.
fn float8_e5m2(value: f64) -> F8E5M2 {
    let infinity = |sign: u8| F8E5M2(sign | 0x7c);
    if value.is_infinite() { infinity(u8::from(value < 0.0) << 7) } else { F8E5M2::from_f32(value as f32) }
}

fn float(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(_) => None,
        None => json.as_f64(),
    }
}

/// A whole number, or its digits where a float of 64 bits could not hold it.
fn whole<T: TryFrom<i128>>(json: &Json) -> Option<T> {
    let number = match json {
        Json::String(digits) => digits.parse().ok()?,
        Json::Number(number) => number.as_i128()?,
        _ => return None,
    };
    T::try_from(number).ok()
}

/// Whether there are exactly the expected values.
pub fn check_all(actual: &Values, expected: &Named, tolerance: f64) -> Result<(), String> {
    for (name, value) in actual {
        let expected = expected.get(name).ok_or_else(|| format!("output `{name}` is not expected"))?;
        check(value, &read(expected)?, tolerance).map_err(|what| format!("output `{name}`: {what}"))?;
    }
    match expected.keys().find(|name| !actual.iter().any(|(own, _)| own == *name)) {
        None => Ok(()),
        Some(name) => Err(format!("there is no output `{name}`")),
    }
}

fn check(actual: &Value, expected: &Value, tolerance: f64) -> Result<(), String> {
    match (actual, expected) {
        (Value::Tensor(actual), Value::Tensor(expected)) => check_tensor(actual, expected, tolerance),
        (Value::Sequence(actual), Value::Sequence(expected)) if actual.len() == expected.len() => {
            actual.iter().zip(expected).try_for_each(|(actual, expected)| check(actual, expected, tolerance))
        }
        (Value::Map(actual), Value::Map(expected)) => {
            check_tensor(actual.keys(), expected.keys(), 0.0)?;
            check_tensor(actual.values(), expected.values(), tolerance)
        }
        (Value::Optional(None), Value::Optional(None)) => Ok(()),
        // A binding may give what is there as it is.
        (Value::Optional(Some(actual)), expected) => check(actual, expected, tolerance),
        (actual, Value::Optional(Some(expected))) => check(actual, expected, tolerance),
        _ => Err(format!("is {actual}, expected {expected}")),
    }
}

/// Whether two tensors are the same, floats within the tolerance.
pub fn check_tensor(actual: &Tensor, expected: &Tensor, tolerance: f64) -> Result<(), String> {
    if (actual.dtype(), actual.shape()) != (expected.dtype(), expected.shape()) {
        return Err(format!("is {actual}, expected {expected}"));
    }
    let (own, wanted) = (elements(actual), elements(expected));
    match own.iter().zip(&wanted).position(|(own, wanted)| !own.is_near(wanted, tolerance)) {
        None => Ok(()),
        Some(at) => Err(format!("element {at} is {:?}, expected {:?}; all: {own:?}", own[at], wanted[at])),
    }
}

#[derive(Debug)]
enum Scalar {
    Float(f64),
    Whole(i128),
    Text(String),
}

impl Scalar {
    fn is_near(&self, expected: &Self, tolerance: f64) -> bool {
        match (self, expected) {
            (Self::Float(own), Self::Float(expected)) => {
                let is_close =
                    || (own - expected).abs() <= tolerance * expected.abs().max(1.0) && expected.is_finite();
                own == expected || (own.is_nan() && expected.is_nan()) || is_close()
            }
            (Self::Whole(own), Self::Whole(expected)) => own == expected,
            (Self::Text(own), Self::Text(expected)) => own == expected,
            _ => false,
        }
    }
}

fn elements(tensor: &Tensor) -> Vec<Scalar> {
    match tensor.dtype() {
        DType::String => tensor.as_strings().unwrap().iter().cloned().map(Scalar::Text).collect(),
        DType::Bool => each(tensor, |value: bool| Scalar::Whole(value.into())),
        DType::F32 => each(tensor, |value: f32| Scalar::Float(value.into())),
        DType::F64 => each(tensor, Scalar::Float),
        DType::F16 => each(tensor, |value: f16| Scalar::Float(value.into())),
        DType::BF16 => each(tensor, |value: bf16| Scalar::Float(value.into())),
        DType::F8E4M3FN => each(tensor, |value: F8E4M3FN| Scalar::Float(value.to_f32().into())),
        DType::F8E4M3FNUZ => each(tensor, |value: F8E4M3FNUZ| Scalar::Float(value.to_f32().into())),
        DType::F8E5M2 => each(tensor, |value: F8E5M2| Scalar::Float(value.to_f32().into())),
        DType::F8E5M2FNUZ => each(tensor, |value: F8E5M2FNUZ| Scalar::Float(value.to_f32().into())),
        DType::I8 => each(tensor, |value: i8| Scalar::Whole(value.into())),
        DType::I16 => each(tensor, |value: i16| Scalar::Whole(value.into())),
        DType::I32 => each(tensor, |value: i32| Scalar::Whole(value.into())),
        DType::I64 => each(tensor, |value: i64| Scalar::Whole(value.into())),
        DType::U8 => each(tensor, |value: u8| Scalar::Whole(value.into())),
        DType::U16 => each(tensor, |value: u16| Scalar::Whole(value.into())),
        DType::U32 => each(tensor, |value: u32| Scalar::Whole(value.into())),
        DType::U64 => each(tensor, |value: u64| Scalar::Whole(value.into())),
        DType::I4 | DType::U4 | DType::I2 | DType::U2 => unpacked(tensor),
        other => panic!("{other} has no form in this suite"),
    }
}

fn each<T: Element>(tensor: &Tensor, scalar: impl Fn(T) -> Scalar) -> Vec<Scalar> {
    tensor.as_slice::<T>().unwrap().iter().copied().map(scalar).collect()
}

fn unpacked(tensor: &Tensor) -> Vec<Scalar> {
    let count = tensor.shape().element_count().unwrap();
    let values = unpack(tensor.dtype(), tensor.bytes().unwrap(), count).unwrap();
    let is_signed = matches!(tensor.dtype(), DType::I4 | DType::I2);
    let scalar = |value: u8| if is_signed { i128::from(value as i8) } else { i128::from(value) };
    values.into_iter().map(|value| Scalar::Whole(scalar(value))).collect()
}
