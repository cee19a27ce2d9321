//! Types of values: tensors with their dimensions, sequences, maps, optionals.

use serde::{Deserialize, Serialize};

use super::UnknownFields;
use super::encode::{Sizes, Write, Writer};
use super::field::{Field, messages};
use super::wire::{Message, Read, Reader, Tag};
use crate::Result;
use crate::tensor::{DType, Dim, SymbolicShape, ValueType};

messages! {
    /// Element type and shape of a tensor, dense or sparse.
    pub struct TensorTypeProto {
        /// Number of the element type, see [`DType::from_onnx`](crate::tensor::DType::from_onnx).
        pub elem_type: Option<i32> = 1,
        /// The dimensions; absent if even their number is unknown.
        pub shape: Option<TensorShapeProto> = 2,
    }

    /// The dimensions of a tensor.
    pub struct TensorShapeProto {
        /// One for each axis; none for a scalar.
        pub dim: Vec<DimensionProto> = 1,
    }

    /// Type of what a sequence or an optional holds.
    pub struct ElementTypeProto {
        /// The type.
        pub elem_type: Option<Box<TypeProto>> = 1,
    }

    /// Types of the keys and values of a map.
    pub struct MapTypeProto {
        /// Number of the keys' element type.
        pub key_type: Option<i32> = 1,
        /// The values' type.
        pub value_type: Option<Box<TypeProto>> = 2,
    }

    /// A type that only a custom domain knows.
    pub struct OpaqueTypeProto {
        /// The domain.
        pub domain: Option<String> = 1,
        /// Name of the type.
        pub name: Option<String> = 2,
    }
}

/// Type of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TypeProto {
    /// The type; `None` if it is missing, or a kind that Ortlet does not know.
    pub value: Option<TypeValue>,
    /// What the value means, for example `IMAGE`.
    pub denotation: Option<String>,
    /// Fields of this message that Ortlet does not know.
    pub unknown: UnknownFields,
}

/// The kinds of type.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeValue {
    /// A tensor.
    Tensor(TensorTypeProto),
    /// A sequence of values of one type.
    Sequence(ElementTypeProto),
    /// A map.
    Map(MapTypeProto),
    /// A type of a custom domain.
    Opaque(OpaqueTypeProto),
    /// A sparse tensor.
    SparseTensor(TensorTypeProto),
    /// A value that may be absent.
    Optional(ElementTypeProto),
}

const TENSOR: u32 = 1;
const SEQUENCE: u32 = 4;
const MAP: u32 = 5;
const DENOTATION: u32 = 6;
const OPAQUE: u32 = 7;
const SPARSE_TENSOR: u32 = 8;
const OPTIONAL: u32 = 9;

/// Reads one case of a `oneof`: the same case again is merged, another one replaces what was there.
macro_rules! read_case {
    ($self:ident, $tag:ident, $reader:ident, $variant:ident, $name:literal) => {{
        let mut case = match $self.value.take() {
            Some(TypeValue::$variant(case)) => Some(case),
            other => {
                $self.value = other;
                None
            }
        };
        let known = case.read($tag, $reader, $name)?;
        if let Some(case) = case {
            $self.value = Some(TypeValue::$variant(case));
        }
        Ok(known)
    }};
}

impl Message for TypeProto {}

impl Read for TypeProto {
    fn read_field(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<bool> {
        match tag.number {
            TENSOR => read_case!(self, tag, reader, Tensor, "tensor_type"),
            SEQUENCE => read_case!(self, tag, reader, Sequence, "sequence_type"),
            MAP => read_case!(self, tag, reader, Map, "map_type"),
            DENOTATION => self.denotation.read(tag, reader, "denotation"),
            OPAQUE => read_case!(self, tag, reader, Opaque, "opaque_type"),
            SPARSE_TENSOR => read_case!(self, tag, reader, SparseTensor, "sparse_tensor_type"),
            OPTIONAL => read_case!(self, tag, reader, Optional, "optional_type"),
            _ => Ok(false),
        }
    }

    fn unknown(&mut self) -> &mut UnknownFields {
        &mut self.unknown
    }
}

impl TypeProto {
    /// The kind's number and its message, to be written.
    fn case(&self) -> Option<(u32, &dyn Write)> {
        Some(match self.value.as_ref()? {
            TypeValue::Tensor(case) => (TENSOR, case),
            TypeValue::Sequence(case) => (SEQUENCE, case),
            TypeValue::Map(case) => (MAP, case),
            TypeValue::Opaque(case) => (OPAQUE, case),
            TypeValue::SparseTensor(case) => (SPARSE_TENSOR, case),
            TypeValue::Optional(case) => (OPTIONAL, case),
        })
    }
}

impl Write for TypeProto {
    fn size(&self, sizes: &mut Sizes) -> u64 {
        self.case().map_or(0, |(number, case)| sizes.message(number, case))
            + self.denotation.size(DENOTATION, sizes)
            + self.unknown.size()
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        let case = self.case();
        if let Some((number, case)) = case.filter(|(number, _)| *number < DENOTATION) {
            out.message_field(number, case)?;
        }
        self.denotation.write(DENOTATION, out)?;
        if let Some((number, case)) = case.filter(|(number, _)| *number > DENOTATION) {
            out.message_field(number, case)?;
        }
        self.unknown.write(out)
    }
}

/// One dimension of a shape. In JSON: a number, a text, or `null`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// A fixed number of elements.
    Value(i64),
    /// A named dimension, known when the model runs; equal names mean equal sizes.
    Param(String),
    /// Nothing is known.
    #[default]
    Unknown,
}

const DIM_VALUE: u32 = 1;
const DIM_PARAM: u32 = 2;

/// One dimension of a shape, as stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DimensionProto {
    /// The dimension.
    pub value: Dimension,
    /// What the axis means, for example `DATA_BATCH`.
    pub denotation: Option<String>,
    /// Fields of this message that Ortlet does not know.
    pub unknown: UnknownFields,
}

impl From<Dimension> for DimensionProto {
    fn from(value: Dimension) -> Self {
        Self { value, ..Self::default() }
    }
}

impl DimensionProto {
    /// The two cases of the `oneof` as fields of their own.
    fn cases(&self) -> (Option<i64>, Option<&str>) {
        match &self.value {
            Dimension::Value(value) => (Some(*value), None),
            Dimension::Param(name) => (None, Some(name)),
            Dimension::Unknown => (None, None),
        }
    }
}

impl Message for DimensionProto {}

impl Read for DimensionProto {
    fn read_field(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<bool> {
        match tag.number {
            DIM_VALUE => {
                let mut value = None;
                let known = Field::read(&mut value, tag, reader, "dim_value")?;
                if let Some(value) = value {
                    self.value = Dimension::Value(value);
                    self.unknown.forget_text(DIM_PARAM);
                }
                Ok(known)
            }
            DIM_PARAM => {
                let mut name = None;
                let known = Field::read(&mut name, tag, reader, "dim_param")?;
                if reader.found_no_text {
                    self.value = Dimension::Unknown;
                }
                self.value = name.map_or(std::mem::take(&mut self.value), Dimension::Param);
                Ok(known)
            }
            3 => self.denotation.read(tag, reader, "denotation"),
            _ => Ok(false),
        }
    }

    fn unknown(&mut self) -> &mut UnknownFields {
        &mut self.unknown
    }
}

impl Write for DimensionProto {
    fn size(&self, sizes: &mut Sizes) -> u64 {
        let (value, name) = self.cases();
        value.size(DIM_VALUE, sizes)
            + name.map_or(0, |name| super::encode::len_size(DIM_PARAM, name.len() as u64))
            + self.denotation.size(3, sizes)
            + self.unknown.size()
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        let (value, name) = self.cases();
        value.write(DIM_VALUE, out)?;
        name.map_or(Ok(()), |name| out.bytes_field(DIM_PARAM, name.as_bytes()))?;
        self.denotation.write(3, out)?;
        self.unknown.write(out)
    }
}

impl TensorTypeProto {
    /// The dimensions, or `None` if even their number is unknown.
    pub fn dimensions(&self) -> Option<impl ExactSizeIterator<Item = &Dimension>> {
        self.shape.as_ref().map(|shape| shape.dim.iter().map(|dimension| &dimension.value))
    }
}

/// Some exporters write an empty name, or -1, for a dimension that they do not know.
impl From<&Dimension> for Dim {
    fn from(dimension: &Dimension) -> Self {
        match dimension {
            Dimension::Value(size) => usize::try_from(*size).map_or(Self::Unknown, Self::Fixed),
            Dimension::Param(name) if !name.is_empty() => Self::Symbol(name.clone()),
            Dimension::Param(_) | Dimension::Unknown => Self::Unknown,
        }
    }
}

/// What is missing, or beyond the element types that Ortlet knows, becomes [`ValueType::Unknown`].
impl From<&TypeProto> for ValueType {
    fn from(proto: &TypeProto) -> Self {
        let dtype = |number: Option<i32>| number.and_then(DType::from_onnx);
        let inner =
            |proto: &Option<Box<TypeProto>>| Box::new(proto.as_deref().map_or(Self::Unknown, Self::from));
        let known = match &proto.value {
            Some(TypeValue::Tensor(tensor)) => {
                dtype(tensor.elem_type).map(|dtype| Self::Tensor { dtype, shape: tensor.into() })
            }
            Some(TypeValue::SparseTensor(tensor)) => {
                dtype(tensor.elem_type).map(|dtype| Self::SparseTensor { dtype, shape: tensor.into() })
            }
            Some(TypeValue::Map(map)) => {
                dtype(map.key_type).map(|key| Self::Map { key, value: inner(&map.value_type) })
            }
            Some(TypeValue::Sequence(of)) => Some(Self::Sequence { element: inner(&of.elem_type) }),
            Some(TypeValue::Optional(of)) => Some(Self::Optional { element: inner(&of.elem_type) }),
            Some(TypeValue::Opaque(_)) => Some(Self::Opaque),
            None => None,
        };
        known.unwrap_or(Self::Unknown)
    }
}

impl From<&TensorTypeProto> for SymbolicShape {
    fn from(tensor: &TensorTypeProto) -> Self {
        match tensor.dimensions() {
            Some(dimensions) => Self::new(dimensions.map(Dim::from).collect()),
            None => Self::unranked(),
        }
    }
}
