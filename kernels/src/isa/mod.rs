//! Instruction sets: which there are, which this CPU has, and the one place that chooses code by them.

#[cfg(target_arch = "aarch64")]
mod arm;
mod micro;
mod portable;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod rounds;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod shape;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::env;
use std::sync::OnceLock;

pub(crate) use micro::{ACC_PITCH, Acc, Job, MAX_ROWS, Micro, Panels};

use crate::error::KernelError;
use crate::layout::Format;

/// The environment variable that forces an instruction set by its [name](Isa::name).
const VARIABLE: &str = "ORTLET_KERNELS";

/// Instruction sets that there is code for, from the least to the best of each architecture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// Plain Rust, anywhere.
    Portable,
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX2 with dot products of 8-bit numbers.
    AvxVnni,
    /// AVX-512 (F, BW, DQ, VL) with dot products of 8-bit numbers (VNNI).
    Avx512,
    /// AVX-512 with dot products of bf16.
    Avx512Bf16,
    /// Armv8.0.
    Neon,
    /// NEON with dot products of 8-bit numbers.
    NeonDotprod,
    /// NEON with products of 8-bit matrices and with bf16 (Armv8.6).
    NeonI8mm,
}

impl Isa {
    /// All that exist, on this CPU or not.
    pub const ALL: [Self; 8] = [
        Self::Portable,
        Self::Avx2,
        Self::AvxVnni,
        Self::Avx512,
        Self::Avx512Bf16,
        Self::Neon,
        Self::NeonDotprod,
        Self::NeonI8mm,
    ];

    /// The name, as in `ORTLET_KERNELS`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avx-vnni",
            Self::Avx512 => "avx512",
            Self::Avx512Bf16 => "avx512-bf16",
            Self::Neon => "neon",
            Self::NeonDotprod => "neon-dotprod",
            Self::NeonI8mm => "neon-i8mm",
        }
    }

    /// Whether this CPU has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            // Miri knows hardly any of the instructions.
            _ if cfg!(miri) => false,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::has_avx2(),
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnni => x86::has_avx_vnni(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::has_avx512(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => x86::has_avx512_bf16(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => arm::has_neon(),
            #[cfg(target_arch = "aarch64")]
            Self::NeonDotprod => arm::has_dotprod(),
            #[cfg(target_arch = "aarch64")]
            Self::NeonI8mm => arm::has_i8mm(),
            _ => false,
        }
    }

    /// Whether bf16 is multiplied as such: [`Micro::BF16`].
    pub(crate) const fn multiplies_bf16(self) -> bool {
        matches!(self, Self::Avx512Bf16 | Self::NeonI8mm)
    }

    /// The one whose code multiplies weights of a format. Instruction sets that add products of one format to another set
    /// have no code for the other formats: [`Micro::serves`].
    pub(crate) const fn for_format(self, format: Format) -> Self {
        match (self, format) {
            (Self::AvxVnni, Format::Fp32 | Format::Fp16 | Format::Bf16) => Self::Avx2,
            (Self::Avx512Bf16, Format::Fp32 | Format::Fp16 | Format::Int8) => Self::Avx512,
            (Self::NeonDotprod, Format::Fp32 | Format::Fp16 | Format::Bf16)
            | (Self::NeonI8mm, Format::Fp32 | Format::Fp16) => Self::Neon,
            _ => self,
        }
    }

    /// All that this CPU has; the best is the last.
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The best that this CPU has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rfind(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// What is used: the best of this CPU, or what the environment variable `ORTLET_KERNELS` names (`portable`, `avx2`,
    /// `avx-vnni`, `avx512`, `avx512-bf16`, `neon`, `neon-dotprod`, `neon-i8mm`). The variable is read once.
    ///
    /// # Errors
    /// [`KernelError::Isa`] if the variable names something that does not exist, or that this CPU lacks.
    pub fn active() -> Result<Self, KernelError> {
        static ACTIVE: OnceLock<Result<Isa, KernelError>> = OnceLock::new();
        ACTIVE.get_or_init(|| Self::forced(env::var_os(VARIABLE).as_deref())).clone()
    }

    fn forced(name: Option<&std::ffi::OsStr>) -> Result<Self, KernelError> {
        let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(Self::detect()) };
        let isa = Self::ALL.into_iter().find(|isa| name == isa.name());
        let isa =
            isa.ok_or_else(|| Self::error(&name.to_string_lossy(), "there is no such instruction set"))?;
        isa.checked()
    }

    /// Itself, if this CPU has it.
    ///
    /// # Errors
    /// [`KernelError::Isa`]
    pub(crate) fn checked(self) -> Result<Self, KernelError> {
        if self.is_available() { Ok(self) } else { Err(Self::error(self.name(), "this CPU lacks it")) }
    }

    fn error(name: &str, reason: &'static str) -> KernelError {
        let available: Vec<_> = Self::available().into_iter().map(Self::name).collect();
        KernelError::Isa { name: name.into(), reason, available: available.join(", ") }
    }

    /// Runs the job's code for this instruction set.
    ///
    /// # Safety
    /// This CPU has to have it: the value comes from [`checked`](Self::checked), [`active`](Self::active) or
    /// [`detect`](Self::detect).
    pub(crate) unsafe fn run<J: Job>(self, job: J) -> J::Output {
        debug_assert!(self.is_available());
        // SAFETY: the caller's promise.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::AvxVnni if J::ONLY_FLOATS => x86::Avx2::enter(job),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512Bf16 if J::ONLY_FLOATS => x86::Avx512::enter(job),
                #[cfg(target_arch = "aarch64")]
                Self::NeonDotprod | Self::NeonI8mm if J::ONLY_FLOATS => arm::Neon::enter(job),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => x86::Avx2::enter(job),
                #[cfg(target_arch = "x86_64")]
                Self::AvxVnni => x86::AvxVnni::enter(job),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => x86::Avx512::enter(job),
                #[cfg(target_arch = "x86_64")]
                Self::Avx512Bf16 => x86::Avx512Bf16::enter(job),
                #[cfg(target_arch = "aarch64")]
                Self::Neon => arm::Neon::enter(job),
                #[cfg(target_arch = "aarch64")]
                Self::NeonDotprod => arm::NeonDotprod::enter(job),
                #[cfg(target_arch = "aarch64")]
                Self::NeonI8mm => arm::NeonI8mm::enter(job),
                _ => portable::Portable::enter(job),
            }
        }
    }
}

#[cfg(test)]
mod choice {
    use super::*;

    #[test]
    fn names_force_what_there_is_and_nothing_else() {
        assert_eq!(Isa::forced(None), Ok(Isa::detect()));
        assert_eq!(Isa::forced(Some("".as_ref())), Ok(Isa::detect()));
        for isa in Isa::ALL {
            let forced = Isa::forced(Some(isa.name().as_ref()));
            match Isa::available().contains(&isa) {
                true => assert_eq!(forced, Ok(isa)),
                false => {
                    let message = forced.unwrap_err().to_string();
                    assert!(message.contains("lacks") && message.contains("portable"), "{message}");
                }
            }
        }
        let message = Isa::forced(Some("mmx".as_ref())).unwrap_err().to_string();
        assert!(message.starts_with("instruction set `mmx`: there is no such"), "{message}");
    }

    #[test]
    fn the_best_is_the_last() {
        assert_eq!(Isa::available().last(), Some(&Isa::detect()));
        assert_eq!(Isa::available()[0], Isa::Portable);
    }
}
