//! Everything that can be an input or output of a model, and the declared types of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::tensor::{DType, SymbolicShape, Tensor, TensorView};
use crate::{Error, Result};

/// An input or output of a model. Nearly always a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A tensor.
    Tensor(Tensor),
    /// Values of one type, in order.
    Sequence(Vec<Value>),
    /// Keys with a value each.
    Map(Map),
    /// A value, or nothing.
    Optional(Option<Box<Value>>),
}

impl Value {
    /// The tensor.
    ///
    /// # Errors
    /// `tensor_mismatch` if this is another kind of value.
    pub fn as_tensor(&self) -> Result<&Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            Self::Optional(Some(value)) => value.as_tensor(),
            other => Err(Error::tensor_mismatch("value", "a tensor", other.kind())),
        }
    }

    /// The tensor, by value.
    ///
    /// # Errors
    /// As [`Value::as_tensor`].
    pub fn into_tensor(self) -> Result<Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            Self::Optional(Some(value)) => value.into_tensor(),
            other => Err(Error::tensor_mismatch("value", "a tensor", other.kind())),
        }
    }

    /// The kind in a word: `tensor`, `sequence`, `map` or `optional`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Tensor(_) => "tensor",
            Self::Sequence(_) => "sequence",
            Self::Map(_) => "map",
            Self::Optional(_) => "optional",
        }
    }
}

impl From<Tensor> for Value {
    fn from(tensor: Tensor) -> Self {
        Self::Tensor(tensor)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor(tensor) => tensor.fmt(f),
            Self::Sequence(values) => write!(f, "sequence of {}", values.len()),
            Self::Map(map) => map.fmt(f),
            Self::Optional(Some(value)) => write!(f, "optional({value})"),
            Self::Optional(None) => f.write_str("optional(none)"),
        }
    }
}

/// Keys with a value each, as ONNX's ML operators make them: two tensors of one dimension and the same length.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    keys: Tensor,
    values: Tensor,
}

impl Map {
    /// A map of these keys (int64 or string) and values.
    ///
    /// # Errors
    /// `tensor_mismatch` if the two are not of one dimension and the same length.
    pub fn new(keys: Tensor, values: Tensor) -> Result<Self> {
        if keys.shape().rank() != 1 || keys.shape() != values.shape() {
            return Err(Error::tensor_mismatch(
                "map",
                "keys and values of one length",
                format!("{keys}, {values}"),
            ));
        }
        Ok(Self { keys, values })
    }

    /// The keys.
    pub fn keys(&self) -> &Tensor {
        &self.keys
    }

    /// The values, in the order of the keys.
    pub fn values(&self) -> &Tensor {
        &self.values
    }
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "map({}, {}) of {}", self.keys.dtype(), self.values.dtype(), self.keys.shape()[0])
    }
}

/// An input as it is handed to a run: borrowed from the caller.
#[derive(Clone, Debug)]
pub enum ValueView<'a> {
    /// A tensor in the caller's memory.
    Tensor(TensorView<'a>),
    /// Any value.
    Value(&'a Value),
}

impl<'a> From<TensorView<'a>> for ValueView<'a> {
    fn from(view: TensorView<'a>) -> Self {
        Self::Tensor(view)
    }
}

impl<'a> From<&'a Tensor> for ValueView<'a> {
    fn from(tensor: &'a Tensor) -> Self {
        Self::Tensor(tensor.view())
    }
}

impl<'a> From<&'a Value> for ValueView<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Tensor(tensor) => tensor.into(),
            other => Self::Value(other),
        }
    }
}

impl fmt::Display for ValueView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor(view) => view.fmt(f),
            Self::Value(value) => value.fmt(f),
        }
    }
}

/// The declared type of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ValueType {
    /// A tensor.
    Tensor {
        /// Element type.
        dtype: DType,
        /// Declared dimensions.
        shape: SymbolicShape,
    },
    /// A tensor that stores only its nonzero elements. Ortlet cannot run these.
    SparseTensor {
        /// Element type.
        dtype: DType,
        /// Declared dimensions.
        shape: SymbolicShape,
    },
    /// Values of one type, in order.
    Sequence {
        /// Type of the elements.
        element: Box<ValueType>,
    },
    /// Keys with a value each.
    Map {
        /// Type of the keys.
        key: DType,
        /// Type of the values.
        value: Box<ValueType>,
    },
    /// A value, or nothing.
    Optional {
        /// Type of the value.
        element: Box<ValueType>,
    },
    /// A type that only its own operators know. Ortlet cannot run these.
    Opaque,
    /// The model does not say, or not in terms that Ortlet knows.
    Unknown,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor { dtype, shape } => write!(f, "{dtype}{shape}"),
            Self::SparseTensor { dtype, shape } => write!(f, "sparse({dtype}{shape})"),
            Self::Sequence { element } => write!(f, "sequence({element})"),
            Self::Map { key, value } => write!(f, "map({key}, {value})"),
            Self::Optional { element } => write!(f, "optional({element})"),
            Self::Opaque => f.write_str("opaque"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Name and declared type of an input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ValueInfo {
    /// Its name.
    pub name: String,
    /// Its declared type.
    #[serde(flatten)]
    pub value_type: ValueType,
}

impl fmt::Display for ValueInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_well() {
        let tensor = ValueType::Tensor { dtype: DType::F32, shape: SymbolicShape::unranked() };
        let map = ValueType::Map { key: DType::I64, value: Box::new(tensor) };
        let info = ValueInfo { name: "p".into(), value_type: ValueType::Sequence { element: Box::new(map) } };
        assert_eq!(info.to_string(), "p: sequence(map(int64, float32[...]))");
        let json = serde_json::to_string(&info).unwrap();
        assert_eq!(serde_json::from_str::<ValueInfo>(&json).unwrap(), info);
    }

    #[test]
    fn values_give_their_tensor_or_say_what_they_are() {
        let tensor = Tensor::from_vec([1], vec![1_i64]).unwrap();
        let some = Value::Optional(Some(Box::new(tensor.clone().into())));
        assert_eq!(some.as_tensor().unwrap(), &tensor);
        assert_eq!(
            Value::Sequence(vec![]).into_tensor().unwrap_err().to_string(),
            "tensor `value`: expected a tensor, got sequence"
        );
        assert!(Map::new(tensor.clone(), Tensor::from_vec([2], vec![1.0_f32, 2.0]).unwrap()).is_err());
        assert_eq!(Map::new(tensor.clone(), tensor).unwrap().to_string(), "map(int64, int64) of 1");
    }
}
