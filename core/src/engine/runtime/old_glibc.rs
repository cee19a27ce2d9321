//! What Rust's standard library asks of a glibc that is newer than the oldest one Ortlet runs with.
//!
//! Its code for panics calls `gettid`, which glibc has only since 2.30. This one is found first, is nobody else's
//! (hidden), and gives way to any other that a program brings (weak).

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".weak gettid",
    ".hidden gettid",
    ".type gettid, @function",
    "gettid:",
    "mov eax, {number}",
    "syscall",
    "ret",
    number = const libc::SYS_gettid,
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".weak gettid",
    ".hidden gettid",
    ".type gettid, @function",
    "gettid:",
    "mov x8, {number}",
    "svc 0",
    "ret",
    number = const libc::SYS_gettid,
);
