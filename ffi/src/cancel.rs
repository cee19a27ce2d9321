//! Tokens that cancel runs and other work from any thread.

use ortlet::CancelToken;

use crate::arguments::{give, handle_output, reference};
use crate::error::ortlet_error;
use crate::guard::{self, guard};
use crate::status::ortlet_status;

/// Cancels the work that it was given to, at once or later, from any thread. Owned by whoever made it; freed by
/// `ortlet_cancel_token_free`, also while work has it: the work keeps what it needs.
pub struct ortlet_cancel_token(pub(crate) CancelToken);

/// Makes a token that is not cancelled.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cancel_token_new(
    token: *mut *mut ortlet_cancel_token,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            give(handle_output(token, "token")?, ortlet_cancel_token(CancelToken::new()));
            Ok(())
        })
    }
}

/// Cancels everything that has the token, and what gets it later. A run ends before its next operator; this does not
/// wait for it. The token stays cancelled.
///
/// Errors: `ORTLET_INVALID_ARGUMENT` for `NULL`. Threads: any, also while work has the token.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cancel_token_cancel(
    token: *const ortlet_cancel_token,
    error: *mut *mut ortlet_error,
) -> ortlet_status {
    // SAFETY: see the crate's documentation.
    unsafe {
        guard(error, || {
            reference(token, "token")?.0.cancel();
            Ok(())
        })
    }
}

/// Whether the token is cancelled; false for `NULL`.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cancel_token_is_cancelled(token: *const ortlet_cancel_token) -> bool {
    // SAFETY: see the crate's documentation.
    unsafe { token.as_ref() }.is_some_and(|token| token.0.is_cancelled())
}

/// Frees a token, cancelled or not. Does nothing with `NULL`.
///
/// Threads: any, once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ortlet_cancel_token_free(token: *mut ortlet_cancel_token) {
    // SAFETY: see the crate's documentation.
    unsafe { guard::free(token) };
}
