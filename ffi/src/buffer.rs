//! Text and bytes that Ortlet made for its caller.

use std::ffi::c_char;

use ortlet::{Error, Result};
use serde::Serialize;

use crate::guard;

/// Text or bytes that Ortlet made: JSON, metrics, a model's file. Owned by whoever got it; freed by
/// `ortlet_buffer_free`.
pub struct ortlet_buffer {
    /// The bytes, and a zero byte behind them.
    bytes: Vec<u8>,
}

impl ortlet_buffer {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let mut bytes = bytes.into();
        bytes.push(0);
        Self { bytes }
    }

    pub(crate) fn json(value: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_vec(value);
        json.map(Self::new).map_err(|error| Error::internal(format!("no JSON: {error}")))
    }
}

/// The bytes; a zero byte is behind them, so that text can be used as such. Belongs to the buffer; `NULL` for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_buffer_data(buffer: *const ortlet_buffer) -> *const c_char {
    // SAFETY: see the crate's documentation.
    unsafe { buffer.as_ref() }.map_or(std::ptr::null(), |buffer| buffer.bytes.as_ptr().cast())
}

/// How many bytes there are, the zero byte behind them not counted; 0 for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_buffer_size_bytes(buffer: *const ortlet_buffer) -> usize {
    // SAFETY: see the crate's documentation.
    unsafe { buffer.as_ref() }.map_or(0, |buffer| buffer.bytes.len() - 1)
}

/// Frees a buffer. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_buffer_free(buffer: *mut ortlet_buffer) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(buffer) };
}
