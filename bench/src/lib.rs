//! What the benchmarks share: what a candidate is told, how it measures itself, and what it answers.
//!
//! A candidate is a small program that runs one model one way, in a process of its own, so that nothing another one
//! loaded, cached or allocated can help or harm it.
#![deny(unsafe_code)]

pub mod candidate;
pub mod memory;
pub mod order;
