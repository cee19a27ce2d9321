//! Values of Python's as tensors and other values of the library's, and back.

mod buffer;
mod dlpack;
mod input;
mod interface;
mod list;
mod memory;
mod numpy;
mod output;
mod strided;

pub(crate) use dlpack::export;
pub(crate) use input::{Input, read, read_named, sample, shared_batch};
pub(crate) use interface::typestr;
pub(crate) use list::{is_literal, nested_list};
pub(crate) use memory::foreign_mut;
pub(crate) use numpy::{array_in_place, has_array_type, has_numpy};
pub(crate) use output::{array_of_tensor, to_python};
