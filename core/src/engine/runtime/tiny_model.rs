//! Models of one node, written in the encoding of Protocol Buffers: what ONNX Runtime only does in a session.

use std::ffi::CStr;
use std::ptr;

use ort::AsPointer;

use crate::engine::runtime::Runtime;
use crate::engine::runtime::session_options::OwnedOptions;
use crate::engine::runtime::status::check;
use crate::engine::runtime::value::OwnedValue;
use crate::tensor::DType;
use crate::{Error, Result};

/// The one output of these models.
pub(super) const OUTPUT: &CStr = c"y";

/// A model whose only node has no inputs. `node` are its fields but for the output, `output_type` is a `TypeProto`.
pub(super) fn model(node: &[u8], output_type: &[u8], domain: &str, version: u8) -> Vec<u8> {
    let node = [field(2, OUTPUT.to_bytes()), node.to_vec()].concat();
    let output = [field(1, OUTPUT.to_bytes()), field(2, output_type)].concat();
    let graph = [field(1, &node), field(2, b"tiny"), field(12, &output)].concat();
    let opset = [field(1, domain.as_bytes()), vec![0x10, version]].concat();
    [vec![0x08, 8], field(7, &graph), field(8, &opset)].concat()
}

/// A field of bytes; all here are shorter than 128.
pub(super) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A sequence of no tensors, which ONNX Runtime's interface makes in no other way.
///
/// # Errors
/// `unsupported` if ONNX Runtime has no such sequence.
pub(super) fn empty_sequence(element: DType) -> Result<OwnedValue> {
    let runtime = Runtime::loaded().ok_or_else(|| Error::internal("a run without ONNX Runtime"))?;
    let made = make_empty_sequence(runtime, element);
    made.map_err(|error| Error::unsupported(format!("empty sequence of {element}"), error.to_string()))
}

fn make_empty_sequence(runtime: &Runtime, element: DType) -> Result<OwnedValue> {
    const MAKE: &str = "make an empty sequence";
    let model = empty_sequence_model(element.onnx() as u8);
    let options = OwnedOptions::bare()?;
    let api = ort::api();
    let (mut session, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: out pointers are valid, options and model live through the calls, the value does not need its session.
    unsafe {
        check((api.SetIntraOpNumThreads)(options.0, 1), MAKE)?;
        let environment = runtime.environment().ptr();
        check(
            (api.CreateSessionFromArray)(
                environment,
                model.as_ptr().cast(),
                model.len(),
                options.0,
                &mut session,
            ),
            MAKE,
        )?;
        let (nothing, none) = (ptr::null(), ptr::null());
        let status = (api.Run)(session, ptr::null(), nothing, none, 0, &OUTPUT.as_ptr(), 1, &mut value);
        (api.ReleaseSession)(session);
        check(status, MAKE)?;
        OwnedValue::new(value)
    }
}

/// `y = SequenceEmpty(dtype)`.
pub(super) fn empty_sequence_model(dtype: u8) -> Vec<u8> {
    // Field 3 is the number, field 20 says that it is one.
    let attribute = [field(1, b"dtype"), vec![0x18, dtype, 0xA0, 0x01, 2]].concat();
    let node = [field(4, b"SequenceEmpty"), field(5, &attribute)].concat();
    let tensor = field(1, &[0x08, dtype]);
    model(&node, &field(4, &field(1, &tensor)), "", 11)
}
