//! Attention keeps its memory: a second call allocates nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ortlet_kernels::{Arithmetic, Attention, AttentionInputs, Isa, Serial, View};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn the_second_call_allocates_nothing() {
    let (heads, size) = (3, 20);
    for isa in Isa::available() {
        for arithmetic in [Arithmetic::Fp32, Arithmetic::Bf16] {
            let scale = 0.2;
            let attention =
                Attention { heads, kv_heads: heads, head_size: size, scale, causal: true, arithmetic };
            let mut count = 0;
            // The largest first; smaller ones fit into its memory.
            for (round, rows) in [50, 50, 7, 50, 33].into_iter().enumerate() {
                let data = vec![0.5; rows * heads * size];
                let view = View {
                    data: &data,
                    batch_stride: data.len(),
                    row_stride: heads * size,
                    head_stride: size,
                };
                let inputs = AttentionInputs {
                    batch: 1,
                    queries: rows,
                    keys: rows,
                    q: view,
                    k: view,
                    v: view,
                    mask: None,
                };
                let mut y = vec![0.0; data.len()];
                let before = ALLOCATIONS.get();
                attention.forward_with(isa, &inputs, &mut y, &Serial).unwrap();
                if round == 0 {
                    continue;
                }
                count += ALLOCATIONS.get() - before;
                assert!(y.iter().all(|value| (value - 0.5).abs() < 1e-3));
            }
            assert_eq!(count, 0, "{isa:?} {arithmetic:?}");
        }
    }
}
