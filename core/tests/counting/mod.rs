//! An allocator that counts: install it in a test program with `#[global_allocator]`.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the memory that the current thread holds, and the allocations of the process.
pub struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

/// How often Rust code of this process has asked for memory.
pub fn allocations_so_far() -> u64 {
    ALLOCATIONS.load(Ordering::SeqCst)
}

thread_local! {
    /// Bytes held now.
    pub static HELD: Cell<usize> = const { Cell::new(0) };
    /// The most bytes held since it was last set.
    pub static PEAK: Cell<usize> = const { Cell::new(0) };
}

fn count(taken: usize, given_back: usize) {
    // During the end of a thread its counters may be gone.
    let held = HELD.try_with(|held| {
        held.set((held.get() + taken).saturating_sub(given_back));
        held.get()
    });
    let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.unwrap_or(0))));
}

// SAFETY: every call goes to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        count(layout.size(), 0);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::SeqCst);
        // Both exist while the bytes are moved.
        count(size, 0);
        count(0, layout.size());
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
