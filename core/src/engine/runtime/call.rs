//! Inputs of one run, kept from run to run: an input in the same memory as last time needs nothing made anew.

use std::ops::Range;

use smallvec::SmallVec;

use crate::Result;
use crate::engine::runtime::value::{BorrowedInput, OwnedValue, tensor_over};
use crate::tensor::{DType, Shape, TensorView, ValueView};

/// Tensors over the memory that earlier runs were given, by the place of the input.
///
/// They outlive the borrow of that memory, but nothing reads one before the same memory is given again.
#[derive(Default)]
pub(in crate::engine) struct CallMemory(Vec<Option<Known>>);

struct Known {
    value: OwnedValue,
    address: usize,
    len: usize,
    dtype: DType,
    shape: Shape,
}

impl Known {
    fn is_of(&self, view: &TensorView<'_>, bytes: &[u8]) -> bool {
        self.address == bytes.as_ptr().addr()
            && self.len == bytes.len()
            && self.dtype == view.dtype()
            && self.shape == *view.shape()
    }
}

/// The inputs of one run, whose memory it borrows.
pub(in crate::engine) struct Call<'c, 'a> {
    memory: &'c mut CallMemory,
    given: SmallVec<[Given; 4]>,
    /// Inputs that are no tensors in place.
    others: Vec<BorrowedInput<'a>>,
}

struct Given {
    place: usize,
    /// Among `others`, or in the memory.
    other: Option<usize>,
}

impl CallMemory {
    /// Starts a run.
    pub(in crate::engine) fn call<'a>(&mut self) -> Call<'_, 'a> {
        Call { memory: self, given: SmallVec::new(), others: Vec::new() }
    }
}

impl<'a> Call<'_, 'a> {
    /// Takes an input. `place` is an index into the session's inputs, or beyond them into the overridable
    /// initializers.
    ///
    /// # Errors
    /// As [`BorrowedInput::new`].
    pub(in crate::engine) fn give(&mut self, place: usize, value: &ValueView<'a>) -> Result<()> {
        let other = match value {
            ValueView::Tensor(view) if self.give_in_place(place, view)? => None,
            _ => {
                self.others.push(BorrowedInput::new(value)?);
                Some(self.others.len() - 1)
            }
        };
        self.given.push(Given { place, other });
        Ok(())
    }

    /// Takes a sequence of no tensors as an input.
    ///
    /// # Errors
    /// As [`BorrowedInput::empty_sequence`].
    pub(in crate::engine) fn give_empty_sequence(&mut self, place: usize, element: DType) -> Result<()> {
        self.others.push(BorrowedInput::empty_sequence(element)?);
        self.given.push(Given { place, other: Some(self.others.len() - 1) });
        Ok(())
    }

    /// Whether ONNX Runtime can read the tensor where it lies.
    fn give_in_place(&mut self, place: usize, view: &TensorView<'a>) -> Result<bool> {
        let (Some(bytes), dtype) = (view.bytes(), view.dtype()) else { return Ok(false) };
        let address = bytes.as_ptr().addr();
        if !address.is_multiple_of(dtype.align_bytes()) {
            return Ok(false);
        }
        let known = &mut self.memory.0;
        if known.len() <= place {
            known.resize_with(place + 1, || None);
        }
        if !known[place].as_ref().is_some_and(|known| known.is_of(view, bytes)) {
            let shape = view.shape().clone();
            // SAFETY: the memory is the caller's until this call ends, and the value is not read after that before
            // the same memory is given again; ONNX Runtime does not write to inputs.
            let value = unsafe { tensor_over(dtype, &shape, bytes.as_ptr().cast_mut(), bytes.len())? };
            known[place] = Some(Known { value, address, len: bytes.len(), dtype, shape });
        }
        Ok(true)
    }

    /// Whether a place was given an input.
    pub(in crate::engine) fn has(&self, place: usize) -> bool {
        self.given.iter().any(|given| given.place == place)
    }

    /// Places and values, in the order given.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (usize, &OwnedValue)> {
        self.given.iter().filter_map(|given| {
            let value = match given.other {
                Some(other) => self.others[other].value(),
                None => &self.memory.0[given.place].as_ref()?.value,
            };
            Some((given.place, value))
        })
    }

    /// Whether memory is also an input's.
    pub(super) fn overlaps(&self, range: &Range<usize>) -> bool {
        let overlaps = |start: usize, end: usize| start < range.end && range.start < end;
        self.given.iter().any(|given| match given.other {
            Some(other) => self.others[other].ranges.iter().any(|own| overlaps(own.start, own.end)),
            None => self.memory.0[given.place]
                .as_ref()
                .is_some_and(|own| overlaps(own.address, own.address + own.len)),
        })
    }
}
