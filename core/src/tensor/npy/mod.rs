//! NumPy's file formats: `.npy` arrays and `.npz` archives of them.
//!
//! An own reader, because the element type is known only when the file is open and every size in a header is a claim to
//! be checked before memory is taken; the crates for this format are typed at compile time and know no text.
//!
//! Types that NumPy lacks are kept as `ml_dtypes` lays them out in memory: bfloat16 as `<V2` and 8-bit floats as `|V1`
//! (`numpy.load(...).view(ml_dtypes.bfloat16)` brings them back), 4-bit floats as `|V1` with one code a byte. 4-bit and
//! 2-bit integers become int8 and uint8. Reading accepts those forms where a model declares the type.

mod archive;
mod descr;
mod header;
mod read;
mod write;

pub use archive::Archive;
pub use read::read;
pub use write::write;
