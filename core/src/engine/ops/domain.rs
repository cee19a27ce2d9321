//! The domain `ai.ortlet`: made once for the process, given to each session.

use std::ptr;
use std::sync::OnceLock;

use ort::sys::{OrtCustomOp, OrtCustomOpDomain, OrtSessionOptions, OrtStatusPtr};

use super::attention::AttentionOp;
use super::convolution::ConvolutionOp;
use super::embedding::EmbeddingOp;
use super::feed_forward::FeedForwardOp;
use super::linear::LinearOp;
use super::table::table;

static TABLES: &[OrtCustomOp] = &[
    table::<LinearOp>(),
    table::<FeedForwardOp>(),
    table::<AttentionOp>(),
    table::<EmbeddingOp>(),
    table::<ConvolutionOp>(),
    #[cfg(test)]
    table::<super::panics::PanicOp>(),
];

/// The domain, which is never changed or released.
struct Domain(*mut OrtCustomOpDomain);

// SAFETY: after it was made, the domain is only read.
unsafe impl Send for Domain {}
// SAFETY: as above.
unsafe impl Sync for Domain {}

/// Lets a session's models use the domain. The status is ONNX Runtime's, and the caller's to release.
///
/// # Safety
/// `options` has to be valid.
pub(in crate::engine) unsafe fn add_domain(options: *mut OrtSessionOptions) -> OrtStatusPtr {
    static MADE: OnceLock<Domain> = OnceLock::new();
    let domain = match MADE.get() {
        Some(domain) => domain,
        None => match make() {
            // Another thread may have been first; two domains do no harm, and the other stays unused.
            Ok(domain) => MADE.get_or_init(|| domain),
            Err(status) => return status,
        },
    };
    // SAFETY: the options are valid by the caller's promise, the domain lives for ever.
    unsafe { (ort::api().AddCustomOpDomain)(options, domain.0) }
}

fn make() -> Result<Domain, OrtStatusPtr> {
    let api = ort::api();
    let mut domain = ptr::null_mut();
    // SAFETY: the name is NUL-terminated and the place is valid.
    let status = unsafe { (api.CreateCustomOpDomain)(super::DOMAIN_C.as_ptr(), &mut domain) };
    if !status.0.is_null() {
        return Err(status);
    }
    for table in TABLES {
        // SAFETY: the domain was just made, and the tables live as long as the process.
        let status = unsafe { (api.CustomOpDomain_Add)(domain, table) };
        if !status.0.is_null() {
            // SAFETY: nobody else has the domain.
            unsafe { (api.ReleaseCustomOpDomain)(domain) };
            return Err(status);
        }
    }
    Ok(Domain(domain))
}
