//! `ortlet.CancelToken`: ends runs and other work, from any thread.

use ortlet::CancelToken;
use pyo3::prelude::*;

/// Ends the runs and other work that it was given to, from any thread. Once cancelled, it stays so.
#[pyclass(frozen, module = "ortlet", name = "CancelToken")]
pub(crate) struct PyCancelToken {
    pub(crate) token: CancelToken,
}

#[pymethods]
impl PyCancelToken {
    #[new]
    fn new() -> Self {
        Self { token: CancelToken::new() }
    }

    /// Ends what was given the token, each run before its next operator. Returns at once.
    fn cancel(&self) {
        self.token.cancel();
    }

    /// Whether `cancel` was called.
    #[getter]
    fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    fn __repr__(&self) -> &'static str {
        if self.token.is_cancelled() { "CancelToken(cancelled)" } else { "CancelToken()" }
    }
}
