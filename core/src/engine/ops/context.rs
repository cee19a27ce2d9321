//! One call of a kernel: its inputs and its output, in ONNX Runtime's memory.

use std::ffi::c_void;
use std::marker::PhantomData;
use std::{ptr, slice};

use ort::sys::{ONNXTensorElementDataType as Element, OrtKernelContext, OrtValue};
use smallvec::SmallVec;

use super::pool::SessionPool;
use super::problem::{Outcome, Problem, check};
use super::table::Input;

/// A shape on the stack.
pub(super) type Dims = SmallVec<[i64; 8]>;

/// A call under way.
pub(super) struct Context<'c> {
    raw: *mut OrtKernelContext,
    inputs: &'static [Input],
    call: PhantomData<&'c ()>,
}

/// A tensor in memory of ONNX Runtime's.
pub(super) struct Tensor<'t> {
    pub(super) dims: &'t [i64],
    element: Element,
    data: *const c_void,
    len: usize,
}

impl<'c> Context<'c> {
    /// # Safety
    /// `raw` has to be valid for `'c`.
    pub(super) unsafe fn new(raw: *mut OrtKernelContext, inputs: &'static [Input]) -> Self {
        Self { raw, inputs, call: PhantomData }
    }

    /// An input, if the node has it.
    ///
    /// # Errors
    /// If it is no dense tensor.
    pub(super) fn optional(&self, index: usize) -> Outcome<Option<Tensor<'c>>> {
        let mut value = ptr::null();
        // SAFETY: the context is alive and the place is valid.
        let status = unsafe { (ort::api().KernelContext_GetInput)(self.raw, index, &mut value) };
        check(status)?;
        if value.is_null() {
            return Ok(None);
        }
        // SAFETY: inputs live through the call.
        unsafe { Tensor::of(value) }.map(Some).map_err(|problem| problem.of(&self.name(index)))
    }

    /// # Errors
    /// As [`Context::optional`], and if the node does not have it.
    pub(super) fn input(&self, index: usize) -> Outcome<Tensor<'c>> {
        self.optional(index)?.ok_or_else(|| Problem::new("is missing").of(&self.name(index)))
    }

    /// Numbers of an input.
    ///
    /// # Errors
    /// If they are of another type.
    pub(super) fn floats(&self, index: usize, tensor: &Tensor<'c>) -> Outcome<&'c [f32]> {
        tensor.floats().map_err(|problem| problem.of(&self.name(index)))
    }

    /// An input, if the node has it, that has to have a certain shape.
    ///
    /// # Errors
    /// If it has another, or is of another type.
    pub(super) fn optional_of_shape(&self, index: usize, dims: &[i64]) -> Outcome<Option<&'c [f32]>> {
        let Some(tensor) = self.optional(index)? else { return Ok(None) };
        if tensor.dims != dims {
            let words = format!("has the shape {:?}, not {dims:?}", tensor.dims);
            return Err(Problem::new(words).of(&self.name(index)));
        }
        self.floats(index, &tensor).map(Some)
    }

    /// Memory of the one output, for numbers.
    ///
    /// # Errors
    /// What ONNX Runtime says if it has no memory.
    pub(super) fn output(&mut self, dims: &[i64]) -> Outcome<&mut [f32]> {
        let mut value = ptr::null_mut();
        // SAFETY: context and dimensions are alive and the place is valid.
        check(unsafe {
            (ort::api().KernelContext_GetOutput)(self.raw, 0, dims.as_ptr(), dims.len(), &mut value)
        })?;
        let len = element_count(dims)?;
        if len == 0 || value.is_null() {
            return Ok(&mut []);
        }
        let mut data = ptr::null_mut();
        // SAFETY: the value is alive and the place is valid.
        check(unsafe { (ort::api().GetTensorMutableData)(value, &mut data) })?;
        // SAFETY: ONNX Runtime allocated this many numbers, aligned, for this call, and hands them to nobody else
        // before it ends: outputs share no memory with inputs unless the table of the operator allows it. Their
        // content is whatever was there, which is some number. The borrow keeps a second one from being made.
        Ok(unsafe { slice::from_raw_parts_mut(data.cast(), len) })
    }

    /// The session's threads, for loops.
    pub(super) fn pool(&self, threads: usize) -> SessionPool<'c> {
        // SAFETY: the context is valid for `'c`.
        unsafe { SessionPool::new(self.raw, threads) }
    }

    /// What is wrong with an input.
    pub(super) fn wrong(&self, index: usize, words: String) -> Problem {
        Problem::new(words).of(&self.name(index))
    }

    fn name(&self, index: usize) -> String {
        format!("input `{}`", self.inputs.get(index).map_or("", |input| input.name))
    }
}

impl<'t> Tensor<'t> {
    /// # Errors
    /// If the value is no dense tensor.
    ///
    /// # Safety
    /// `value` has to live, unchanged, for `'t`.
    pub(super) unsafe fn of(value: *const OrtValue) -> Outcome<Self> {
        let api = ort::api();
        let (mut element, mut dims, mut rank) =
            (Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, ptr::null(), 0);
        // SAFETY: the value is alive and the places are valid.
        check(unsafe {
            (api.GetTensorElementTypeAndShapeDataReference)(value, &mut element, &mut dims, &mut rank)
        })?;
        // SAFETY: ONNX Runtime gives the tensor's own sizes, which live as long as it does.
        let dims = if rank == 0 { &[][..] } else { unsafe { slice::from_raw_parts(dims, rank) } };
        let mut data = ptr::null();
        // SAFETY: the value is alive, a dense tensor by the call before, and the place is valid.
        check(unsafe { (api.GetTensorData)(value, &mut data) })?;
        Ok(Self { dims, element, data, len: element_count(dims)? })
    }

    /// # Errors
    /// If the elements are something else.
    pub(super) fn floats(&self) -> Outcome<&'t [f32]> {
        // SAFETY: every pattern is a number.
        unsafe { self.elements(Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT) }
    }

    /// # Errors
    /// If the elements are something else.
    pub(super) fn bytes(&self) -> Outcome<&'t [u8]> {
        // SAFETY: every pattern is a number.
        unsafe { self.elements(Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8) }
    }

    /// Whole numbers, if the elements are of 64 bits.
    pub(super) fn long_integers(&self) -> Option<Outcome<&'t [i64]>> {
        let element = Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
        // SAFETY: every pattern is a number.
        (self.element == element).then(|| unsafe { self.elements(element) })
    }

    /// Whole numbers, if the elements are of 32 bits.
    pub(super) fn integers(&self) -> Option<Outcome<&'t [i32]>> {
        let element = Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32;
        // SAFETY: every pattern is a number.
        (self.element == element).then(|| unsafe { self.elements(element) })
    }

    pub(super) fn element_name(&self) -> String {
        let name = format!("{:?}", self.element);
        name.trim_start_matches("ONNX_TENSOR_ELEMENT_DATA_TYPE_").to_lowercase()
    }

    /// # Safety
    /// `T` has to be the type that ONNX Runtime calls `element`, and one that every pattern is valid for.
    unsafe fn elements<T>(&self, element: Element) -> Outcome<&'t [T]> {
        if self.element != element {
            return Err(Problem::new(format!("has elements of type {}", self.element_name())));
        }
        if self.len == 0 {
            return Ok(&[]);
        }
        if !self.data.cast::<T>().is_aligned() {
            return Err(Problem::new("lies in memory that is not aligned"));
        }
        // SAFETY: ONNX Runtime's tensors hold as many elements as their sizes say; the type is right by the check
        // above and the caller's promise; nobody writes to inputs and constants.
        Ok(unsafe { slice::from_raw_parts(self.data.cast(), self.len) })
    }
}

/// # Errors
/// If a size is negative or the product no number.
pub(super) fn element_count(dims: &[i64]) -> Outcome<usize> {
    let product =
        dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(usize::try_from(dim).ok()?));
    product.ok_or_else(|| Problem::new(format!("there is no tensor of the shape {dims:?}")))
}
