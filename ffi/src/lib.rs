//! Ortlet for C and C++: the functions of `ortlet.h`.
//!
//! One noun, one file, with the names of the Rust library. Functions translate and decide nothing: each turns pointers
//! into references, calls the Rust library behind a guard against panics, and hands out what it gave. Comments on
//! public items become those of the header.

mod version;
