//! [`Packed`]: a list of numbers kept in its encoded form, so that long lists are not copied.

use std::fmt;
use std::marker::PhantomData;

use super::Bytes;
use super::encode::push_varint;

/// A number that [`Packed`] can hold: `f32`, `f64`, `i32`, `i64` or `u64`. Only Ortlet implements it.
pub trait Element: Sealed + Copy + PartialEq + fmt::Debug {}

mod sealed {
    pub trait Sealed: Sized {
        /// Bytes of one element; 0 for varints.
        const FIXED_BYTES: usize;

        /// Takes one element off the front; `None` if there is none, or it is damaged.
        fn decode(bytes: &mut &[u8]) -> Option<Self>;

        fn encode(self, bytes: &mut Vec<u8>);
    }
}

pub(super) use sealed::Sealed;

macro_rules! fixed {
    ($($type:ty),*) => {$(
        impl Element for $type {}

        impl Sealed for $type {
            const FIXED_BYTES: usize = size_of::<$type>();

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                let (element, rest) = bytes.split_first_chunk()?;
                *bytes = rest;
                Some(Self::from_le_bytes(*element))
            }

            fn encode(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

macro_rules! varint {
    ($($type:ty),*) => {$(
        impl Element for $type {}

        impl Sealed for $type {
            const FIXED_BYTES: usize = 0;

            fn decode(bytes: &mut &[u8]) -> Option<Self> {
                take_varint(bytes).map(|value| value as Self)
            }

            fn encode(self, bytes: &mut Vec<u8>) {
                // Negative numbers are sign-extended to 64 bits.
                push_varint(bytes, self as i64 as u64);
            }
        }
    )*};
}

fixed!(f32, f64);
varint!(i32, i64, u64);

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for index in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Number of elements in an encoded list; `None` if the encoding is damaged.
pub(super) fn count<T: Element>(bytes: &[u8]) -> Option<usize> {
    if T::FIXED_BYTES > 0 {
        return bytes.len().is_multiple_of(T::FIXED_BYTES).then(|| bytes.len() / T::FIXED_BYTES);
    }
    // Every varint ends with a byte below 0x80; none may have more than 9 others in front.
    let ends = bytes.iter().filter(|&&byte| byte < 0x80).count();
    let complete = bytes.last().is_none_or(|&byte| byte < 0x80);
    let no_long_run = ends == bytes.len() || longest_run(bytes) < 10;
    (complete && no_long_run).then_some(ends)
}

/// Length of the longest run of bytes with the continuation bit.
fn longest_run(bytes: &[u8]) -> usize {
    let (mut longest, mut run) = (0, 0);
    for &byte in bytes {
        run = if byte < 0x80 { 0 } else { run + 1 };
        longest = longest.max(run);
    }
    longest
}

/// A list of numbers in Protocol Buffers' packed encoding. A list that was parsed shares the model's bytes.
///
/// To change one, build another: `tensor.float_data = values.into()`.
///
/// # Examples
/// ```
/// use ortlet::model::Packed;
///
/// let numbers: Packed<i64> = vec![1, -2, 300].into();
/// assert_eq!(numbers.len(), 3);
/// assert_eq!(numbers.iter().sum::<i64>(), 299);
/// ```
#[derive(Clone)]
pub struct Packed<T> {
    /// Boxed, because most tensors use at most one of their five lists.
    encoding: Option<Box<Encoding>>,
    elements: PhantomData<T>,
}

#[derive(Clone)]
enum Encoding {
    Shared(Bytes),
    Owned(Vec<u8>),
}

impl<T> Packed<T> {
    /// The encoding: little-endian numbers for `f32` and `f64`, varints for integers.
    pub fn as_encoded(&self) -> &[u8] {
        match self.encoding.as_deref() {
            Some(Encoding::Shared(bytes)) => bytes,
            Some(Encoding::Owned(bytes)) => bytes,
            None => &[],
        }
    }

    /// The encoding, not copied if the list was parsed.
    pub fn to_encoded(&self) -> Bytes {
        match self.encoding.as_deref() {
            Some(Encoding::Shared(bytes)) => bytes.clone(),
            Some(Encoding::Owned(bytes)) => Bytes::from(bytes.clone()),
            None => Bytes::default(),
        }
    }

    /// Whether the list has no elements.
    pub fn is_empty(&self) -> bool {
        self.as_encoded().is_empty()
    }
}

impl<T: Element> Packed<T> {
    /// Number of elements. Takes time proportional to the length for integers.
    pub fn len(&self) -> usize {
        count::<T>(self.as_encoded()).unwrap_or_default()
    }

    /// The elements in order.
    pub fn iter(&self) -> impl Iterator<Item = T> + '_ {
        let mut rest = self.as_encoded();
        std::iter::from_fn(move || T::decode(&mut rest))
    }

    /// Appends an encoded block; `None`, and no change, if it is damaged.
    pub(super) fn push_block(&mut self, block: Bytes) -> Option<()> {
        count::<T>(&block)?;
        match self.encoding.as_deref_mut() {
            _ if block.is_empty() => {}
            None => self.encoding = Some(Box::new(Encoding::Shared(block))),
            Some(Encoding::Owned(bytes)) => bytes.extend_from_slice(&block),
            Some(shared @ Encoding::Shared(_)) => {
                let first = std::mem::replace(shared, Encoding::Owned(Vec::new()));
                if let (Encoding::Shared(first), Encoding::Owned(bytes)) = (first, shared) {
                    bytes.extend_from_slice(&first);
                    bytes.extend_from_slice(&block);
                }
            }
        }
        Some(())
    }
}

impl<T> Default for Packed<T> {
    fn default() -> Self {
        Self { encoding: None, elements: PhantomData }
    }
}

impl<T: Element> PartialEq for Packed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_encoded() == other.as_encoded()
    }
}

impl<T> fmt::Debug for Packed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed({} bytes)", self.as_encoded().len())
    }
}

impl<T: Element> FromIterator<T> for Packed<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut bytes = Vec::new();
        elements.into_iter().for_each(|element| element.encode(&mut bytes));
        let encoding = (!bytes.is_empty()).then(|| Box::new(Encoding::Owned(bytes)));
        Self { encoding, elements: PhantomData }
    }
}

impl<T: Element> From<Vec<T>> for Packed<T> {
    fn from(elements: Vec<T>) -> Self {
        elements.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive() {
        let numbers = vec![0, 1, -1, 127, 128, i64::MAX, i64::MIN];
        let packed = Packed::from(numbers.clone());
        assert_eq!(packed.len(), numbers.len());
        assert_eq!(packed.iter().collect::<Vec<_>>(), numbers);
        let small = vec![0_i32, -1, i32::MIN];
        assert_eq!(Packed::from(small.clone()).iter().collect::<Vec<_>>(), small);
        assert_eq!(Packed::from(vec![u64::MAX]).iter().collect::<Vec<_>>(), [u64::MAX]);
        assert_eq!(Packed::from(vec![1.5_f32, -0.0]).as_encoded().len(), 8);
    }

    #[test]
    fn blocks_are_joined_and_damaged_ones_refused() {
        let mut packed = Packed::<i64>::default();
        packed.push_block(Bytes::from(vec![1, 0x80, 1])).unwrap();
        packed.push_block(Bytes::from(vec![2])).unwrap();
        assert_eq!(packed.iter().collect::<Vec<_>>(), [1, 128, 2]);
        assert!(packed.push_block(Bytes::from(vec![0x80])).is_none());
        assert!(packed.push_block(Bytes::from([vec![0xff; 10], vec![1]].concat())).is_none());
        assert_eq!(packed.len(), 3);
        assert!(Packed::<f32>::default().push_block(Bytes::from(vec![0; 5])).is_none());
    }
}
