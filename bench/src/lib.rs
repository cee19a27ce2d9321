//! What the benchmarks share: what a candidate is told, how it measures itself and what it answers, and the harness
//! that starts candidates by turns.
//!
//! A candidate is a small program that runs models one way, in a process of its own, so that nothing another one
//! loaded, cached or allocated can help or harm it.
#![deny(unsafe_code)]

mod callers;
pub mod candidate;
pub mod cpu;
pub mod harness;
pub mod heldout;
pub mod load;
pub mod memory;
pub mod order;
pub mod ortlet_options;
pub mod quantizing;
