//! [`Bytes`]: a shared, immutable range of memory that somebody else may own.

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// What [`Bytes`] may borrow from: a vector, a memory map, anything that always gives the same bytes.
type Owner = dyn AsRef<[u8]> + Send + Sync;

/// A range of shared, immutable bytes. Cloning and slicing copy no bytes.
///
/// The owner is any type that gives a slice, for example a `Vec<u8>` or a memory map, and lives until the last
/// clone is dropped. The owner must give the same bytes each time it is asked. `Send` and `Sync`.
///
/// # Examples
/// ```
/// use ortlet::model::Bytes;
///
/// let all = Bytes::from(vec![1, 2, 3, 4]);
/// let middle = all.slice(1..3).unwrap();
/// assert_eq!(&middle[..], [2, 3]);
/// assert_eq!(middle.as_ptr(), all[1..].as_ptr());
/// ```
#[derive(Clone)]
pub struct Bytes {
    owner: Arc<Owner>,
    start: usize,
    len: usize,
}

impl Bytes {
    /// Shares everything that `owner` gives.
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let len = owner.as_ref().len();
        Self { owner: Arc::new(owner), start: 0, len }
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        // An owner that breaks its promise and shrinks must not cause a panic.
        self.owner.as_ref().as_ref().get(self.start..self.start + self.len).unwrap_or_default()
    }

    /// A part of these bytes, without copying; `None` if the range reaches outside.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Option<Self> {
        if range.start > range.end || range.end > self.len {
            return None;
        }
        Some(Self {
            owner: Arc::clone(&self.owner),
            start: self.start + range.start,
            len: range.end - range.start,
        })
    }
}

impl Default for Bytes {
    fn default() -> Self {
        // A zero-sized owner: nothing but the counters is allocated.
        Self::from_owner([0_u8; 0])
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_owner(bytes)
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Self {
        Self::from_owner(text.into_bytes())
    }
}

impl From<&'static [u8]> for Bytes {
    fn from(bytes: &'static [u8]) -> Self {
        Self::from_owner(bytes)
    }
}

impl From<&'static str> for Bytes {
    fn from(text: &'static str) -> Self {
        Self::from_owner(text.as_bytes())
    }
}

impl From<Arc<[u8]>> for Bytes {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::from_owner(bytes)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    /// Text is shown, anything else only as its length: payloads are too long to print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match std::str::from_utf8(self) {
            Ok(text) if self.len() <= 64 && !text.contains(char::is_control) => write!(f, "b{text:?}"),
            _ => write!(f, "Bytes({} bytes)", self.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_their_owner_and_stay_inside() {
        let all = Bytes::from(vec![1, 2, 3, 4]);
        let part = all.slice(1..4).unwrap();
        assert_eq!(part.slice(1..3).unwrap().as_ptr(), all[2..].as_ptr());
        assert_eq!(part.slice(1..4), None);
        let (start, end) = (2, 1);
        assert_eq!(part.slice(start..end), None);
        assert_eq!(part.slice(3..3), Some(Bytes::default()));
    }

    #[test]
    fn an_owner_that_shrinks_gives_nothing() {
        use std::sync::atomic::{AtomicBool, Ordering};
        struct Shrinking(AtomicBool);
        impl AsRef<[u8]> for Shrinking {
            fn as_ref(&self) -> &[u8] {
                if self.0.swap(true, Ordering::Relaxed) { &[] } else { &[1, 2, 3] }
            }
        }
        let bytes = Bytes::from_owner(Shrinking(AtomicBool::new(false)));
        assert_eq!(bytes.as_slice(), [0_u8; 0]);
    }
}
