//! A candidate: ONNX Runtime through its C API with every default, unless the order sets the number of threads. The peer
//! that all others are measured against.
//!
//! Written against the C API itself, because a safe wrapper could be blamed for any difference.

use std::ffi::{CStr, CString, c_char, c_void};
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::ptr;

use ort::AsPointer;
use ort::environment::Environment;
use ort::sys::{
    ONNXTensorElementDataType, OrtAllocatorType, OrtMemType, OrtMemoryInfo, OrtSession, OrtSessionOptions,
    OrtStatusPtr, OrtValue,
};
use ortlet_bench::candidate::{self, Engine, Result};
use ortlet_bench::order::{Data, Input, Model, Order};

fn main() -> ExitCode {
    candidate::main::<PlainOrt>()
}

struct PlainOrt {
    /// Outlives every session, because no session is released before the process ends.
    environment: Environment,
    threads: Option<u32>,
}

struct Session {
    session: *mut OrtSession,
    output_names: Vec<*const c_char>,
}

// SAFETY: ONNX Runtime allows `Run` on one session from several threads; the names are only read.
unsafe impl Sync for Session {}

struct Feed {
    names: Vec<CString>,
    values: Vec<*const OrtValue>,
    /// The memory that the values point to.
    _data: Vec<Data>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        for value in &self.values {
            // SAFETY: alive and ours.
            unsafe { (ort::api().ReleaseValue)(value.cast_mut()) }
        }
    }
}

struct Outputs(Vec<*mut OrtValue>);

impl Drop for Outputs {
    fn drop(&mut self) {
        for &value in &self.0 {
            // SAFETY: alive and ours.
            unsafe { (ort::api().ReleaseValue)(value) }
        }
    }
}

impl Engine for PlainOrt {
    type Feed = Feed;
    type Session = Session;
    type Outputs = Outputs;

    fn start(order: &Order) -> Result<Self> {
        let environment = ort::init_from(&order.runtime)?.with_name("bench").with_telemetry(false).build()?;
        Ok(Self { environment, threads: order.threads })
    }

    fn feed(&self, model: &Model) -> Result<Feed> {
        let mut info = ptr::null_mut();
        let (kind, memory) = (OrtAllocatorType::OrtDeviceAllocator, OrtMemType::OrtMemTypeDefault);
        // SAFETY: the out pointer is valid.
        check(unsafe { (ort::api().CreateCpuMemoryInfo)(kind, memory, &mut info) })?;
        let mut feed = Feed { names: vec![], values: vec![], _data: vec![] };
        for input in &model.inputs {
            let mut data = input.data();
            feed.names.push(CString::new(input.name.as_str())?);
            feed.values.push(value(info, input, &mut data)?);
            feed._data.push(data);
        }
        // SAFETY: ours; the values keep what they need of it.
        unsafe { (ort::api().ReleaseMemoryInfo)(info) };
        Ok(feed)
    }

    fn create(&self, model: &Model) -> Result<Session> {
        let api = ort::api();
        let path = CString::new(model.file.as_os_str().as_bytes())?;
        let (mut options, mut session) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: the out pointers are valid; environment, path and options are alive.
        unsafe {
            check((api.CreateSessionOptions)(&mut options))?;
            if let Some(threads) = self.threads {
                check((api.SetIntraOpNumThreads)(options, threads as i32))?;
            }
            let options: *const OrtSessionOptions = options;
            check((api.CreateSession)(self.environment.ptr(), path.as_ptr(), options, &mut session))?;
        }
        Ok(Session { session, output_names: output_names(session)? })
    }

    fn run(&self, session: &Session, feed: &Feed) -> Result<Outputs> {
        let names: Vec<_> = feed.names.iter().map(|name| name.as_ptr()).collect();
        let mut outputs = vec![ptr::null_mut(); session.output_names.len()];
        // SAFETY: session, names and values are alive, and the arrays have the lengths given.
        let status = unsafe {
            (ort::api().Run)(
                session.session,
                ptr::null(),
                names.as_ptr(),
                feed.values.as_ptr(),
                names.len(),
                session.output_names.as_ptr(),
                outputs.len(),
                outputs.as_mut_ptr(),
            )
        };
        check(status)?;
        Ok(Outputs(outputs))
    }

    fn elements(&self, outputs: &Outputs) -> Result<Vec<f32>> {
        outputs.0.iter().map(|&value| floats(value)).collect::<Result<Vec<_>>>().map(|all| all.concat())
    }
}

/// A value over the memory of the data, which does not move when the `Data` does.
fn value(info: *const OrtMemoryInfo, input: &Input, data: &mut Data) -> Result<*const OrtValue> {
    use ONNXTensorElementDataType as Type;
    let dims: Vec<i64> = input.dims.iter().map(|&dim| dim as i64).collect();
    let (pointer, bytes, dtype): (*mut c_void, usize, _) = match data {
        Data::Float32(data) => {
            (data.as_mut_ptr().cast(), size_of_val(&data[..]), Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT)
        }
        Data::Int32(data) => {
            (data.as_mut_ptr().cast(), size_of_val(&data[..]), Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32)
        }
        Data::Int64(data) => {
            (data.as_mut_ptr().cast(), size_of_val(&data[..]), Type::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64)
        }
    };
    let mut value = ptr::null_mut();
    let create = ort::api().CreateTensorWithDataAsOrtValue;
    // SAFETY: pointer and size describe the data, which the feed keeps as long as the value.
    check(unsafe { create(info, pointer, bytes, dims.as_ptr(), dims.len(), dtype, &mut value) })?;
    Ok(value)
}

fn output_names(session: *mut OrtSession) -> Result<Vec<*const c_char>> {
    let api = ort::api();
    let (mut allocator, mut count) = (ptr::null_mut(), 0);
    // SAFETY: the out pointers are valid, the session is alive, indices are below the count.
    unsafe {
        check((api.GetAllocatorWithDefaultOptions)(&mut allocator))?;
        check((api.SessionGetOutputCount)(session, &mut count))?;
        let name = |at| {
            let mut name = ptr::null_mut();
            check((api.SessionGetOutputName)(session, at, allocator, &mut name))?;
            Ok(name.cast_const())
        };
        (0..count).map(name).collect()
    }
}

fn floats(value: *mut OrtValue) -> Result<Vec<f32>> {
    let api = ort::api();
    let (mut info, mut data, mut len) = (ptr::null_mut(), ptr::null_mut(), 0);
    let mut dtype = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    // SAFETY: the value is alive, the out pointers are valid, and the memory holds `len` floats if the type says so.
    unsafe {
        check((api.GetTensorTypeAndShape)(value, &mut info))?;
        check((api.GetTensorElementType)(info, &mut dtype))?;
        check((api.GetTensorShapeElementCount)(info, &mut len))?;
        (api.ReleaseTensorTypeAndShapeInfo)(info);
        if dtype != ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT {
            return Err("an output is not float32".into());
        }
        check((api.GetTensorMutableData)(value, &mut data))?;
        Ok(std::slice::from_raw_parts(data.cast::<f32>(), len).to_vec())
    }
}

fn check(status: OrtStatusPtr) -> Result<()> {
    if status.0.is_null() {
        return Ok(());
    }
    // SAFETY: the status is alive and ours; the process ends soon, so it is not released.
    let message = unsafe { CStr::from_ptr((ort::api().GetErrorMessage)(status.0)) };
    Err(message.to_string_lossy().into())
}
