//! What an instruction set has to offer: tiles of products, and a way to compile plain code for it.

use std::ops::Deref;

use super::Isa;
use crate::layout::Format;
use crate::math::half::bf16_from_f32;

/// Elements from a row of a tile's sums to the next: three panels.
pub(crate) const ACC_PITCH: usize = 48;

/// No instruction set takes more rows at once.
pub(crate) const MAX_ROWS: usize = 8;

/// Sums of a tile, f32 or i32.
#[repr(C, align(64))]
pub(crate) struct Acc<T>(pub [T; MAX_ROWS * ACC_PITCH]);

/// Where the panels of a tile begin, and what is read after them.
#[derive(Clone, Copy)]
pub(crate) struct Panels {
    pub at: [*const u8; 3],
    /// The first line of 64 bytes that the next tiles read. A hint: nothing is read there.
    pub next: *const u8,
    /// How many lines to bring nearer meanwhile.
    pub lines: usize,
}

impl Panels {
    /// With nothing to bring nearer.
    #[inline(always)]
    pub fn new(at: [*const u8; 3]) -> Self {
        Self { at, next: at[0], lines: 0 }
    }

    /// One of them alone.
    #[allow(dead_code, reason = "not all instruction sets have tiles of one panel")]
    #[inline(always)]
    pub fn only(self, index: usize) -> Self {
        Self { at: [self.at[index]; 3], ..self }
    }

    /// Brings a line nearer, into the second cache. To be called with 0, 1, and so on, once in each step of a tile, so that
    /// never many are on their way: those that the tile waits for go first.
    #[inline(always)]
    #[allow(dead_code, reason = "only some processors gain by it")]
    pub fn prefetch(&self, step: usize) {
        if step < self.lines {
            nearer(self.next.wrapping_add(64 * step));
        }
    }
}

/// Brings a line into the second cache. Any address will do.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn nearer(line: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: every x86-64 has it, and it reads nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T1>(line.cast()) };
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn nearer(_line: *const u8) {}

impl Deref for Panels {
    type Target = [*const u8; 3];

    #[inline(always)]
    fn deref(&self) -> &Self::Target {
        &self.at
    }
}

/// Code that is compiled for each instruction set: plain Rust that LLVM turns into vectors, around calls of tiles.
///
/// [`run`](Self::run), and everything that it calls and that is to profit, has to be `#[inline(always)]`: only what is
/// inlined into [`Micro::enter`] is compiled with the instructions.
pub(crate) trait Job {
    type Output;
    /// Whether it needs neither products of codes nor of bf16: then it is compiled once for instruction sets that only
    /// differ in those.
    #[allow(dead_code, reason = "not all processors have such instruction sets")]
    const ONLY_FLOATS: bool = false;
    fn run<M: Micro>(self) -> Self::Output;
}

/// Products of a few rows with a few panels, for an instruction set.
///
/// Sums go along K in one chain for each element, so an element does not depend on how many rows and panels the tile has.
///
/// # Safety of all tiles
/// * The CPU has the instruction set. `m` is 1..=`MAX_ROWS`, `p` is 1..=`MAX_PANELS`.
/// * `a` points to `m` rows, `a_stride` apart, that can be read as far as the panels' rows need (4 codes, 1 or 2 floats
///   for each).
/// * `panels[..p]` point to so many rows of 64 bytes, on a border of 64.
/// * `acc` points to an [`Acc`] or into something larger of the same pitch: `acc[row * 48 + panel * 16 + column]` is
///   overwritten for the tile's rows and panels; other elements are neither read nor written.
pub(crate) trait Micro: Copy + 'static {
    /// Which one it is.
    const ISA: Isa;
    /// Rows of a full tile, at most [`MAX_ROWS`].
    const MAX_ROWS: usize;
    /// Panels of a full tile, at most 3.
    const MAX_PANELS: usize;
    /// Whether `f32::mul_add` is one instruction.
    const FMA: bool;
    /// Whether bf16 is multiplied as such: then activations are rounded to bf16, else they stay f32.
    const BF16: bool;
    /// Whether tiles take 8-bit codes of rows as signed: what they stand for and their zero point are then 128 less
    /// (the highest bit is flipped). Sums without the part of the zero point are the same.
    const SIGNED: bool = false;

    /// Whether fewer and slower passes over tiles will do.
    const SMALL: bool = false;

    /// Whether weights of this format are multiplied by it, and not by the instruction set that it adds to:
    /// [`Isa::for_format`] leads to those that do.
    #[inline(always)]
    fn serves(format: Format) -> bool {
        Self::ISA.for_format(format) == Self::ISA
    }

    /// How many panels a tile of a block with so many rows should have.
    fn panels(_rows: usize) -> usize {
        Self::MAX_PANELS
    }

    /// The nearest bf16 of each number, ties to even. NaN stays NaN; with [`BF16`](Self::BF16), what is smaller than any
    /// normal number may become 0, as it does in products.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    #[inline(always)]
    unsafe fn round_bf16(values: &[f32; 16]) -> [u16; 16] {
        let mut rounded = [0; 16];
        for (rounded, &value) in rounded.iter_mut().zip(values) {
            *rounded = bf16_from_f32(value);
        }
        rounded
    }

    /// Runs the job, compiled with the instructions, as a function of its own: in one that does more the compiler runs out
    /// of registers.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn enter<J: Job>(job: J) -> J::Output;

    /// Sums of products of codes of rows, u8 or [signed](Self::SIGNED), and i8 codes of panels, none of which is -128,
    /// over `groups` times 4 k. `a_stride` in bytes. Exact, modulo 2^32.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn tile_i8(
        m: usize,
        p: usize,
        a: *const u8,
        a_stride: usize,
        panels: Panels,
        groups: usize,
        acc: *mut i32,
    );

    /// f32 rows and panels, over `k`. `a_stride` in elements.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn tile_f32(
        m: usize,
        p: usize,
        a: *const f32,
        a_stride: usize,
        panels: Panels,
        k: usize,
        acc: *mut f32,
    );

    /// bf16 panels, over `pairs` times 2 k. Rows are bf16 if [`BF16`](Self::BF16), else f32; `a_stride` in bytes.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn tile_bf16(
        m: usize,
        p: usize,
        a: *const u8,
        a_stride: usize,
        panels: Panels,
        pairs: usize,
        acc: *mut f32,
    );

    /// fp16 panels, f32 rows, over `pairs` times 2 k. `a_stride` in elements.
    ///
    /// # Safety
    /// See the trait.
    unsafe fn tile_f16(
        m: usize,
        p: usize,
        a: *const f32,
        a_stride: usize,
        panels: Panels,
        pairs: usize,
        acc: *mut f32,
    );

    /// Products of codes on registers alone, `rounds` times the same; gives the number of operations, a product and a sum
    /// being two. 0 if nobody wrote it.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn peak_i8(_rounds: usize) -> u64 {
        0
    }

    /// The same for f32.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn peak_f32(_rounds: usize) -> u64 {
        0
    }

    /// The same for bf16.
    ///
    /// # Safety
    /// The CPU has the instruction set.
    unsafe fn peak_bf16(_rounds: usize) -> u64 {
        0
    }
}
