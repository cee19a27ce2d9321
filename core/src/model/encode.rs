//! Writing Protocol Buffers' wire format, in two passes: sizes first, then bytes to a sink.

use crate::{Error, Result};

/// Payloads at least this long go to the sink as they are, without passing through the buffer.
const DIRECT_BYTES: usize = 4096;
/// The buffer is handed to the sink when it is at least this full.
const FLUSH_BYTES: usize = 64 * 1024;
/// Nesting beyond this cannot be read back by any reader of ONNX files, and would endanger the stack.
const MAX_DEPTH: u32 = 100;

/// A message that can be written.
pub(super) trait Write {
    /// Encoded size, without tag and length. Pushes the sizes of messages inside in the order of writing.
    fn size(&self, sizes: &mut Sizes) -> u64;

    fn write(&self, out: &mut Writer<'_>) -> Result<()>;
}

/// The encoded sizes of nested messages, in the order in which they are written.
#[derive(Default)]
pub(super) struct Sizes {
    sizes: Vec<u64>,
    depth: u32,
    too_deep: bool,
}

impl Sizes {
    /// Size of a message as a field, with tag and length.
    pub(super) fn message(&mut self, number: u32, message: &(impl Write + ?Sized)) -> u64 {
        if self.depth >= MAX_DEPTH {
            self.too_deep = true;
            return 0;
        }
        let slot = self.sizes.len();
        self.sizes.push(0);
        self.depth += 1;
        let size = message.size(self);
        self.depth -= 1;
        self.sizes[slot] = size;
        len_size(number, size)
    }
}

/// Size of a value of `size` bytes with its tag and length.
pub(super) fn len_size(number: u32, size: u64) -> u64 {
    tag_size(number) + varint_size(size) + size
}

pub(super) fn tag_size(number: u32) -> u64 {
    varint_size(u64::from(number) << 3)
}

pub(super) fn varint_size(value: u64) -> u64 {
    // 7 bits per byte, at least one byte.
    u64::from((64 - (value | 1).leading_zeros()).div_ceil(7))
}

/// Appends a varint.
pub(super) fn push_varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// Encoded size of `message` as a whole, and the sizes inside.
pub(super) fn measure(message: &(impl Write + ?Sized)) -> Result<(u64, Sizes)> {
    let mut sizes = Sizes::default();
    let size = message.size(&mut sizes);
    if sizes.too_deep {
        let limit = u64::from(MAX_DEPTH);
        return Err(Error::limit_exceeded("depth of nested messages", limit, limit + 1));
    }
    Ok((size, sizes))
}

/// Writes `message` to `sink`; `sizes` come from [`measure`].
pub(super) fn write(
    message: &impl Write,
    sizes: Sizes,
    sink: &mut dyn FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut writer = Writer { sink, buffer: Vec::new(), sizes: sizes.sizes.into_iter() };
    message.write(&mut writer)?;
    writer.flush()
}

/// Gathers small pieces and hands them to the sink.
pub(super) struct Writer<'a> {
    sink: &'a mut dyn FnMut(&[u8]) -> Result<()>,
    buffer: Vec<u8>,
    sizes: std::vec::IntoIter<u64>,
}

impl Writer<'_> {
    pub(super) fn varint_field(&mut self, number: u32, value: u64) {
        self.tag(number, 0);
        push_varint(&mut self.buffer, value);
    }

    pub(super) fn fixed32_field(&mut self, number: u32, value: [u8; 4]) {
        self.tag(number, 5);
        self.buffer.extend_from_slice(&value);
    }

    pub(super) fn bytes_field(&mut self, number: u32, bytes: &[u8]) -> Result<()> {
        self.tag(number, 2);
        push_varint(&mut self.buffer, bytes.len() as u64);
        self.raw(bytes)
    }

    pub(super) fn message_field(&mut self, number: u32, message: &(impl Write + ?Sized)) -> Result<()> {
        self.tag(number, 2);
        let size = self.sizes.next().ok_or_else(|| Error::internal("a message grew while it was written"))?;
        push_varint(&mut self.buffer, size);
        message.write(self)
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() >= DIRECT_BYTES {
            self.flush()?;
            return (self.sink)(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= FLUSH_BYTES { self.flush() } else { Ok(()) }
    }

    fn tag(&mut self, number: u32, wire: u64) {
        push_varint(&mut self.buffer, u64::from(number) << 3 | wire);
    }

    fn flush(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            (self.sink)(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varint_sizes_are_those_of_the_varints() {
        for value in (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) - 1]).chain([u64::MAX]) {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            assert_eq!(bytes.len() as u64, varint_size(value), "{value}");
        }
    }
}
