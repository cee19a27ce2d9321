//! ONNX Runtime's table of functions for one operator, made of a Rust type.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use ort::sys::{
    ONNXTensorElementDataType as Element, OrtApi, OrtCustomOp,
    OrtCustomOpInputOutputCharacteristic as Presence, OrtErrorCode, OrtKernelContext, OrtKernelInfo,
    OrtMemType, OrtStatusPtr,
};

use super::context::Context;
use super::info::Info;
use super::problem::{Outcome, guarded};

/// The version of the table up to whose fields ours is filled in; every ONNX Runtime that Ortlet supports is newer.
const TABLE_VERSION: u32 = 17;

/// One operator; a value of the type is the kernel of one node. Inputs and outputs lie in the CPU's memory.
pub(super) trait Operator: Sized + Send + Sync + 'static {
    const NAME: &'static CStr;
    const INPUTS: &'static [Input];

    /// Reads attributes and constants of a node.
    ///
    /// # Errors
    /// What is wrong with them.
    fn new(info: &Info) -> Outcome<Self>;

    /// Computes the one output, which is of `f32`. Called by many threads at once.
    ///
    /// # Errors
    /// What is wrong with the inputs, and what ONNX Runtime says.
    fn compute(&self, context: &mut Context<'_>) -> Outcome<()>;
}

/// What an input may be.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) element: Element,
    pub(super) required: bool,
}

impl Input {
    /// Numbers that have to be there.
    pub(super) const fn floats(name: &'static str) -> Self {
        Self { name, element: Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, required: true }
    }

    /// Packed weights.
    pub(super) const fn blob(name: &'static str) -> Self {
        Self { name, element: Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8, required: true }
    }

    /// Whole numbers of a type that is looked at when the kernel runs.
    pub(super) const fn indices(name: &'static str) -> Self {
        Self { name, element: Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED, required: true }
    }

    pub(super) const fn optional(self) -> Self {
        Self { required: false, ..self }
    }
}

/// The table of an operator.
pub(super) const fn table<T: Operator>() -> OrtCustomOp {
    OrtCustomOp {
        version: TABLE_VERSION,
        // The second versions below, which can fail, are called instead of these two.
        CreateKernel: None,
        KernelCompute: None,
        GetName: Some(name::<T>),
        GetExecutionProviderType: Some(any_provider),
        GetInputType: Some(input_type::<T>),
        GetInputTypeCount: Some(input_count::<T>),
        GetOutputType: Some(output_type),
        GetOutputTypeCount: Some(output_count),
        KernelDestroy: Some(destroy::<T>),
        GetInputCharacteristic: Some(input_presence::<T>),
        GetOutputCharacteristic: Some(output_presence),
        GetInputMemoryType: Some(memory_type),
        GetVariadicInputMinArity: Some(one),
        GetVariadicInputHomogeneity: Some(one),
        GetVariadicOutputMinArity: Some(one),
        GetVariadicOutputHomogeneity: Some(one),
        CreateKernelV2: Some(create::<T>),
        KernelComputeV2: Some(compute::<T>),
        // Could not say anything: how wide rows get is in the packed weights, which it does not see, and a size that is
        // not known cannot be left open. The types that a model states for values are used as ever.
        InferOutputShapeFn: None,
        GetStartVersion: Some(one),
        GetEndVersion: Some(last_version),
        GetMayInplace: None,
        ReleaseMayInplace: None,
        GetAliasMap: None,
        ReleaseAliasMap: None,
    }
}

extern "system" fn name<T: Operator>(_: *const OrtCustomOp) -> *const c_char {
    T::NAME.as_ptr()
}

/// That is, the CPU's.
extern "system" fn any_provider(_: *const OrtCustomOp) -> *const c_char {
    ptr::null()
}

extern "system" fn input_count<T: Operator>(_: *const OrtCustomOp) -> usize {
    T::INPUTS.len()
}

extern "system" fn input_type<T: Operator>(_: *const OrtCustomOp, index: usize) -> Element {
    let undefined = Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    T::INPUTS.get(index).map_or(undefined, |input| input.element)
}

extern "system" fn input_presence<T: Operator>(_: *const OrtCustomOp, index: usize) -> Presence {
    if T::INPUTS.get(index).is_some_and(|input| input.required) {
        Presence::INPUT_OUTPUT_REQUIRED
    } else {
        Presence::INPUT_OUTPUT_OPTIONAL
    }
}

extern "system" fn output_count(_: *const OrtCustomOp) -> usize {
    1
}

extern "system" fn output_type(_: *const OrtCustomOp, _: usize) -> Element {
    Element::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT
}

extern "system" fn output_presence(_: *const OrtCustomOp, _: usize) -> Presence {
    Presence::INPUT_OUTPUT_REQUIRED
}

extern "system" fn memory_type(_: *const OrtCustomOp, _: usize) -> OrtMemType {
    OrtMemType::OrtMemTypeDefault
}

extern "system" fn one(_: *const OrtCustomOp) -> c_int {
    1
}

extern "system" fn last_version(_: *const OrtCustomOp) -> c_int {
    c_int::MAX
}

unsafe extern "system" fn create<T: Operator>(
    _: *const OrtCustomOp,
    _: *const OrtApi,
    info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    guarded(OrtErrorCode::ORT_INVALID_GRAPH, || {
        // SAFETY: ONNX Runtime's information on the node is valid during this call.
        let info = unsafe { Info::new(info, T::NAME, T::INPUTS) };
        let made = T::new(&info).map_err(|problem| problem.of(&info))?;
        // SAFETY: ONNX Runtime gives a place for the kernel.
        unsafe { *kernel = Box::into_raw(Box::new(made)).cast() };
        Ok(())
    })
}

unsafe extern "system" fn compute<T: Operator>(
    kernel: *mut c_void,
    context: *mut OrtKernelContext,
) -> OrtStatusPtr {
    guarded(OrtErrorCode::ORT_INVALID_ARGUMENT, || {
        // SAFETY: the kernel is one that `create` made, and lives until `destroy`. It is only read: runs may be
        // concurrent, and the type is `Sync`.
        let operator = unsafe { &*kernel.cast::<T>() };
        // SAFETY: ONNX Runtime's context is valid during this call.
        operator.compute(&mut unsafe { Context::new(context, T::INPUTS) })
    })
}

unsafe extern "system" fn destroy<T: Operator>(kernel: *mut c_void) {
    // Nothing to tell it to: without a status, a panic may only be swallowed.
    let _ = std::panic::catch_unwind(|| {
        // SAFETY: `create` made the box, and ONNX Runtime gives it back once, after the last run.
        drop(unsafe { Box::from_raw(kernel.cast::<T>()) });
    });
}
