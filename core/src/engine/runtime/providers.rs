//! Execution providers: which there are, and adding them to a session.

use std::ffi::{CStr, c_char};
use std::path::Path;

use ort::AsPointer;
use ort::sys::{OrtEnv, OrtEpDevice, OrtSessionOptions, OrtStatusPtr};

use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::{KeyValues, c_string};
use crate::engine::runtime::{Provider, Runtime};
use crate::{Error, Result};

const CPU: &str = "cpu";

/// Short names of what a session can ask for: built in, or registered from a plug-in library.
pub(super) fn available(runtime: &Runtime) -> Vec<String> {
    let mut names: Vec<String> = built_in().iter().map(|name| short_name(name)).collect();
    for device in devices(runtime) {
        let name = short_name(&device_provider(device));
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

pub(super) fn is_cpu(provider: &Provider) -> bool {
    short_name(&provider.name) == CPU
}

/// Adds a provider to a session's options.
pub(super) fn append(runtime: &Runtime, options: *mut OrtSessionOptions, provider: &Provider) -> Result<()> {
    let wanted = short_name(&provider.name);
    if wanted == CPU && provider.options.is_empty() {
        return Ok(());
    }
    let keys = KeyValues::new("providers", provider.options.iter())?;
    if wanted == CPU {
        let first = provider.options.keys().next().map(String::as_str).unwrap_or_default();
        return Err(Error::invalid_argument(
            "providers",
            format!("the CPU provider has no option `{first}`"),
        ));
    }
    let plugged: Vec<_> = devices(runtime)
        .into_iter()
        .filter(|&device| short_name(&device_provider(device)) == wanted)
        .collect();
    let appended = if let Some(name) = built_in().into_iter().find(|name| short_name(name) == wanted) {
        append_built_in(options, &wanted, &name, &keys)
    } else if !plugged.is_empty() {
        append_plugged(runtime, options, &plugged, &keys)
    } else {
        return Err(Error::not_found("execution provider", &provider.name, available(runtime)));
    };
    appended.map_err(|error| error.context(format!("execution provider `{}`", provider.name)))
}

pub(super) fn register_library(runtime: &Runtime, name: &str, path: &Path) -> Result<()> {
    if !path.is_file() {
        return Err(Error::not_found("provider library", path.display().to_string(), [""; 0]));
    }
    let c_name = c_string("name", name)?;
    let os_path = os_string(path)?;
    // SAFETY: both strings are NUL-terminated and live through the call, which locks what it changes.
    let status = unsafe {
        (ort::api().RegisterExecutionProviderLibrary)(environment(runtime), c_name.as_ptr(), os_path.as_ptr())
    };
    check(status, "register a provider library").map_err(|error| error.context(path.display().to_string()))
}

/// A path in the form that ONNX Runtime takes on this system.
#[cfg(unix)]
pub(super) fn os_string(path: &Path) -> Result<Vec<ort::sys::os_char>> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = path.as_os_str().as_bytes();
    if bytes.contains(&0) {
        return Err(Error::invalid_argument("path", "holds a NUL character"));
    }
    Ok(bytes.iter().chain(&[0]).map(|&byte| byte as ort::sys::os_char).collect())
}

/// A path in the form that ONNX Runtime takes on this system.
#[cfg(windows)]
pub(super) fn os_string(path: &Path) -> Result<Vec<ort::sys::os_char>> {
    use std::os::windows::ffi::OsStrExt;
    Ok(path.as_os_str().encode_wide().chain([0]).collect())
}

fn environment(runtime: &Runtime) -> *mut OrtEnv {
    runtime.environment().ptr().cast_mut()
}

/// `cuda` of `CUDAExecutionProvider`, `Cuda` or `cuda`.
fn short_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let short = name.strip_suffix("executionprovider").unwrap_or(&name);
    short.to_owned()
}

/// Full names of the providers compiled into the library.
fn built_in() -> Vec<String> {
    let (mut names, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: on success the library hands out `count` NUL-terminated strings, which are copied and given back.
    unsafe {
        if check((ort::api().GetAvailableProviders)(&mut names, &mut count), "list its providers").is_err() {
            return Vec::new();
        }
        let pointers = std::slice::from_raw_parts(names, usize::try_from(count).unwrap_or(0));
        let copies =
            pointers.iter().map(|&name| CStr::from_ptr(name).to_string_lossy().into_owned()).collect();
        let released = (ort::api().ReleaseAvailableProviders)(names, count);
        let _ = check(released, "release the list of providers");
        copies
    }
}

fn devices(runtime: &Runtime) -> Vec<*const OrtEpDevice> {
    let (mut devices, mut count) = (std::ptr::null(), 0);
    // SAFETY: on success the environment lends an array of `count` pointers, copied at once because a later
    // registration may move it.
    unsafe {
        let status = (ort::api().GetEpDevices)(environment(runtime), &mut devices, &mut count);
        if check(status, "list its devices").is_err() || devices.is_null() {
            return Vec::new();
        }
        std::slice::from_raw_parts(devices, count).to_vec()
    }
}

fn device_provider(device: *const OrtEpDevice) -> String {
    // SAFETY: the device comes from the environment, which keeps it and its name for the life of the process.
    unsafe { CStr::from_ptr((ort::api().EpDevice_EpName)(device)) }.to_string_lossy().into_owned()
}

fn append_plugged(
    runtime: &Runtime,
    options: *mut OrtSessionOptions,
    devices: &[*const OrtEpDevice],
    keys: &KeyValues,
) -> Result<()> {
    // SAFETY: the options are the caller's and alive; every array lives through the call.
    let status = unsafe {
        (ort::api().SessionOptionsAppendExecutionProvider_V2)(
            options,
            environment(runtime),
            devices.as_ptr(),
            devices.len(),
            keys.key_pointers().as_ptr(),
            keys.value_pointers().as_ptr(),
            keys.len(),
        )
    };
    check(status, "add the execution provider")
}

/// CUDA and TensorRT have functions of their own; all others share one.
fn append_built_in(options: *mut OrtSessionOptions, short: &str, full: &str, keys: &KeyValues) -> Result<()> {
    let api = ort::api();
    match short {
        "cuda" => append_with_options(
            options,
            keys,
            api.CreateCUDAProviderOptions,
            api.UpdateCUDAProviderOptions,
            api.SessionOptionsAppendExecutionProvider_CUDA_V2,
            api.ReleaseCUDAProviderOptions,
        ),
        "tensorrt" => append_with_options(
            options,
            keys,
            api.CreateTensorRTProviderOptions,
            api.UpdateTensorRTProviderOptions,
            api.SessionOptionsAppendExecutionProvider_TensorRT_V2,
            api.ReleaseTensorRTProviderOptions,
        ),
        _ => append_by_name(options, full, keys),
    }
}

fn append_by_name(options: *mut OrtSessionOptions, full: &str, keys: &KeyValues) -> Result<()> {
    // The shared function takes the name without its ending for some providers and with it for others.
    let short = full.strip_suffix("ExecutionProvider").unwrap_or(full);
    let names = [c_string("providers", short)?, c_string("providers", full)?];
    let append = |name: &CStr| {
        // SAFETY: the options are the caller's and alive; every array lives through the call.
        let status = unsafe {
            (ort::api().SessionOptionsAppendExecutionProvider)(
                options,
                name.as_ptr(),
                keys.key_pointers().as_ptr(),
                keys.value_pointers().as_ptr(),
                keys.len(),
            )
        };
        check(status, "add the execution provider")
    };
    append(&names[0]).or_else(|error| append(&names[1]).map_err(|_| error))
}

type Keys = *const *const c_char;

fn append_with_options<O>(
    options: *mut OrtSessionOptions,
    keys: &KeyValues,
    create: unsafe extern "system" fn(*mut *mut O) -> OrtStatusPtr,
    update: unsafe extern "system" fn(*mut O, Keys, Keys, usize) -> OrtStatusPtr,
    append: unsafe extern "system" fn(*mut OrtSessionOptions, *const O) -> OrtStatusPtr,
    release: unsafe extern "system" fn(*mut O),
) -> Result<()> {
    let mut own = std::ptr::null_mut();
    // SAFETY: `own` is created here, used only while it lives and released once; the arrays live through the calls.
    unsafe {
        check(create(&mut own), "create provider options")?;
        let updated = update(own, keys.key_pointers().as_ptr(), keys.value_pointers().as_ptr(), keys.len());
        let result = check(updated, "set provider options")
            .and_then(|()| check(append(options, own), "add the execution provider"));
        release(own);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_in_lower_case() {
        for name in ["CUDAExecutionProvider", "CUDA", "cuda"] {
            assert_eq!(short_name(name), "cuda");
        }
    }
}
