//! What a CPU can do at best: loops of the instruction that tiles consist of, on registers alone. For benchmarks.
//!
//! Each function runs `rounds` rounds on the calling thread and gives the number of operations, a product and a sum being
//! two. Divided by the time it took, that is the peak that kernels can be compared with.

use crate::error::KernelError;
use crate::isa::{Isa, Job, Micro};

#[derive(Clone, Copy)]
enum Kind {
    Int8,
    Bf16,
    F32,
}

struct Peak(Kind, usize);

impl Job for Peak {
    type Output = u64;

    #[inline(always)]
    fn run<M: Micro>(self) -> u64 {
        // SAFETY: this runs in `enter`, so the CPU has the instructions.
        unsafe {
            match self.0 {
                Kind::Int8 => M::peak_i8(self.1),
                Kind::Bf16 => M::peak_bf16(self.1),
                Kind::F32 => M::peak_f32(self.1),
            }
        }
    }
}

fn measure(kind: Kind, isa: Isa, rounds: usize) -> Result<Option<u64>, KernelError> {
    let isa = isa.checked()?;
    // SAFETY: just checked.
    let operations = unsafe { isa.run(Peak(kind, rounds)) };
    Ok(Some(operations).filter(|operations| *operations > 0))
}

/// Products of 8-bit numbers. `None` if the instruction set has no instruction for them.
///
/// # Errors
/// [`KernelError::Isa`] if this CPU lacks the instruction set.
pub fn int8(isa: Isa, rounds: usize) -> Result<Option<u64>, KernelError> {
    measure(Kind::Int8, isa, rounds)
}

/// Products of bf16. `None` if the instruction set has no instruction for them.
///
/// # Errors
/// [`KernelError::Isa`] if this CPU lacks the instruction set.
pub fn bf16(isa: Isa, rounds: usize) -> Result<Option<u64>, KernelError> {
    measure(Kind::Bf16, isa, rounds)
}

/// Products of `f32`. `None` for the portable code, which leaves it to the compiler what instructions it uses.
///
/// # Errors
/// [`KernelError::Isa`] if this CPU lacks the instruction set.
pub fn f32(isa: Isa, rounds: usize) -> Result<Option<u64>, KernelError> {
    measure(Kind::F32, isa, rounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_grow_with_the_rounds() {
        for isa in Isa::available() {
            for peak in [int8, bf16, f32] {
                let (one, three) = (peak(isa, 1).unwrap(), peak(isa, 3).unwrap());
                assert_eq!(one.map(|one| one * 3), three);
            }
        }
        assert_eq!(f32(Isa::Portable, 1), Ok(None));
    }
}
