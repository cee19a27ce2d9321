//! Values in and out of ONNX Runtime, without a copy wherever memory allows it.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};

use ort::sys::{ONNXType, OrtAllocatorType, OrtMemType, OrtMemoryInfo, OrtValue};
use smallvec::SmallVec;

use crate::engine::runtime::call::Call;
use crate::engine::runtime::dtype::{from_ort, to_ort};
use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::default_allocator;
use crate::engine::runtime::tiny_model::empty_sequence;
use crate::engine::runtime::type_info::sizes;
use crate::tensor::{AlignedBuffer, DType, Map, Shape, SharedBytes, Tensor, TensorView, Value, ValueView};
use crate::{Error, Result};

const MAKE: &str = "make an input";
const READ: &str = "read an output";

/// A value of ONNX Runtime's that is ours to release.
pub(in crate::engine) struct OwnedValue(NonNull<OrtValue>);

// SAFETY: ONNX Runtime's values have no tie to a thread, and what is done with a shared one only reads it.
unsafe impl Send for OwnedValue {}
// SAFETY: as above.
unsafe impl Sync for OwnedValue {}

impl OwnedValue {
    /// # Safety
    /// `pointer` must be a live value that nobody else releases, or null.
    pub(super) unsafe fn new(pointer: *mut OrtValue) -> Result<Self> {
        NonNull::new(pointer).map(Self).ok_or_else(|| Error::internal("ONNX Runtime gave no value"))
    }

    pub(super) fn pointer(&self) -> *mut OrtValue {
        self.0.as_ptr()
    }
}

impl Drop for OwnedValue {
    fn drop(&mut self) {
        // SAFETY: the value is alive and ours.
        unsafe { (ort::api().ReleaseValue)(self.0.as_ptr()) }
    }
}

/// An input as ONNX Runtime sees it, valid while the memory it was made of is.
pub(super) struct BorrowedInput<'a> {
    value: OwnedValue,
    /// Copies of tensors whose memory is misaligned for their type, alive as long as the value.
    _copies: SmallVec<[AlignedBuffer; 1]>,
    /// Where the memory lies that the value only borrows.
    pub(super) ranges: SmallVec<[Range<usize>; 1]>,
    memory: PhantomData<&'a ()>,
}

impl<'a> BorrowedInput<'a> {
    /// Wraps a value of the caller's.
    ///
    /// # Errors
    /// `unsupported` for an optional that holds nothing (such an input is to be left out) and for an empty sequence (see
    /// [`empty_sequence`](Self::empty_sequence)), `limit_exceeded` if memory for a copy cannot be had.
    pub(super) fn new(view: &ValueView<'a>) -> Result<Self> {
        let mut parts = Parts::default();
        let value = match view {
            ValueView::Tensor(view) => parts.tensor(view)?,
            ValueView::Value(value) => parts.value(value)?,
        };
        Ok(Self { value, _copies: parts.copies, ranges: parts.ranges, memory: PhantomData })
    }

    /// A sequence of no tensors.
    ///
    /// # Errors
    /// `unsupported` if ONNX Runtime has no such sequence.
    pub(super) fn empty_sequence(element: DType) -> Result<Self> {
        let value = empty_sequence(element)?;
        Ok(Self { value, _copies: SmallVec::new(), ranges: SmallVec::new(), memory: PhantomData })
    }

    pub(super) fn value(&self) -> &OwnedValue {
        &self.value
    }
}

#[derive(Default)]
struct Parts {
    copies: SmallVec<[AlignedBuffer; 1]>,
    ranges: SmallVec<[Range<usize>; 1]>,
}

impl Parts {
    fn value(&mut self, value: &Value) -> Result<OwnedValue> {
        match value {
            Value::Tensor(tensor) => self.tensor(&tensor.view()),
            Value::Optional(Some(value)) => self.value(value),
            Value::Optional(None) => {
                Err(Error::unsupported("optional without a value", "it cannot be part of another value"))
            }
            Value::Sequence(values) if values.is_empty() => {
                Err(Error::unsupported("empty sequence", "it cannot be part of another value"))
            }
            Value::Sequence(values) => {
                let elements: Vec<_> = values.iter().map(|value| self.value(value)).collect::<Result<_>>()?;
                collect(&elements, ONNXType::ONNX_TYPE_SEQUENCE)
            }
            Value::Map(map) => {
                let elements = [self.tensor(&map.keys().view())?, self.tensor(&map.values().view())?];
                collect(&elements, ONNXType::ONNX_TYPE_MAP)
            }
        }
    }

    fn tensor(&mut self, view: &TensorView<'_>) -> Result<OwnedValue> {
        let Some(bytes) = view.bytes() else { return strings(view.shape(), view.as_strings()?) };
        let (mut address, len) = (bytes.as_ptr(), bytes.len());
        if !address.addr().is_multiple_of(view.dtype().align_bytes()) {
            self.copies.push(AlignedBuffer::copy_of(bytes)?);
            address = self.copies.last().map_or(address, |copy| copy.bytes().as_ptr());
        }
        self.ranges.push(address.addr()..address.addr() + len);
        // SAFETY: the memory outlives the value (the caller's by the lifetime of `BorrowedInput`, a copy because it
        // is kept beside the value and its heap block does not move), and ONNX Runtime does not write to inputs.
        unsafe { tensor_over(view.dtype(), view.shape(), address.cast_mut(), len) }
    }
}

/// A tensor over memory that it does not own.
///
/// # Safety
/// The memory must hold `len` bytes that type and shape fit, and stay in place for as long as the value is used.
pub(super) unsafe fn tensor_over(
    dtype: DType,
    shape: &Shape,
    memory: *mut u8,
    len: usize,
) -> Result<OwnedValue> {
    let dims: SmallVec<[i64; 6]> = shape.iter().map(|&dim| dim as i64).collect();
    let (rank, dtype, mut value) = (dims.len(), to_ort(dtype), std::ptr::null_mut());
    let create = ort::api().CreateTensorWithDataAsOrtValue;
    // SAFETY: by the contract; memory description and dimensions are alive.
    unsafe {
        check(create(cpu_memory()?, memory.cast(), len, dims.as_ptr(), rank, dtype, &mut value), MAKE)?;
        OwnedValue::new(value)
    }
}

fn collect(elements: &[OwnedValue], kind: ONNXType) -> Result<OwnedValue> {
    let pointers: Vec<*const OrtValue> =
        elements.iter().map(|element| element.pointer().cast_const()).collect();
    let mut value = std::ptr::null_mut();
    // SAFETY: the elements are alive; the new value shares or copies them, so they may be released after.
    unsafe {
        check((ort::api().CreateValue)(pointers.as_ptr(), pointers.len(), kind, &mut value), MAKE)?;
        OwnedValue::new(value)
    }
}

fn strings(shape: &Shape, strings: &[String]) -> Result<OwnedValue> {
    let api = ort::api();
    let dims: SmallVec<[i64; 6]> = shape.iter().map(|&dim| dim as i64).collect();
    let mut value = std::ptr::null_mut();
    // SAFETY: the buffer that each element lends has the length asked for, so that text with NUL passes whole.
    unsafe {
        let dtype = to_ort(DType::String);
        let status =
            (api.CreateTensorAsOrtValue)(default_allocator()?, dims.as_ptr(), dims.len(), dtype, &mut value);
        check(status, MAKE)?;
        let owned = OwnedValue::new(value)?;
        for (index, text) in strings.iter().enumerate() {
            let mut buffer = std::ptr::null_mut();
            check((api.GetResizedStringTensorElementBuffer)(value, index, text.len(), &mut buffer), MAKE)?;
            std::ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast(), text.len());
        }
        Ok(owned)
    }
}

/// The description of ordinary memory, made once.
pub(super) fn cpu_memory() -> Result<*const OrtMemoryInfo> {
    struct Info(*const OrtMemoryInfo);
    // SAFETY: the description is never changed or released.
    unsafe impl Send for Info {}
    // SAFETY: as above.
    unsafe impl Sync for Info {}
    static CPU: OnceLock<Info> = OnceLock::new();

    if let Some(info) = CPU.get() {
        return Ok(info.0);
    }
    let mut info = std::ptr::null_mut();
    let (allocator, memory) = (OrtAllocatorType::OrtDeviceAllocator, OrtMemType::OrtMemTypeDefault);
    // SAFETY: the out pointer is valid.
    check(unsafe { (ort::api().CreateCpuMemoryInfo)(allocator, memory, &mut info) }, "describe memory")?;
    Ok(CPU.get_or_init(|| Info(info)).0)
}

/// Turns an output into a value. A tensor keeps ONNX Runtime's memory, unless that is an input's passed through,
/// which may end before the output does.
pub(in crate::engine) fn from_output(output: OwnedValue, call: &Call<'_, '_>) -> Result<Value> {
    // First, because asking nothing for its kind ends the process.
    if !has_value(&output)? {
        return Ok(Value::Optional(None));
    }
    let api = ort::api();
    let mut kind = 0_i32;
    // SAFETY: the value is alive; the kind is read as the integer that the enum is.
    unsafe { check((api.GetValueType)(output.pointer(), (&raw mut kind).cast()), READ)? };
    let is = |known: ONNXType| kind == known as i32;
    if is(ONNXType::ONNX_TYPE_TENSOR) {
        tensor_output(output, Some(call)).map(Value::Tensor)
    } else if is(ONNXType::ONNX_TYPE_SEQUENCE) {
        elements(&output)?
            .map(|element| from_output(element?, call))
            .collect::<Result<_>>()
            .map(Value::Sequence)
    } else if is(ONNXType::ONNX_TYPE_MAP) {
        let mut parts = elements(&output)?.map(|element| tensor_output(element?, Some(call)));
        let mut part =
            || parts.next().unwrap_or_else(|| Err(Error::internal("a map without keys or values")));
        Ok(Value::Map(Map::new(part()?, part()?)?))
    } else {
        Err(Error::unsupported("output", format!("value of ONNX Runtime's kind {kind} (sparse or opaque)")))
    }
}

fn has_value(output: &OwnedValue) -> Result<bool> {
    let mut has = 0;
    // SAFETY: the value is alive.
    unsafe { check((ort::api().HasValue)(output.pointer(), &mut has), READ)? };
    Ok(has != 0)
}

/// The elements of a sequence, or keys and values of a map.
fn elements(output: &OwnedValue) -> Result<impl Iterator<Item = Result<OwnedValue>>> {
    let (api, allocator) = (ort::api(), default_allocator()?);
    let mut count = 0;
    // SAFETY: the value is alive.
    unsafe { check((api.GetValueCount)(output.pointer(), &mut count), READ)? };
    Ok((0..count).map(move |index| {
        let mut element = std::ptr::null_mut();
        // SAFETY: the value is alive and the index below its count; the element is a value of its own.
        unsafe {
            check((api.GetValue)(output.pointer(), index as i32, allocator, &mut element), READ)?;
            OwnedValue::new(element)
        }
    }))
}

/// Memory of ONNX Runtime's, kept alive by its value.
struct OutputBytes {
    _value: OwnedValue,
    bytes: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to the value, has no tie to a thread, and is only read.
unsafe impl Send for OutputBytes {}
// SAFETY: as above.
unsafe impl Sync for OutputBytes {}

impl SharedBytes for OutputBytes {
    fn bytes(&self) -> &[u8] {
        // SAFETY: the memory holds `len` bytes as long as the value lives, and nobody writes to it after the run.
        unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.len) }
    }
}

/// Turns an output that is a tensor into one, as [`from_output`] does.
pub(in crate::engine) fn tensor_output(output: OwnedValue, call: Option<&Call<'_, '_>>) -> Result<Tensor> {
    let (dtype, shape) = dtype_and_shape(&output)?;
    let count = shape.element_count()?;
    if dtype == DType::String {
        let strings = string_output(&output, count)?;
        return Tensor::from_strings(shape, strings);
    }
    let len = dtype.size_bytes(count)?;
    let bytes = if len == 0 { NonNull::dangling() } else { data(&output)? };
    let start = bytes.as_ptr().addr();
    let is_input = len > 0 && call.is_some_and(|call| call.overlaps(&(start..start + len)));
    let shared = OutputBytes { _value: output, bytes, len };
    if is_input {
        return Tensor::from_bytes(dtype, shape, shared.bytes());
    }
    match dtype {
        DType::Bool => Tensor::from_shared(dtype, shape, Arc::new(shared)),
        _ => Ok(Tensor::trusted_shared(dtype, shape, Arc::new(shared))),
    }
}

/// The elements of a tensor that has some, in ordinary memory.
fn data(value: &OwnedValue) -> Result<NonNull<u8>> {
    let mut data = std::ptr::null();
    // SAFETY: the value is alive.
    unsafe { check((ort::api().GetTensorData)(value.pointer(), &mut data), READ)? };
    NonNull::new(data.cast_mut().cast()).ok_or_else(|| Error::internal("an output without memory"))
}

fn dtype_and_shape(value: &OwnedValue) -> Result<(DType, Shape)> {
    let (mut dtype, mut dims, mut rank) = (0_i32, std::ptr::null::<i64>(), 0);
    // SAFETY: the value is a live tensor, which lends its dimensions; its type is read as the integer that the enum
    // is, because a newer runtime may know more.
    let dims = unsafe {
        let read = ort::api().GetTensorElementTypeAndShapeDataReference;
        check(read(value.pointer(), (&raw mut dtype).cast(), &mut dims, &mut rank), READ)?;
        if rank == 0 { &[] } else { std::slice::from_raw_parts(dims, rank) }
    };
    Ok((from_ort(dtype)?, sizes(dims)?))
}

fn string_output(output: &OwnedValue, count: usize) -> Result<Vec<String>> {
    let api = ort::api();
    let mut len = 0;
    // SAFETY: the value is a tensor of `count` strings; buffers have the lengths that they are said to have.
    let (text, mut offsets) = unsafe {
        check((api.GetStringTensorDataLength)(output.pointer(), &mut len), READ)?;
        let (mut text, mut offsets) = (vec![0_u8; len], vec![0_usize; count]);
        let content = api.GetStringTensorContent;
        check(content(output.pointer(), text.as_mut_ptr().cast(), len, offsets.as_mut_ptr(), count), READ)?;
        (text, offsets)
    };
    offsets.push(len);
    let piece = |pair: &[usize]| String::from_utf8_lossy(&text[pair[0]..pair[1]]).into_owned();
    Ok(offsets.windows(2).map(piece).collect())
}
