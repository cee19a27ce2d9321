//! Reading Protocol Buffers' wire format: tags, varints and lengths, each checked before use.
//!
//! Follows what Google's own parser does with odd input, so that Ortlet and ONNX Runtime never see two different
//! models in the same bytes: a singular message given twice is merged, a known field in an unexpected wire type is
//! an unknown field, a repeated number may be packed or not.

use super::limits::ParseLimits;
use super::{Bytes, UnknownFields};
use crate::error::ResultExt;
use crate::{Error, ErrorKind, Result};

/// How a field's value is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    Varint,
    Fixed64,
    Len,
    StartGroup,
    EndGroup,
    Fixed32,
}

/// A field's number and layout, and where its value begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag {
    pub(super) number: u32,
    pub(super) wire: Wire,
    /// Position of the tag itself.
    start: usize,
    /// Position after the tag.
    value: usize,
}

/// A message that can be read field by field.
pub(super) trait Read {
    /// Reads one field; `false` if the field is unknown, or does not have the expected wire type.
    fn read_field(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<bool>;

    fn unknown(&mut self) -> &mut UnknownFields;
}

/// A message that can be the value of a field.
pub(super) trait Message: Read + Default {
    /// Heap memory that an empty value takes, beside its own size.
    const HEAP_BYTES: u64 = 0;
}

/// A position in the encoded model, and the budgets left.
pub(super) struct Reader<'a> {
    source: &'a Bytes,
    data: &'a [u8],
    at: usize,
    /// Where the innermost message ends.
    end: usize,
    depth_left: u32,
    memory_left: u64,
    limits: &'a ParseLimits,
    /// Whether the field just read should be text, but is not UTF-8.
    pub(super) found_no_text: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a Bytes, limits: &'a ParseLimits) -> Self {
        let data = source.as_slice();
        Self {
            source,
            data,
            at: 0,
            end: data.len(),
            depth_left: limits.depth_count(),
            memory_left: limits.memory_bytes(data.len() as u64),
            limits,
            found_no_text: false,
        }
    }

    /// Reads all fields up to the end of the current message.
    pub(super) fn merge(&mut self, into: &mut dyn Read) -> Result<()> {
        while let Some(tag) = self.tag()? {
            let known = into.read_field(tag, self)?;
            let no_text = std::mem::take(&mut self.found_no_text);
            if known {
                into.unknown().forget_text(tag.number);
                continue;
            }
            self.at = tag.value;
            self.skip(tag)?;
            let field = &self.data[tag.start..self.at];
            self.charge(field.len() as u64)?;
            if no_text { into.unknown().set_text(tag.number, field) } else { into.unknown().push(field) }
        }
        Ok(())
    }

    /// Reads a message that is a field's value.
    pub(super) fn message(&mut self, into: &mut dyn Read) -> Result<()> {
        let end = self.length()?;
        self.descend()?;
        let outer = std::mem::replace(&mut self.end, end);
        self.merge(into)?;
        self.end = outer;
        self.depth_left += 1;
        Ok(())
    }

    /// Reads the bytes of a field's value.
    pub(super) fn bytes(&mut self) -> Result<&'a [u8]> {
        let end = self.length()?;
        let bytes = &self.data[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    /// Reads the bytes of a field's value without copying them.
    pub(super) fn shared(&mut self) -> Result<Bytes> {
        let length = self.bytes()?.len();
        self.shared_since(self.at - length)
    }

    /// Everything from `start` to here, without copying.
    pub(super) fn shared_since(&self, start: usize) -> Result<Bytes> {
        let shared = self.source.slice(start..self.at);
        shared.ok_or_else(|| self.invalid(start, "the bytes of the model changed while it was read"))
    }

    pub(super) fn varint(&mut self) -> Result<u64> {
        let start = self.at;
        let mut value = 0_u64;
        for index in 0..10 {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(self.invalid(start, "number longer than 10 bytes"))
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N]> {
        let start = self.at;
        let found = self.data[self.at..self.end].first_chunk::<N>().copied();
        self.at += N;
        found.ok_or_else(|| self.truncated(start))
    }

    /// Counts memory that is about to be taken.
    pub(super) fn charge(&mut self, bytes: u64) -> Result<()> {
        match self.memory_left.checked_sub(bytes) {
            Some(left) => self.memory_left = left,
            None => {
                let limit = self.limits.memory_bytes(self.data.len() as u64);
                return Err(Error::limit_exceeded(
                    "memory for the decoded model in bytes",
                    limit,
                    limit.saturating_add(bytes - self.memory_left),
                )
                .context(format!("byte {}", self.at)));
            }
        }
        Ok(())
    }

    /// An `invalid_model` error at a position.
    pub(super) fn invalid(&self, at: usize, reason: impl Into<String>) -> Error {
        ErrorKind::InvalidModel { reason: reason.into(), offset_bytes: Some(at as u64) }.into()
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn truncated(&self, at: usize) -> Error {
        let left = self.end.saturating_sub(at);
        self.invalid(at, format!("the value needs more than the {left} bytes left in its message"))
    }

    fn byte(&mut self) -> Result<u8> {
        if self.at >= self.end {
            return Err(self.truncated(self.at));
        }
        let byte = self.data[self.at];
        self.at += 1;
        Ok(byte)
    }

    /// Reads a length and gives the position where the value ends, which is inside of the current message.
    fn length(&mut self) -> Result<usize> {
        let start = self.at;
        let length = self.varint()?;
        let left = self.end - self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => Ok(self.at + length),
            _ => Err(self.invalid(start, format!("length {length}, but only {left} bytes are left"))),
        }
    }

    fn descend(&mut self) -> Result<()> {
        let limit = self.limits.depth_count();
        self.depth_left = self
            .depth_left
            .checked_sub(1)
            .ok_or_else(|| {
                Error::limit_exceeded("depth of nested messages", u64::from(limit), u64::from(limit) + 1)
            })
            .with_context(|| format!("byte {}", self.at))?;
        Ok(())
    }

    /// Reads the next tag; `None` at the end of the message.
    fn tag(&mut self) -> Result<Option<Tag>> {
        let start = self.at;
        if start >= self.end {
            return Ok(None);
        }
        let tag = self.varint()?;
        let tag = match u32::try_from(tag) {
            Ok(tag) if self.at - start <= 5 => tag,
            _ => return Err(self.invalid(start, "field number too large")),
        };
        let wire = match tag & 7 {
            0 => Wire::Varint,
            1 => Wire::Fixed64,
            2 => Wire::Len,
            3 => Wire::StartGroup,
            4 => Wire::EndGroup,
            5 => Wire::Fixed32,
            other => return Err(self.invalid(start, format!("unknown wire type {other}"))),
        };
        match tag >> 3 {
            0 => Err(self.invalid(start, "field number 0")),
            number => Ok(Some(Tag { number, wire, start, value: self.at })),
        }
    }

    /// Passes over the value of a field; groups are passed over whole.
    fn skip(&mut self, tag: Tag) -> Result<()> {
        // The numbers of the open groups: a loop instead of recursion, with the bound of messages.
        let mut open = Vec::new();
        let mut tag = tag;
        loop {
            match tag.wire {
                Wire::Varint => drop(self.varint()?),
                Wire::Fixed64 => drop(self.fixed::<8>()?),
                Wire::Fixed32 => drop(self.fixed::<4>()?),
                Wire::Len => self.at = self.length()?,
                Wire::StartGroup => {
                    self.descend()?;
                    open.push(tag.number);
                }
                Wire::EndGroup if open.pop() == Some(tag.number) => self.depth_left += 1,
                Wire::EndGroup => return Err(self.invalid(tag.start, "end of a group that is not open")),
            }
            if open.is_empty() {
                return Ok(());
            }
            tag = self.tag()?.ok_or_else(|| self.invalid(self.at, "group without end"))?;
        }
    }
}
