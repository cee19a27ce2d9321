//! The cache folder: compiled models and plans that were kept.

use std::ffi::c_char;

use ortlet::Cache;

use crate::arguments::{give, give_optional, handle_output, optional_handle_output, options};
use crate::buffer::ortlet_buffer;
use crate::error::ortlet_error;
use crate::guard::guard;
use crate::status::ortlet_status;

/// The compiled models and plans in a cache folder as a JSON array, the least recently used first. `cache` is what the
/// option `cache` of a session is: a JSON text with a path (`"\"/var/cache/app\""`), `true` for the platform's folder, or
/// `NULL` for the one that the environment names.
///
/// Errors: `ORTLET_IO`, `ORTLET_INVALID_ARGUMENT`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cache_entries(
    cache_json: *const c_char,
    entries_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = handle_output(entries_json, "entries_json")?;
            let cache: Cache = options(cache_json, "cache")?;
            give(output, ortlet_buffer::json(&cache.entries()?)?);
            Ok(())
        })
    }
}

/// Removes every compiled model and plan from a cache folder, and nothing else. Sessions that use one of them go on.
/// `entries_json`, unless `NULL`, gets what was removed.
///
/// Errors: as `ortlet_cache_entries`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cache_clear(
    cache_json: *const c_char,
    entries_json: *mut *mut ortlet_buffer,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            let output = optional_handle_output(entries_json);
            let cache: Cache = options(cache_json, "cache")?;
            let removed = ortlet_buffer::json(&cache.clear()?)?;
            give_optional(output, removed);
            Ok(())
        })
    }
}
