//! What ONNX Runtime tells of a node while its kernel is made: attributes, constants, the session's threads.

use std::ffi::{CStr, c_char, c_int};
use std::fmt;
use std::ptr;

use ort::sys::{OrtKernelInfo, OrtStatusPtr};

use super::THREADS_ENTRY_C;
use super::context::Tensor;
use super::problem::{Outcome, Problem, check, succeeded};
use super::table::Input;

/// A node, while its kernel is made.
pub(super) struct Info {
    raw: *const OrtKernelInfo,
    operator: &'static CStr,
    inputs: &'static [Input],
}

impl Info {
    /// # Safety
    /// `raw` has to be valid for as long as this is.
    pub(super) unsafe fn new(
        raw: *const OrtKernelInfo,
        operator: &'static CStr,
        inputs: &'static [Input],
    ) -> Self {
        Self { raw, operator, inputs }
    }

    /// An attribute that is a whole number; `None` if it is missing.
    pub(super) fn whole(&self, name: &CStr) -> Option<i64> {
        let mut number = 0;
        // SAFETY: the node is alive, the name is NUL-terminated and the place is valid.
        let status =
            unsafe { (ort::api().KernelInfoGetAttribute_int64)(self.raw, name.as_ptr(), &mut number) };
        succeeded(status).then_some(number)
    }

    /// A size among the attributes.
    ///
    /// # Errors
    /// If it is missing or none.
    pub(super) fn size(&self, name: &CStr) -> Outcome<usize> {
        let wrong = || {
            let name = name.to_string_lossy();
            Problem::new(format!("the attribute `{name}` is missing or no size"))
        };
        self.whole(name).and_then(|number| usize::try_from(number).ok()).ok_or_else(wrong)
    }

    /// An attribute that is a number; `None` if it is missing.
    pub(super) fn number(&self, name: &CStr) -> Option<f32> {
        let mut number = 0.0;
        // SAFETY: the node is alive, the name is NUL-terminated and the place is valid.
        let status =
            unsafe { (ort::api().KernelInfoGetAttribute_float)(self.raw, name.as_ptr(), &mut number) };
        succeeded(status).then_some(number)
    }

    /// An attribute that is one of several words; the first of them if it is missing.
    ///
    /// # Errors
    /// If it is another word.
    pub(super) fn word<T: Copy>(&self, name: &CStr, words: &[(&str, T)]) -> Outcome<T> {
        let get = ort::api().KernelInfoGetAttribute_string;
        let given = text(|out, size| {
            // SAFETY: the node is alive, the name is NUL-terminated, and the place has the size given.
            unsafe { get(self.raw, name.as_ptr(), out, size) }
        });
        let given = match &given {
            Some(given) => given.as_str(),
            None => words.first().map_or("", |(word, _)| word),
        };
        let known = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        known.ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let (name, known) = (name.to_string_lossy(), known.join(", "));
            Problem::new(format!("the attribute `{name}` is `{given}`, not one of {known}"))
        })
    }

    /// Whether the node has this input.
    pub(super) fn has(&self, index: usize) -> bool {
        let mut count = 0;
        // SAFETY: the node is alive and the place is valid.
        let status = unsafe { (ort::api().KernelInfo_GetInputCount)(self.raw, &mut count) };
        let get = ort::api().KernelInfo_GetInputName;
        succeeded(status)
            && index < count
            && text(|out, size| {
                // SAFETY: the node is alive, the index is below the count, and the place has the size given.
                unsafe { get(self.raw, index, out, size) }
            })
            .is_some_and(|name| !name.is_empty())
    }

    /// An input whose value the model gives. Its memory lives as long as the session.
    ///
    /// # Errors
    /// If it is not there, or its value is only known when the model runs.
    pub(super) fn constant(&self, index: usize) -> Outcome<Tensor<'static>> {
        let (mut is_constant, mut value): (c_int, _) = (0, ptr::null());
        // SAFETY: the node is alive and the places are valid.
        check(unsafe {
            (ort::api().KernelInfoGetConstantInput_tensor)(self.raw, index, &mut is_constant, &mut value)
        })?;
        if is_constant == 0 || value.is_null() {
            return Err(Problem::new("is no constant").of(&self.input(index)));
        }
        // SAFETY: constants belong to the session, which lives longer than its kernels' last run.
        unsafe { Tensor::of(value) }.map_err(|problem| problem.of(&self.input(index)))
    }

    /// Constant numbers: a vector of this length.
    ///
    /// # Errors
    /// If they are no constant or of another type or length.
    pub(super) fn vector(&self, index: usize, len: usize) -> Outcome<Box<[f32]>> {
        let tensor = self.constant(index)?;
        let numbers = tensor.floats().map_err(|problem| problem.of(&self.input(index)))?;
        if tensor.dims.len() != 1 || numbers.len() != len {
            let words = format!("has the shape {:?}, not [{len}]", tensor.dims);
            return Err(Problem::new(words).of(&self.input(index)));
        }
        Ok(numbers.into())
    }

    /// Threads that work on a loop of a kernel.
    pub(super) fn threads(&self) -> usize {
        let api = ort::api();
        let mut entries = ptr::null_mut();
        // SAFETY: the node is alive and the place is valid.
        let status = unsafe { (api.KernelInfo_GetConfigEntries)(self.raw, &mut entries) };
        if !succeeded(status) || entries.is_null() {
            return 1;
        }
        // SAFETY: the entries are ours; the value is NUL-terminated and lives as long as they do.
        let threads = unsafe {
            let value = (api.GetKeyValue)(entries, THREADS_ENTRY_C.as_ptr());
            let text = (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned());
            (api.ReleaseKeyValuePairs)(entries);
            text
        };
        threads.and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
    }

    fn input(&self, index: usize) -> String {
        format!("input `{}`", self.inputs.get(index).map_or("", |input| input.name))
    }
}

/// The node's name for messages.
impl fmt::Display for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let get = ort::api().KernelInfo_GetNodeName;
        let name = text(|out, size| {
            // SAFETY: the node is alive and the place has the size given.
            unsafe { get(self.raw, out, size) }
        });
        let operator = self.operator.to_string_lossy();
        write!(f, "{operator} node `{}`", name.unwrap_or_default())
    }
}

/// A text that ONNX Runtime writes, in two steps: how long it is with its NUL, then the text. `None` if it has none.
fn text(get: impl Fn(*mut c_char, *mut usize) -> OrtStatusPtr) -> Option<String> {
    let mut size = 0;
    if !succeeded(get(ptr::null_mut(), &mut size)) {
        return None;
    }
    let mut bytes = vec![0_u8; size.max(1)];
    let mut size = bytes.len();
    if !succeeded(get(bytes.as_mut_ptr().cast(), &mut size)) {
        return None;
    }
    let text = CStr::from_bytes_until_nul(&bytes).ok()?;
    Some(text.to_string_lossy().into_owned())
}
