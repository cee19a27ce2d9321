//! Declared inputs and outputs of a session.

use std::ffi::{CString, c_char};

use ortlet::tensor::{Dim, ValueInfo, ValueType};

use crate::tensor::{number, ortlet_dtype};
use crate::value::{
    ORTLET_KIND_MAP, ORTLET_KIND_OPTIONAL, ORTLET_KIND_SEQUENCE, ORTLET_KIND_TENSOR, ortlet_kind,
};

/// A declared input or output. Everything in it belongs to the session.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ortlet_value_info {
    /// Its name.
    pub name: *const c_char,
    /// Its type in words, for example `float32[batch, 3, 224, 224]`.
    pub type_text: *const c_char,
    /// The dimensions, outermost first: -1 where any size will do; `NULL` if the number of dimensions is not declared,
    /// or it is no tensor.
    pub shape: *const i64,
    /// The names of the dimensions, for example `batch`; `NULL` for those without a name.
    pub symbols: *const *const c_char,
    /// How many dimensions there are.
    pub rank: usize,
    /// What it is; 0 if Ortlet cannot run it.
    pub kind: ortlet_kind,
    /// The type of the elements; 0 if it is no tensor.
    pub dtype: ortlet_dtype,
}

/// What is declared, in a form that can be lent to C.
pub(crate) struct Declared {
    name: CString,
    type_text: CString,
    shape: Option<Vec<i64>>,
    /// Kept for the pointers in `symbols`.
    _names: Vec<Option<CString>>,
    symbols: Pointers,
    kind: ortlet_kind,
    dtype: ortlet_dtype,
}

/// Pointers to texts that lie beside them.
struct Pointers(Vec<*const c_char>);

// SAFETY: they lead to texts that nobody changes and that live as long.
unsafe impl Send for Pointers {}
// SAFETY: as above.
unsafe impl Sync for Pointers {}

impl Declared {
    pub(crate) fn new(info: &ValueInfo) -> Self {
        let (dtype, dims) = match &info.value_type {
            ValueType::Tensor { dtype, shape } => (number(*dtype), shape.dims()),
            _ => (0, None),
        };
        let symbol = |dim: &Dim| match dim {
            Dim::Symbol(name) => Some(c_string(name)),
            _ => None,
        };
        let names: Vec<_> = dims.unwrap_or_default().iter().map(symbol).collect();
        let pointer = |name: &Option<CString>| name.as_ref().map_or(std::ptr::null(), |name| name.as_ptr());
        Self {
            name: c_string(&info.name),
            type_text: c_string(&info.value_type.to_string()),
            shape: dims.map(|dims| dims.iter().map(size).collect()),
            symbols: Pointers(names.iter().map(pointer).collect()),
            _names: names,
            kind: kind(&info.value_type),
            dtype,
        }
    }

    pub(crate) fn lent(&self) -> ortlet_value_info {
        let shape = self.shape.as_ref();
        ortlet_value_info {
            name: self.name.as_ptr(),
            type_text: self.type_text.as_ptr(),
            shape: shape.map_or(std::ptr::null(), Vec::as_ptr),
            symbols: shape.map_or(std::ptr::null(), |_| self.symbols.0.as_ptr()),
            rank: shape.map_or(0, Vec::len),
            kind: self.kind,
            dtype: self.dtype,
        }
    }
}

fn size(dim: &Dim) -> i64 {
    match dim {
        Dim::Fixed(size) => i64::try_from(*size).unwrap_or(i64::MAX),
        _ => -1,
    }
}

fn kind(value_type: &ValueType) -> ortlet_kind {
    match value_type {
        ValueType::Tensor { .. } => ORTLET_KIND_TENSOR,
        ValueType::Sequence { .. } => ORTLET_KIND_SEQUENCE,
        ValueType::Map { .. } => ORTLET_KIND_MAP,
        ValueType::Optional { .. } => ORTLET_KIND_OPTIONAL,
        _ => 0,
    }
}

/// A name for C. A zero byte in it cannot be told to C; no run could be given such a name either.
pub(crate) fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    /// As the C tests assert of the header.
    #[test]
    fn the_layout_is_that_of_the_header() {
        let word = size_of::<usize>();
        assert_eq!(size_of::<ortlet_value_info>(), 5 * word + 8);
        assert_eq!(offset_of!(ortlet_value_info, rank), 4 * word);
        assert_eq!(offset_of!(ortlet_value_info, dtype), 5 * word + 4);
    }
}
