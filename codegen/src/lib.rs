//! Declarations of Ortlet's options and reports for other languages, made of the Rust structs.
//!
//! `model` reads the schemas, a module for each language writes them down. `cargo xtask codegen` puts the texts into
//! files.

pub mod described;
pub mod docs;
pub mod model;
pub mod python;
pub mod typescript;
mod wrap;
