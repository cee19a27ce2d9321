//! Inputs and outputs that are bound to memory once and run many times.

use std::marker::PhantomData;
use std::ptr::NonNull;

use ort::sys::OrtIoBinding;
use smallvec::SmallVec;

use crate::engine::runtime::RawSession;
use crate::engine::runtime::status::check;
use crate::engine::runtime::strings::default_allocator;
use crate::engine::runtime::value::{OwnedValue, cpu_memory, tensor_over};
use crate::tensor::{AlignedBuffer, DType, Shape, TensorView, TensorViewMut};
use crate::{Error, Result};

const BIND: &str = "bind a value";

/// A tensor over memory that stays in place: its own, or the caller's for as long as `'m`.
pub(in crate::engine) struct BoundTensor<'m> {
    value: OwnedValue,
    dtype: DType,
    shape: Shape,
    bytes: NonNull<u8>,
    len: usize,
    _own: Option<AlignedBuffer>,
    _memory: PhantomData<&'m mut [u8]>,
}

// SAFETY: the memory is either owned or exclusively borrowed, so it moves with the tensor like a `&mut [u8]`.
unsafe impl Send for BoundTensor<'_> {}
// SAFETY: through a shared reference the memory is only read.
unsafe impl Sync for BoundTensor<'_> {}

impl<'m> BoundTensor<'m> {
    /// Zeros on a 64-byte border.
    ///
    /// # Errors
    /// `limit_exceeded` if the memory cannot be had, `unsupported` for strings.
    pub(in crate::engine) fn zeros(dtype: DType, shape: Shape) -> Result<Self> {
        if dtype == DType::String {
            let reason = "strings have no fixed size; give them to `run`";
            return Err(Error::unsupported("binding of strings", reason));
        }
        let mut own = AlignedBuffer::zeroed(dtype.size_bytes(shape.element_count()?)?)?;
        let bytes = NonNull::from(own.bytes_mut());
        Self::over(dtype, shape, bytes, Some(own))
    }

    /// The caller's memory.
    ///
    /// # Errors
    /// `invalid_argument` if the memory is misaligned for its type.
    pub(in crate::engine) fn borrowed(view: TensorViewMut<'m>) -> Result<Self> {
        let (dtype, shape, bytes) = view.into_parts();
        if !bytes.as_ptr().addr().is_multiple_of(dtype.align_bytes()) {
            let reason = format!("{dtype} needs memory on a border of {} bytes", dtype.align_bytes());
            return Err(Error::invalid_argument("memory", reason));
        }
        Self::over(dtype, shape, NonNull::from(bytes), None)
    }

    fn over(dtype: DType, shape: Shape, bytes: NonNull<[u8]>, own: Option<AlignedBuffer>) -> Result<Self> {
        // SAFETY: the memory lives as long as the result, which owns or borrows it, and is not moved: the heap block
        // of a buffer stays where it is when the buffer moves.
        let value = unsafe { tensor_over(dtype, &shape, bytes.cast().as_ptr(), bytes.len())? };
        let (len, bytes) = (bytes.len(), bytes.cast());
        Ok(Self { value, dtype, shape, bytes, len, _own: own, _memory: PhantomData })
    }

    pub(in crate::engine) fn view(&self) -> TensorView<'_> {
        // SAFETY: the memory is alive, initialised, and not written to while `self` is borrowed: only a run writes to
        // it, which takes the binding exclusively.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes.as_ptr(), self.len) };
        TensorView::trusted(self.dtype, self.shape.clone(), bytes)
    }

    pub(in crate::engine) fn view_mut(&mut self) -> TensorViewMut<'_> {
        // SAFETY: as above, and `self` is borrowed exclusively.
        let bytes = unsafe { std::slice::from_raw_parts_mut(self.bytes.as_ptr(), self.len) };
        TensorViewMut::trusted(self.dtype, self.shape.clone(), bytes)
    }

    pub(in crate::engine) fn dtype(&self) -> DType {
        self.dtype
    }

    pub(in crate::engine) fn shape(&self) -> &Shape {
        &self.shape
    }
}

/// ONNX Runtime's table of what is bound to what.
pub(in crate::engine) struct IoBinding(NonNull<OrtIoBinding>);

// SAFETY: a table has no tie to the thread that made it, and is only used by who has it exclusively.
unsafe impl Send for IoBinding {}

impl IoBinding {
    pub(in crate::engine) fn new(session: &RawSession) -> Result<Self> {
        let mut binding = std::ptr::null_mut();
        // SAFETY: the session is alive; whoever has the table keeps it so.
        check(unsafe { (ort::api().CreateIoBinding)(session.pointer(), &mut binding) }, "create a binding")?;
        NonNull::new(binding).map(Self).ok_or_else(|| Error::internal("ONNX Runtime gave no binding"))
    }

    /// Binds the input at a place, as [`RawSession::run`] counts them.
    pub(in crate::engine) fn input(
        &mut self,
        session: &RawSession,
        place: usize,
        tensor: &BoundTensor<'_>,
    ) -> Result<()> {
        let (name, value) = (session.input_name(place), tensor.value.pointer());
        // SAFETY: table, name and value are alive; the table shares what it keeps of the value.
        check(unsafe { (ort::api().BindInput)(self.0.as_ptr(), name.as_ptr(), value) }, BIND)
    }

    /// Binds the output of an index to memory.
    pub(in crate::engine) fn output(
        &mut self,
        session: &RawSession,
        index: usize,
        tensor: &BoundTensor<'_>,
    ) -> Result<()> {
        let (name, value) = (session.output_name(index), tensor.value.pointer());
        // SAFETY: as above.
        check(unsafe { (ort::api().BindOutput)(self.0.as_ptr(), name.as_ptr(), value) }, BIND)
    }

    /// Has each run allocate the output of an index, in whatever shape it then has.
    pub(in crate::engine) fn allocated_output(&mut self, session: &RawSession, index: usize) -> Result<()> {
        let (name, memory) = (session.output_name(index), cpu_memory()?);
        // SAFETY: table, name and memory description are alive.
        check(unsafe { (ort::api().BindOutputToDevice)(self.0.as_ptr(), name.as_ptr(), memory) }, BIND)
    }

    /// The outputs of the last run, in the order in which they were bound.
    pub(in crate::engine) fn outputs(&self) -> Result<SmallVec<[OwnedValue; 4]>> {
        let (allocator, mut values, mut count) = (default_allocator()?, std::ptr::null_mut(), 0);
        // SAFETY: the array holds `count` values that are ours, and is freed by the allocator that it came from.
        unsafe {
            let get = ort::api().GetBoundOutputValues;
            check(get(self.0.as_ptr(), allocator, &mut values, &mut count), "read bound outputs")?;
            let owned = (0..count).map(|index| OwnedValue::new(*values.add(index))).collect();
            if !values.is_null() {
                check((ort::api().AllocatorFree)(allocator, values.cast()), "free a list")?;
            }
            owned
        }
    }

    pub(super) fn pointer(&self) -> *const OrtIoBinding {
        self.0.as_ptr()
    }
}

impl Drop for IoBinding {
    fn drop(&mut self) {
        // SAFETY: alive and ours.
        unsafe { (ort::api().ReleaseIoBinding)(self.0.as_ptr()) }
    }
}
