//! Cancelling runs from any thread.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::session::flight::Flight;
use crate::engine::session::signal::Ending;

/// Cancels the runs that it was given to, at once or later. Clones are the same token.
///
/// A run ends before its next operator: what is being computed when the token is cancelled is finished first. The
/// session can be used again at once; the token stays cancelled.
///
/// # Examples
/// ```no_run
/// use std::thread;
/// use ortlet::{CancelToken, RunOptions, Session, SessionOptions};
/// use ortlet::tensor::TensorView;
///
/// let session = Session::load("model.onnx", &SessionOptions::default())?;
/// let options = RunOptions { cancel: Some(CancelToken::new()), ..RunOptions::default() };
/// let token = options.cancel.clone().unwrap();
/// thread::spawn(move || token.cancel());
/// let x = [0.0_f32; 4];
/// match session.run_with([("x", TensorView::from_slice([1, 4], &x)?)], &options) {
///     Err(error) if error.code() == ortlet::ErrorCode::Cancelled => println!("cancelled"),
///     outputs => drop(outputs?),
/// }
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    flights: Mutex<Vec<Arc<Flight>>>,
}

impl CancelToken {
    /// A token that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every run that has the token, and those that get it later. Does not wait for them to end.
    pub fn cancel(&self) {
        let flights = self.flights();
        self.0.cancelled.store(true, Ordering::SeqCst);
        flights.iter().for_each(|flight| flight.end(Ending::Cancelled));
    }

    /// Whether [`cancel`](Self::cancel) was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Has the token end a flight; at once if it is cancelled already.
    pub(super) fn watch(&self, flight: &Arc<Flight>) {
        let mut flights = self.flights();
        if self.is_cancelled() {
            flight.end(Ending::Cancelled);
        }
        flights.push(flight.clone());
    }

    /// Afterwards the token does nothing to the flight.
    pub(super) fn unwatch(&self, flight: &Arc<Flight>) {
        let mut flights = self.flights();
        if let Some(at) = flights.iter().position(|other| Arc::ptr_eq(other, flight)) {
            flights.swap_remove(at);
        }
    }

    fn flights(&self) -> MutexGuard<'_, Vec<Arc<Flight>>> {
        self.0.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialEq for CancelToken {
    /// Whether both are clones of one token.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for CancelToken {}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_cancelled() { "CancelToken(cancelled)" } else { "CancelToken" })
    }
}
