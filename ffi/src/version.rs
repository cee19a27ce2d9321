//! Which Ortlet this is.

use std::ffi::c_char;

/// The version of this interface. It changes when a program that was compiled with an older header would misbehave.
pub const ORTLET_ABI_VERSION: u32 = 1;

/// The `ORTLET_ABI_VERSION` that the library was built with; the header's should be the same.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ortlet_abi_version() -> u32 {
    ORTLET_ABI_VERSION
}

/// The version of Ortlet, for example `0.1.0`. Static text, never `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub extern "C" fn ortlet_version() -> *const c_char {
    VERSION.as_ptr().cast()
}

const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
