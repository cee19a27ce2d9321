//! Single elements of tensors of every type: as numbers to be shown, and from text or numbers to bytes.

use std::borrow::Cow;
use std::fmt;

use half::{bf16, f16};
use num_complex::Complex;
use ortlet::tensor::{DType, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0, Tensor, pack, unpack};
use ortlet::{Error, Result};
use serde_json::json;

/// One element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'a> {
    Integer(i128),
    /// The exact value and, for text, the type that decides how many digits it takes.
    Float(f64, DType),
    Bool(bool),
    Complex(f64, f64),
    Text(&'a str),
}

impl Scalar<'_> {
    /// The value on the number line; none for text and complex numbers.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(value as f64),
            Self::Float(value, _) => Some(value),
            Self::Bool(value) => Some(f64::from(u8::from(value))),
            Self::Complex(..) | Self::Text(_) => None,
        }
    }

    /// As JSON; what JSON cannot say (NaN, infinities, complex numbers) as text.
    pub fn json(self) -> serde_json::Value {
        match self {
            Self::Integer(value) => {
                i64::try_from(value).map_or_else(|_| json!(value as u64), |value| json!(value))
            }
            Self::Float(value, _) if value.is_nan() => json!("NaN"),
            Self::Float(value, _) if value.is_infinite() => {
                json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
            }
            // The shortest text of a float32 says the same as its long float64 expansion.
            Self::Float(..) => self.to_string().parse().map_or(json!(null), |value: f64| json!(value)),
            Self::Bool(value) => json!(value),
            Self::Complex(..) => json!(self.to_string()),
            Self::Text(text) => json!(text),
        }
    }
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(f),
            Self::Float(value, DType::F64) => write!(f, "{value:?}"),
            Self::Float(value, DType::F32) => write!(f, "{:?}", *value as f32),
            Self::Float(value, _) => write!(f, "{value}"),
            Self::Bool(value) => value.fmt(f),
            Self::Complex(re, im) => write!(f, "{re}{im:+}j"),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// The elements of a tensor, by index.
pub struct Elements<'a> {
    dtype: DType,
    /// Packed types are unpacked to one byte each.
    bytes: Cow<'a, [u8]>,
    strings: &'a [String],
    len: usize,
}

impl<'a> Elements<'a> {
    /// The elements of this tensor.
    ///
    /// # Errors
    /// `limit_exceeded` if there are more than fit into memory, which no existing tensor has.
    pub fn of(tensor: &'a Tensor) -> Result<Self> {
        let (dtype, len) = (tensor.dtype(), tensor.shape().element_count()?);
        let bytes = match tensor.bytes().unwrap_or_default() {
            bytes if dtype.is_packed() => Cow::Owned(unpack(dtype, bytes, len)?),
            bytes => Cow::Borrowed(bytes),
        };
        let strings = tensor.as_strings().unwrap_or_default();
        Ok(Self { dtype, bytes, strings, len })
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// The elements in row-major order.
    pub fn iter(&self) -> impl Iterator<Item = Scalar<'_>> {
        (0..self.len).map(|index| self.get(index))
    }

    /// One element, counted in row-major order.
    pub fn get(&self, index: usize) -> Scalar<'_> {
        if let Some(text) = self.strings.get(index) {
            return Scalar::Text(text);
        }
        let size = self.dtype.bits().div_ceil(8) as usize;
        decode(self.dtype, &self.bytes[index * size..(index + 1) * size])
    }
}

/// Values of the 4-bit float without its sign bit.
const FLOAT4: [f64; 8] = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];

fn decode(dtype: DType, bytes: &[u8]) -> Scalar<'static> {
    fn read<T: bytemuck::AnyBitPattern>(bytes: &[u8]) -> T {
        bytemuck::pod_read_unaligned(bytes)
    }
    let float = |value: f32| Scalar::Float(f64::from(value), dtype);
    match dtype {
        DType::F32 => float(read(bytes)),
        DType::F64 => Scalar::Float(read(bytes), dtype),
        DType::F16 => float(read::<f16>(bytes).to_f32()),
        DType::BF16 => float(read::<bf16>(bytes).to_f32()),
        DType::F8E4M3FN => float(F8E4M3FN(bytes[0]).to_f32()),
        DType::F8E4M3FNUZ => float(F8E4M3FNUZ(bytes[0]).to_f32()),
        DType::F8E5M2 => float(F8E5M2(bytes[0]).to_f32()),
        DType::F8E5M2FNUZ => float(F8E5M2FNUZ(bytes[0]).to_f32()),
        DType::F8E8M0 => float(F8E8M0(bytes[0]).to_f32()),
        DType::F4E2M1 => {
            let magnitude = FLOAT4[usize::from(bytes[0] & 7)];
            Scalar::Float(if bytes[0] & 8 == 0 { magnitude } else { -magnitude }, dtype)
        }
        DType::Bool => Scalar::Bool(bytes[0] != 0),
        DType::I8 | DType::I4 | DType::I2 => Scalar::Integer(i128::from(bytes[0] as i8)),
        DType::U8 | DType::U4 | DType::U2 => Scalar::Integer(i128::from(bytes[0])),
        DType::I16 => Scalar::Integer(i128::from(read::<i16>(bytes))),
        DType::U16 => Scalar::Integer(i128::from(read::<u16>(bytes))),
        DType::I32 => Scalar::Integer(i128::from(read::<i32>(bytes))),
        DType::U32 => Scalar::Integer(i128::from(read::<u32>(bytes))),
        DType::I64 => Scalar::Integer(i128::from(read::<i64>(bytes))),
        DType::U64 => Scalar::Integer(i128::from(read::<u64>(bytes))),
        DType::Complex64 => {
            let value: Complex<f32> = read(bytes);
            Scalar::Complex(f64::from(value.re), f64::from(value.im))
        }
        DType::Complex128 => {
            let value: Complex<f64> = read(bytes);
            Scalar::Complex(value.re, value.im)
        }
        _ => Scalar::Text(""),
    }
}

/// Collects elements of one type, one after the other, into a tensor.
pub struct Encoder {
    dtype: DType,
    /// One byte each for packed types.
    bytes: Vec<u8>,
}

impl Encoder {
    /// For `count` elements of this type, which must not be text.
    pub fn new(dtype: DType, count: usize) -> Self {
        Self { dtype, bytes: Vec::with_capacity(count * dtype.bits().div_ceil(8) as usize) }
    }

    /// Adds the element that a text such as `-1`, `2.5e3`, `nan`, `true` or `1+2j` says.
    ///
    /// # Errors
    /// `invalid_argument` if it is no such number or does not fit into the type.
    pub fn text(&mut self, text: &str) -> Result<()> {
        match self.dtype {
            DType::Bool => self.bytes.push(parse_bool(text).ok_or_else(|| unfit(text, self.dtype))?.into()),
            DType::Complex64 | DType::Complex128 => {
                let value: Complex<f64> = text.parse().map_err(|_| unfit(text, self.dtype))?;
                self.complex(value.re, value.im);
            }
            // Straight from text, because rounding twice can miss the nearest value.
            DType::F32 => {
                let value: f32 = text.parse().map_err(|_| unfit(text, self.dtype))?;
                let overflow = value.is_infinite() && !text.contains(['i', 'I']);
                self.bytes.extend(if overflow {
                    Err(unfit(text, self.dtype))
                } else {
                    Ok(value.to_le_bytes())
                }?);
            }
            dtype if dtype.is_float() => {
                let value: f64 = text.parse().map_err(|_| unfit(text, dtype))?;
                self.float(value).ok_or_else(|| unfit(text, dtype))?;
            }
            dtype => {
                let value = parse_integer(text).ok_or_else(|| unfit(text, dtype))?;
                self.integer(value).ok_or_else(|| unfit(text, dtype))?;
            }
        }
        Ok(())
    }

    /// Adds a floating-point element; `None` if a finite value is beyond the type's range or it is another type.
    pub fn float(&mut self, value: f64) -> Option<()> {
        macro_rules! float8 {
            ($type:ty) => {{
                let most = f64::from(<$type>::from_f32(f32::MAX).to_f32());
                let element = <$type>::from_f32(value as f32);
                // Infinities saturate where the format has none; finite values must be within it.
                self.bytes.push(element.0);
                (value.is_infinite() || value.is_nan() || value.abs() <= most).then_some(())
            }};
        }
        let mut put = |bytes: &[u8], finite: bool| {
            self.bytes.extend_from_slice(bytes);
            (finite || !value.is_finite()).then_some(())
        };
        match self.dtype {
            DType::F32 => put(&(value as f32).to_le_bytes(), (value as f32).is_finite()),
            DType::F64 => put(&value.to_le_bytes(), true),
            DType::F16 => put(&f16::from_f64(value).to_le_bytes(), f16::from_f64(value).is_finite()),
            DType::BF16 => put(&bf16::from_f64(value).to_le_bytes(), bf16::from_f64(value).is_finite()),
            DType::F8E4M3FN => float8!(F8E4M3FN),
            DType::F8E4M3FNUZ => float8!(F8E4M3FNUZ),
            DType::F8E5M2 => float8!(F8E5M2),
            DType::F8E5M2FNUZ => float8!(F8E5M2FNUZ),
            DType::F8E8M0 => put(&[float8_scale(value)?], true),
            DType::F4E2M1 => put(&[float4(value)?], true),
            _ => None,
        }
    }

    /// Adds an integer element; `None` if it is beyond the type's range or it is another type.
    pub fn integer(&mut self, value: i128) -> Option<()> {
        let bits = self.dtype.bits();
        let signed =
            matches!(self.dtype, DType::I64 | DType::I32 | DType::I16 | DType::I8 | DType::I4 | DType::I2);
        let range = match signed {
            true => -(1_i128 << (bits - 1))..1 << (bits - 1),
            false => 0..1_i128 << bits,
        };
        let size = bits.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&value.to_le_bytes()[..size]);
        range.contains(&value).then_some(())
    }

    /// Adds a complex element.
    pub fn complex(&mut self, re: f64, im: f64) {
        match self.dtype {
            DType::Complex64 => {
                [re, im].iter().for_each(|part| self.bytes.extend((*part as f32).to_le_bytes()));
            }
            _ => [re, im].iter().for_each(|part| self.bytes.extend(part.to_le_bytes())),
        }
    }

    /// Adds a boolean element.
    pub fn boolean(&mut self, value: bool) {
        self.bytes.push(value.into());
    }

    /// The tensor of what was added.
    ///
    /// # Errors
    /// `tensor_mismatch` if that is not as many elements as the shape needs.
    pub fn finish(self, shape: ortlet::tensor::Shape) -> Result<Tensor> {
        match self.dtype.is_packed() {
            true => Tensor::from_bytes(self.dtype, shape, &pack(self.dtype, &self.bytes)?),
            false => Tensor::from_bytes(self.dtype, shape, &self.bytes),
        }
    }
}

fn unfit(text: &str, dtype: DType) -> Error {
    Error::invalid_argument("value", format!("`{text}` is no {dtype} or beyond its range"))
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    }
}

/// Integers, also as `1e3` or `2.0` if that is exact.
fn parse_integer(text: &str) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let whole = |value: &f64| value.fract() == 0.0 && value.abs() <= EXACT;
    text.parse().ok().or_else(|| text.parse::<f64>().ok().filter(whole).map(|value| value as i128))
}

/// The code of a power of two, or of NaN.
fn float8_scale(value: f64) -> Option<u8> {
    (0..=u8::MAX).find(|code| {
        let candidate = f64::from(F8E8M0(*code).to_f32());
        candidate == value || candidate.is_nan() && value.is_nan()
    })
}

/// The code of the nearest 4-bit float, the even one of two.
fn float4(value: f64) -> Option<u8> {
    if value.is_nan() || value.abs() > FLOAT4[7] {
        return None;
    }
    let distance = |code: &u8| (FLOAT4[usize::from(*code)] - value.abs()).abs();
    let nearest = (0..8_u8).min_by(|a, b| distance(a).total_cmp(&distance(b)).then((a & 1).cmp(&(b & 1))))?;
    Some(if value.is_sign_negative() { nearest | 8 } else { nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(dtype: DType, text: &str) -> Result<String> {
        let mut encoder = Encoder::new(dtype, 1);
        encoder.text(text)?;
        let tensor = encoder.finish([1].into())?;
        Ok(Elements::of(&tensor)?.get(0).to_string())
    }

    #[test]
    fn texts_become_elements_of_every_type() {
        for (dtype, text, shown) in [
            (DType::F32, "0.1", "0.1"),
            (DType::F32, "-inf", "-inf"),
            (DType::F64, "1e300", "1e300"),
            (DType::F16, "0.5", "0.5"),
            (DType::BF16, "nan", "NaN"),
            (DType::F8E4M3FN, "448", "448"),
            (DType::F8E8M0, "0.25", "0.25"),
            (DType::F4E2M1, "-6", "-6"),
            (DType::F4E2M1, "2.5", "2"),
            (DType::I64, "-9223372036854775808", "-9223372036854775808"),
            (DType::U64, "18446744073709551615", "18446744073709551615"),
            (DType::I32, "1e3", "1000"),
            (DType::I4, "-8", "-8"),
            (DType::U2, "3", "3"),
            (DType::Bool, "True", "true"),
            (DType::Complex64, "1-2j", "1-2j"),
        ] {
            assert_eq!(through(dtype, text).unwrap(), shown, "{dtype} {text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (dtype, text) in [
            (DType::F32, "1e39"),
            (DType::F16, "65536"),
            (DType::F8E4M3FN, "449"),
            (DType::F8E8M0, "3"),
            (DType::F4E2M1, "7"),
            (DType::I8, "128"),
            (DType::U8, "-1"),
            (DType::I4, "8"),
            (DType::I64, "9223372036854775808"),
            (DType::I32, "1.5"),
            (DType::I32, "nan"),
            (DType::Bool, "2"),
            (DType::F32, "one"),
            (DType::F32, ""),
        ] {
            assert!(through(dtype, text).is_err(), "{dtype} {text}");
        }
    }
}
