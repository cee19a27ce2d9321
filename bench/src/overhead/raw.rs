//! The peer: ONNX Runtime's C API called as directly as can be, on a model with one input and one output of floats.
//!
//! It shares Ortlet's environment, because a process has one; its session has ONNX Runtime's defaults.

use std::ffi::{CStr, CString, c_char};
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use anyhow::{Result, anyhow};
use ort::sys::{
    ONNXTensorElementDataType, OrtAllocatorType, OrtIoBinding, OrtLoggingLevel, OrtMemType, OrtMemoryInfo,
    OrtSession, OrtStatusPtr, OrtValue,
};

const FLOAT: ONNXTensorElementDataType = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;

/// A session with its input and output made beforehand. Nothing is released before the process ends.
pub struct Raw {
    session: *mut OrtSession,
    memory: *mut OrtMemoryInfo,
    binding: *mut OrtIoBinding,
    input_name: CString,
    output_name: CString,
    dims: Vec<i64>,
    input: &'static mut [f32],
    input_value: *mut OrtValue,
}

impl Raw {
    /// Ortlet has to have loaded the library before.
    ///
    /// # Errors
    /// In ONNX Runtime's words.
    pub fn new(model: &Path, names: [&str; 2], dims: &[usize], input: &[f32]) -> Result<Self> {
        let [input_name, output_name] = [CString::new(names[0])?, CString::new(names[1])?];
        let (path, api) = (CString::new(model.as_os_str().as_bytes())?, ort::api());
        let (mut environment, mut options, mut session) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let (mut memory, mut binding) = (ptr::null_mut(), ptr::null_mut());
        let level = OrtLoggingLevel::ORT_LOGGING_LEVEL_WARNING;
        let (kind, memory_type) = (OrtAllocatorType::OrtDeviceAllocator, OrtMemType::OrtMemTypeDefault);
        // SAFETY: out pointers are valid, and everything that is passed on is alive.
        unsafe {
            check((api.CreateEnv)(level, c"bench".as_ptr(), &mut environment))?;
            check((api.CreateSessionOptions)(&mut options))?;
            check((api.CreateSession)(environment, path.as_ptr(), options, &mut session))?;
            check((api.CreateCpuMemoryInfo)(kind, memory_type, &mut memory))?;
            check((api.CreateIoBinding)(session, &mut binding))?;
        }
        let dims: Vec<i64> = dims.iter().map(|&dim| dim as i64).collect();
        let input: &'static mut [f32] = Box::leak(input.to_vec().into());
        let output: &'static mut [f32] = Box::leak(vec![0.0; input.len()].into());
        let input_value = value(memory, &dims, input)?;
        let output_value = value(memory, &dims, output)?;
        // SAFETY: binding, names and values are alive.
        unsafe {
            check((api.BindInput)(binding, input_name.as_ptr(), input_value))?;
            check((api.BindOutput)(binding, output_name.as_ptr(), output_value))?;
        }
        Ok(Self { session, memory, binding, input_name, output_name, dims, input, input_value })
    }

    /// `RunWithBinding`, and nothing else.
    ///
    /// # Errors
    /// In ONNX Runtime's words.
    pub fn run_with_binding(&self) -> Result<()> {
        // SAFETY: session and binding are alive.
        check(unsafe { (ort::api().RunWithBinding)(self.session, ptr::null(), self.binding) })
    }

    /// `Run` on an input made beforehand, whose output is released without a look at it.
    ///
    /// # Errors
    /// In ONNX Runtime's words.
    pub fn run(&self) -> Result<()> {
        let output = self.output_of(self.input_value)?;
        // SAFETY: ours.
        unsafe { (ort::api().ReleaseValue)(output) };
        Ok(())
    }

    /// What a program does that has its data in memory and wants a pointer to the result: makes the input, runs,
    /// gets the output's memory, releases both.
    ///
    /// # Errors
    /// In ONNX Runtime's words.
    pub fn run_from_memory_to_memory(&mut self) -> Result<()> {
        let input = value(self.memory, &self.dims, self.input)?;
        let output = self.output_of(input)?;
        let mut data = ptr::null_mut();
        // SAFETY: both values are ours.
        unsafe {
            check((ort::api().GetTensorMutableData)(output, &mut data))?;
            black_box(data);
            (ort::api().ReleaseValue)(output);
            (ort::api().ReleaseValue)(input);
        }
        Ok(())
    }

    fn output_of(&self, input: *mut OrtValue) -> Result<*mut OrtValue> {
        let (names, values): ([*const c_char; 2], _) =
            ([self.input_name.as_ptr(), self.output_name.as_ptr()], [input.cast_const()]);
        let mut output = ptr::null_mut();
        // SAFETY: session, names and input are alive, and there is one of each.
        check(unsafe {
            (ort::api().Run)(
                self.session,
                ptr::null(),
                &names[0],
                values.as_ptr(),
                1,
                &names[1],
                1,
                &mut output,
            )
        })?;
        Ok(output)
    }
}

fn value(memory: *const OrtMemoryInfo, dims: &[i64], data: &mut [f32]) -> Result<*mut OrtValue> {
    let (pointer, bytes, mut value) = (data.as_mut_ptr().cast(), size_of_val(data), ptr::null_mut());
    let create = ort::api().CreateTensorWithDataAsOrtValue;
    // SAFETY: pointer and size describe the data, which is never freed.
    check(unsafe { create(memory, pointer, bytes, dims.as_ptr(), dims.len(), FLOAT, &mut value) })?;
    Ok(value)
}

fn check(status: OrtStatusPtr) -> Result<()> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: the status is alive and ours; the process ends soon, so it is not released.
    let message = unsafe { CStr::from_ptr((ort::api().GetErrorMessage)(status.0)) };
    Err(anyhow!(message.to_string_lossy().into_owned()))
}
