//! Values: tensors that Ortlet owns, texts, sequences, maps, and values that may be nothing.

use std::ffi::c_char;

use ortlet::tensor::{Map, Tensor, Value};
use ortlet::{Error, Result};

use crate::arguments::{at, exclusive, give, handle_output, reference, slice};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::status::ortlet_status;
use crate::tensor::{ortlet_tensor, shape};

/// What a value is: one of the numbers below.
pub type ortlet_kind = u32;

/// A tensor, texts included.
pub const ORTLET_KIND_TENSOR: u32 = 1;
/// Values of one type, in order.
pub const ORTLET_KIND_SEQUENCE: u32 = 2;
/// Keys with a value each.
pub const ORTLET_KIND_MAP: u32 = 3;
/// A value, or nothing. An output that holds something may come as that value itself.
pub const ORTLET_KIND_OPTIONAL: u32 = 4;

/// A value that can be an input or is an output: a tensor, a sequence, a map, or a value that may be nothing. What
/// `_new_` functions make is owned by whoever made it and freed by `ortlet_value_free`; what is behind a `const` pointer
/// belongs to the handle that it came from.
// As an attribute of another, cbindgen does not see it, and makes an opaque type.
#[cfg_attr(all(), repr(transparent))]
pub struct ortlet_value(pub(crate) Value);

impl ortlet_value {
    /// A value of the library's, lent to the caller.
    pub(crate) fn lent(value: &Value) -> *const Self {
        // The cast is one between a type and its transparent wrapper.
        std::ptr::from_ref(value).cast()
    }
}

/// Makes a tensor that is a copy of one in memory.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the size is not what type and shape need. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_new_tensor(
    tensor: *const ortlet_tensor,
    value: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let value = handle_output(value, "value")?;
            let view = reference(tensor, "tensor")?.view()?;
            let copy =
                Tensor::from_bytes(view.dtype(), view.shape().clone(), view.bytes().unwrap_or_default())?;
            give(value, ortlet_value(copy.into()));
            Ok(())
        })
    }
}

/// Makes a tensor of texts in UTF-8, in row-major order; they are copied. There are as many as the product of the
/// dimensions, which `string_count` has to be.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if it is not, `ORTLET_INVALID_ARGUMENT` for a text that is `NULL` or not UTF-8.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_new_strings(
    strings: *const *const c_char,
    string_count: usize,
    dims: *const usize,
    rank: usize,
    value: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let value = handle_output(value, "value")?;
            let pointers = slice(strings, string_count, "strings")?;
            let owned = |(index, &pointer)| {
                at(crate::arguments::text(pointer, "string"), "strings", index).map(str::to_owned)
            };
            let strings = pointers.iter().enumerate().map(owned).collect::<Result<_>>()?;
            let tensor = Tensor::from_strings(shape(dims, rank)?, strings)?;
            give(value, ortlet_value(tensor.into()));
            Ok(())
        })
    }
}

/// Makes a sequence of copies of values.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_new_sequence(
    elements: *const *const ortlet_value,
    element_count: usize,
    value: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let value = handle_output(value, "value")?;
            let pointers = slice(elements, element_count, "elements")?;
            let copy = |(index, &pointer)| {
                at(reference(pointer, "element"), "elements", index).map(|own: &ortlet_value| own.0.clone())
            };
            let elements = pointers.iter().enumerate().map(copy).collect::<Result<_>>()?;
            give(value, ortlet_value(Value::Sequence(elements)));
            Ok(())
        })
    }
}

/// Makes a map of copies of two tensors of one dimension and the same length: keys (`ORTLET_INT64` or `ORTLET_STRING`)
/// and values.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if they are not. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_new_map(
    keys: *const ortlet_value,
    values: *const ortlet_value,
    value: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let value = handle_output(value, "value")?;
            let keys = reference(keys, "keys")?.0.as_tensor()?.clone();
            let values = reference(values, "values")?.0.as_tensor()?.clone();
            give(value, ortlet_value(Value::Map(Map::new(keys, values)?)));
            Ok(())
        })
    }
}

/// Makes a value that may be nothing: a copy of `element`, or nothing if that is `NULL`.
///
/// Errors: none but for a `value` that is `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_new_optional(
    element: *const ortlet_value,
    value: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let element = element.as_ref().map(|own| Box::new(own.0.clone()));
            give(handle_output(value, "value")?, ortlet_value(Value::Optional(element)));
            Ok(())
        })
    }
}

/// What the value is; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_kind(value: *const ortlet_value) -> ortlet_kind {
    // SAFETY: see the crate's documentation.
    unsafe { value.as_ref() }.map_or(0, |value| match &value.0 {
        Value::Tensor(_) => ORTLET_KIND_TENSOR,
        Value::Sequence(_) => ORTLET_KIND_SEQUENCE,
        Value::Map(_) => ORTLET_KIND_MAP,
        Value::Optional(_) => ORTLET_KIND_OPTIONAL,
    })
}

/// Where the tensor is: the value itself, or what it holds if it may be nothing. `data` and `shape` belong to the value.
/// Of texts there is no `data`; see `ortlet_value_string`.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no tensor. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_tensor(
    value: *const ortlet_value,
    tensor: *mut ortlet_tensor,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let own = reference(value, "value")?.0.as_tensor()?;
            *exclusive(tensor, "tensor")? = ortlet_tensor::of(own.dtype(), own.shape().dims(), own.bytes());
            Ok(())
        })
    }
}

/// A text of a tensor of texts, by its place in row-major order: `size_bytes` bytes of UTF-8 without a zero byte behind
/// them. They belong to the value.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no tensor of texts, `ORTLET_NOT_FOUND` if there are not that many.
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_string(
    value: *const ortlet_value,
    index: usize,
    data: *mut *const c_char,
    size_bytes: *mut usize,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let strings = reference(value, "value")?.0.as_tensor()?.as_strings()?;
            let text = strings.get(index).ok_or_else(|| beyond("string", index))?;
            let (data, size_bytes) = (exclusive(data, "data")?, exclusive(size_bytes, "size_bytes")?);
            (*data, *size_bytes) = (text.as_ptr().cast(), text.len());
            Ok(())
        })
    }
}

/// How many values a sequence has, or 1 or 0 for a value that may be nothing; 0 for everything else and `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_element_count(value: *const ortlet_value) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { value.as_ref() }.map_or(0, |value| match &value.0 {
        Value::Sequence(elements) => elements.len(),
        Value::Optional(element) => usize::from(element.is_some()),
        _ => 0,
    })
}

/// A value of a sequence, or the one that a value which may be nothing holds. It belongs to `value`.
///
/// Errors: `ORTLET_NOT_FOUND` if there are not that many, `ORTLET_TENSOR_MISMATCH` for tensors and maps. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_element(
    value: *const ortlet_value,
    index: usize,
    element: *mut *const ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let found = match &reference(value, "value")?.0 {
                Value::Sequence(elements) => elements.get(index),
                Value::Optional(element) => element.as_deref().filter(|_| index == 0),
                other => return Err(Error::tensor_mismatch("value", "a sequence or optional", other.kind())),
            };
            let found = found.ok_or_else(|| beyond("element", index))?;
            *exclusive(element, "element")? = ortlet_value::lent(found);
            Ok(())
        })
    }
}

/// The keys of a map, as a tensor of its own that the caller has to free.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no map. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_map_keys(
    value: *const ortlet_value,
    keys: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || give_part(value, keys, "keys", Map::keys)) }
}

/// The values of a map in the order of its keys, as a tensor of its own that the caller has to free.
///
/// Errors: `ORTLET_TENSOR_MISMATCH` if the value is no map. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_map_values(
    value: *const ortlet_value,
    values: *mut *mut ortlet_value,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe { guard(error, || give_part(value, values, "values", Map::values)) }
}

/// Frees a value that the caller owns. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_value_free(value: *mut ortlet_value) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(value) };
}

unsafe fn give_part(
    value: *const ortlet_value,
    output: *mut *mut ortlet_value,
    name: &str,
    part: fn(&Map) -> &Tensor,
) -> Result<()> {
    // SAFETY: as the caller's.
    let (output, value) = unsafe { (handle_output(output, name)?, reference(value, "value")?) };
    match &value.0 {
        Value::Map(map) => give(output, ortlet_value(part(map).clone().into())),
        other => return Err(Error::tensor_mismatch("value", "a map", other.kind())),
    }
    Ok(())
}

fn beyond(what: &str, index: usize) -> Error {
    Error::not_found(what, index.to_string(), [""; 0])
}
