//! Memory of threads that is kept from call to call.
//!
//! A buffer is taken out of its slot while it is used. If work is nested on one thread, the inner one finds the slot
//! empty and makes a buffer of its own; it never gets memory that is in use.

use std::cell::Cell;
use std::mem::size_of;

use crate::layout::AlignedBytes;

thread_local! {
    static TASK: Cell<AlignedBytes> = const { Cell::new(AlignedBytes::empty()) };
    static CALL: Cell<AlignedBytes> = const { Cell::new(AlignedBytes::empty()) };
}

/// Calls `work` with at least `bytes` bytes for one task. What is in them is not defined, but initialised.
pub(crate) fn with_task<R>(bytes: usize, work: impl FnOnce(Scratch<'_>) -> R) -> R {
    TASK.with(|slot| lend(slot, bytes, work))
}

/// The same for what a call shares among its tasks, which may run on this thread too.
pub(crate) fn with_call<R>(bytes: usize, work: impl FnOnce(Scratch<'_>) -> R) -> R {
    CALL.with(|slot| lend(slot, bytes, work))
}

fn lend<R>(slot: &Cell<AlignedBytes>, bytes: usize, work: impl FnOnce(Scratch<'_>) -> R) -> R {
    let mut buffer = slot.take();
    if buffer.len() < bytes {
        buffer = AlignedBytes::zeroed(bytes);
    }
    let result = work(Scratch { rest: &mut buffer });
    slot.set(buffer);
    result
}

/// Memory that is given out piece by piece, each on a 64-byte border.
pub(crate) struct Scratch<'a> {
    rest: &'a mut [u8],
}

/// Plain numbers: every bit pattern is a value.
pub(crate) trait Plain: Copy {}
impl Plain for u8 {}
impl Plain for u16 {}
impl Plain for i32 {}
impl Plain for f32 {}
impl Plain for crate::linear::Scale {}

impl<'a> Scratch<'a> {
    /// Memory that begins on a 64-byte border.
    pub fn of(memory: &'a mut [u8]) -> Self {
        assert!(memory.as_ptr().addr().is_multiple_of(64));
        Self { rest: memory }
    }

    /// How many bytes `count` values take.
    pub const fn bytes<T: Plain>(count: usize) -> usize {
        (count * size_of::<T>()).next_multiple_of(64)
    }

    /// The next `count` values. Panics if the memory was asked for too small.
    #[inline(always)]
    pub fn take<T: Plain>(&mut self, count: usize) -> &'a mut [T] {
        let rest = std::mem::take(&mut self.rest);
        let (taken, rest) = rest.split_at_mut(Self::bytes::<T>(count));
        self.rest = rest;
        debug_assert!(taken.as_ptr().addr().is_multiple_of(64));
        // SAFETY: the memory is borrowed for 'a and given out once; it begins on a 64-byte border, as the buffer does
        // and every size taken is a multiple of 64; every bit pattern is a `T`.
        unsafe { std::slice::from_raw_parts_mut(taken.as_mut_ptr().cast(), count) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_apart_and_kept() {
        let bytes = Scratch::bytes::<u8>(3) + Scratch::bytes::<f32>(17);
        let first = with_task(bytes, |mut scratch| {
            let a = scratch.take::<u8>(3);
            let b = scratch.take::<f32>(17);
            a.fill(1);
            b.fill(2.0);
            assert_eq!(a, [1; 3]);
            a.as_ptr().addr()
        });
        with_task(10, |mut scratch| assert_eq!(scratch.take::<u8>(10).as_ptr().addr(), first));
    }

    #[test]
    fn nested_work_gets_other_memory() {
        with_task(64, |mut outer| {
            let outer = outer.take::<u8>(64);
            outer.fill(7);
            with_task(64, |mut inner| inner.take::<u8>(64).fill(9));
            assert_eq!(outer, [7; 64]);
        });
    }
}
