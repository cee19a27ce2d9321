//! Nothing is allocated after the first call. A program of its own, since it counts for all threads.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{FORMATS, Random};
use ortlet_kernels::{
    Activation, Embedding, Epilogue, FeedForward, Format, Isa, Linear, LinearWeights, Norm, NormKind,
    PackOptions, Packed, Parallel, pack_embedding, pack_linear,
};

struct Counting;

static COUNT: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Tasks one after the other on this thread, as if there were several.
struct Pretended(usize);

// SAFETY: a plain loop.
unsafe impl Parallel for Pretended {
    fn threads(&self) -> usize {
        self.0
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..tasks).for_each(task);
    }
}

#[test]
fn second_calls_allocate_nothing() {
    let mut random = Random(60);
    let (k, width, n) = if cfg!(miri) { (9, 10, 5) } else { (131, 70, 50) };
    let (up, down) = (random.units(k * width), random.units(width * n));
    let gamma = random.units(n);
    for format in FORMATS {
        let outliers = if format == Format::Int8 { &[3, 8][..] } else { &[] };
        let options = PackOptions { format, group: format == Format::Int8, outliers };
        let up = pack_linear(&LinearWeights { k, n: width, values: &up, bias: None }, &options).unwrap();
        let down = pack_linear(&LinearWeights { k: width, n, values: &down, bias: None }, &options).unwrap();
        let table = pack_embedding(width, n, &random.units(width * n), format).unwrap();
        for isa in Isa::available() {
            let linear = |bytes| Linear::with_isa(Packed::parse(bytes).unwrap(), isa).unwrap();
            let layer = linear(&down);
            let block = FeedForward::new(linear(&up), linear(&down), Activation::Gelu).unwrap();
            let embedding = Embedding::with_isa(Packed::parse(&table).unwrap(), isa).unwrap();
            let norm = Some(Norm { kind: NormKind::Layer, epsilon: 1e-5, gamma: &gamma, beta: None });
            for (rows, threads) in [(1, 1), (100, 1), (3, 4), (100, 4)] {
                if cfg!(miri) && rows == 100 {
                    continue;
                }
                let x = random.units(rows * k.max(width));
                let mut y = vec![0.0; rows * n];
                let ids = vec![1; rows];
                let pool = Pretended(threads);
                let mut run = || {
                    let epilogue = Epilogue { activation: Activation::Silu, norm };
                    layer.forward(rows, &x[..rows * width], None, &mut y, &epilogue, &pool).unwrap();
                    block.forward(rows, &x[..rows * k], None, &mut y, norm, &pool).unwrap();
                    embedding.lookup(&ids, &mut y, &pool).unwrap();
                };
                run();
                let before = COUNT.load(Ordering::Relaxed);
                run();
                let count = COUNT.load(Ordering::Relaxed) - before;
                assert_eq!(count, 0, "{isa:?} {format:?} {rows} rows, {threads} threads");
            }
        }
    }
}
