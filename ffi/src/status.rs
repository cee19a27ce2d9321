//! What functions return: zero, or the number of an error.

/// What a function returns: `ORTLET_OK`, or one of the other numbers below. A number is never reused.
pub type ortlet_status = u32;

/// All went well.
pub const ORTLET_OK: u32 = 0;
/// An argument or option has a value that can never work.
pub const ORTLET_INVALID_ARGUMENT: u32 = 1;
/// The bytes are not a well-formed model.
pub const ORTLET_INVALID_MODEL: u32 = 2;
/// Well-formed, but beyond what this build, runtime or device can do.
pub const ORTLET_UNSUPPORTED: u32 = 3;
/// A tensor's type, rank or shape is not what is expected of it.
pub const ORTLET_TENSOR_MISMATCH: u32 = 4;
/// A name or a path that does not exist.
pub const ORTLET_NOT_FOUND: u32 = 5;
/// The operating system refused to read or write.
pub const ORTLET_IO: u32 = 6;
/// No ONNX Runtime library was found. The error's details list every place that was searched.
pub const ORTLET_RUNTIME_NOT_FOUND: u32 = 7;
/// The ONNX Runtime library that was found cannot be used.
pub const ORTLET_RUNTIME_INCOMPATIBLE: u32 = 8;
/// ONNX Runtime reported a failure.
pub const ORTLET_RUNTIME_FAILED: u32 = 9;
/// The run did not finish within its deadline.
pub const ORTLET_DEADLINE_EXCEEDED: u32 = 10;
/// The caller cancelled the operation.
pub const ORTLET_CANCELLED: u32 = 11;
/// The bound on simultaneous runs is reached and the wait for a place was too long.
pub const ORTLET_POOL_EXHAUSTED: u32 = 12;
/// Stored bytes are damaged or not what they claim to be.
pub const ORTLET_INTEGRITY: u32 = 13;
/// No candidate stays within the accuracy that the caller asked for.
pub const ORTLET_ACCURACY_BUDGET: u32 = 14;
/// A bound that protects the process would be passed.
pub const ORTLET_LIMIT_EXCEEDED: u32 = 15;
/// A bug in Ortlet; please report it.
pub const ORTLET_INTERNAL: u32 = 16;

#[cfg(test)]
mod tests {
    use ortlet::ErrorCode;

    use super::*;

    #[test]
    fn every_code_has_its_number() {
        let numbers = [
            ORTLET_INVALID_ARGUMENT,
            ORTLET_INVALID_MODEL,
            ORTLET_UNSUPPORTED,
            ORTLET_TENSOR_MISMATCH,
            ORTLET_NOT_FOUND,
            ORTLET_IO,
            ORTLET_RUNTIME_NOT_FOUND,
            ORTLET_RUNTIME_INCOMPATIBLE,
            ORTLET_RUNTIME_FAILED,
            ORTLET_DEADLINE_EXCEEDED,
            ORTLET_CANCELLED,
            ORTLET_POOL_EXHAUSTED,
            ORTLET_INTEGRITY,
            ORTLET_ACCURACY_BUDGET,
            ORTLET_LIMIT_EXCEEDED,
            ORTLET_INTERNAL,
        ];
        assert_eq!(numbers, ErrorCode::ALL.map(|code| code as u32));
    }
}
