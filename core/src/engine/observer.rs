//! Functions of the caller's that are told how long work goes.

use std::fmt;
use std::sync::Arc;

/// A function that is told how far something is. It is called on the thread that does the work and takes time from it.
pub struct Observer<P>(Arc<dyn Fn(&P) + Send + Sync>);

impl<P> Observer<P> {
    /// Has the function told.
    pub fn new(observe: impl Fn(&P) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    pub(in crate::engine) fn tell(&self, progress: &P) {
        (self.0)(progress);
    }
}

impl<P> Clone for Observer<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> PartialEq for Observer<P> {
    /// Whether both are clones of one observer.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<P> fmt::Debug for Observer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}
