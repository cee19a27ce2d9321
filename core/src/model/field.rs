//! Fields of messages: how each Rust type is read and written, and the macro that declares messages.
//!
//! The type of a field decides its encoding: `Vec<i64>` is one tag per number, [`Packed`] is one block.

use super::Bytes;
use super::encode::{Sizes, Write, Writer, len_size, tag_size, varint_size};
use super::packed::{Element, Packed, count};
use super::wire::{Message, Read, Reader, Tag, Wire};
use crate::Result;
use crate::error::ResultExt;

/// Fields that this version of Ortlet does not know, kept as they were found so that writing gives them back.
///
/// Also holds text fields whose bytes are not UTF-8; the field itself then reads as absent. All are written after the
/// known fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnknownFields(Option<Box<Raw>>);

/// Encoded fields, with their tags.
#[derive(Clone, Debug, Default, PartialEq)]
struct Raw {
    fields: Vec<u8>,
    /// Number and encoding of known fields that are not UTF-8: of each number the last one, which is the one that
    /// counts.
    texts: Vec<(u32, Vec<u8>)>,
}

impl UnknownFields {
    /// The fields' encoding, tags included, in the order of writing.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.parts().flatten().copied().collect()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts().all(<[u8]>::is_empty)
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    pub(super) fn push(&mut self, field: &[u8]) {
        self.0.get_or_insert_default().fields.extend_from_slice(field);
    }

    /// Keeps a text that is not UTF-8.
    pub(super) fn set_text(&mut self, number: u32, field: &[u8]) {
        self.forget_text(number);
        self.0.get_or_insert_default().texts.push((number, field.to_vec()));
    }

    /// Drops a text that was not UTF-8, because a later value of the field replaces it.
    pub(super) fn forget_text(&mut self, number: u32) {
        if let Some(raw) = &mut self.0 {
            raw.texts.retain(|(other, _)| *other != number);
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.parts().map(|part| part.len() as u64).sum()
    }

    pub(super) fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        self.parts().try_for_each(|part| out.raw(part))
    }

    fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().flat_map(|raw| {
            std::iter::once(raw.fields.as_slice()).chain(raw.texts.iter().map(|(_, text)| text.as_slice()))
        })
    }
}

/// A type that the field of a message can have.
pub(super) trait Field {
    /// Reads one occurrence; `false` if this is not a value of this type. `name` is for errors.
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, name: &'static str) -> Result<bool>;

    /// Encoded size with tags; 0 if the field is absent.
    fn size(&self, number: u32, sizes: &mut Sizes) -> u64;

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()>;
}

impl<M: Message> Message for Box<M> {
    const HEAP_BYTES: u64 = size_of::<M>() as u64;
}

impl<M: Read> Read for Box<M> {
    fn read_field(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<bool> {
        (**self).read_field(tag, reader)
    }

    fn unknown(&mut self) -> &mut UnknownFields {
        (**self).unknown()
    }
}

impl<M: Write> Write for Box<M> {
    fn size(&self, sizes: &mut Sizes) -> u64 {
        (**self).size(sizes)
    }

    fn write(&self, out: &mut Writer<'_>) -> Result<()> {
        (**self).write(out)
    }
}

impl<M: Message + Write> Field for Option<M> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        if self.is_none() {
            reader.charge(M::HEAP_BYTES)?;
        }
        reader.message(self.get_or_insert_with(M::default)).with_context(|| name)?;
        Ok(true)
    }

    fn size(&self, number: u32, sizes: &mut Sizes) -> u64 {
        self.as_ref().map_or(0, |message| sizes.message(number, message))
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.as_ref().map_or(Ok(()), |message| out.message_field(number, message))
    }
}

impl<M: Message + Write> Field for Vec<M> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        reader.charge(size_of::<M>() as u64 + M::HEAP_BYTES)?;
        let mut message = M::default();
        reader.message(&mut message).with_context(|| format!("{name} {}", self.len()))?;
        self.push(message);
        Ok(true)
    }

    fn size(&self, number: u32, sizes: &mut Sizes) -> u64 {
        self.iter().map(|message| sizes.message(number, message)).sum()
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.iter().try_for_each(|message| out.message_field(number, message))
    }
}

/// Reads text; `None` if the bytes are not UTF-8.
fn text(reader: &mut Reader<'_>) -> Result<Option<String>> {
    let bytes = reader.bytes()?;
    reader.charge(bytes.len() as u64)?;
    let text = std::str::from_utf8(bytes).ok();
    reader.found_no_text |= text.is_none();
    Ok(text.map(str::to_owned))
}

impl Field for Option<String> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        *self = text(reader)?;
        Ok(self.is_some())
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.as_ref().map_or(0, |text| len_size(number, text.len() as u64))
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.as_ref().map_or(Ok(()), |text| out.bytes_field(number, text.as_bytes()))
    }
}

impl Field for Vec<String> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        let start = reader.position();
        reader.charge(size_of::<String>() as u64)?;
        // The position of a name among its neighbours has a meaning, so it cannot go to the unknown fields.
        let text = text(reader)?
            .ok_or_else(|| reader.invalid(start, format!("{name} {} is not UTF-8", self.len())))?;
        self.push(text);
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.iter().map(|text| len_size(number, text.len() as u64)).sum()
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.iter().try_for_each(|text| out.bytes_field(number, text.as_bytes()))
    }
}

impl Field for Option<Bytes> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        *self = Some(reader.shared()?);
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.as_ref().map_or(0, |bytes| len_size(number, bytes.len() as u64))
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.as_ref().map_or(Ok(()), |bytes| out.bytes_field(number, bytes))
    }
}

impl Field for Vec<Bytes> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Len {
            return Ok(false);
        }
        reader.charge(size_of::<Bytes>() as u64)?;
        self.push(reader.shared()?);
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.iter().map(|bytes| len_size(number, bytes.len() as u64)).sum()
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.iter().try_for_each(|bytes| out.bytes_field(number, bytes))
    }
}

impl Field for Option<i64> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Varint {
            return Ok(false);
        }
        *self = Some(reader.varint()?.cast_signed());
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.map_or(0, |value| tag_size(number) + varint_size(value.cast_unsigned()))
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        if let Some(value) = self {
            out.varint_field(number, value.cast_unsigned());
        }
        Ok(())
    }
}

impl Field for Option<i32> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Varint {
            return Ok(false);
        }
        // The upper bits are dropped, as every reader of Protocol Buffers does.
        *self = Some(reader.varint()? as i32);
        Ok(true)
    }

    fn size(&self, number: u32, sizes: &mut Sizes) -> u64 {
        self.map(i64::from).size(number, sizes)
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.map(i64::from).write(number, out)
    }
}

impl Field for Option<f32> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        if tag.wire != Wire::Fixed32 {
            return Ok(false);
        }
        *self = Some(f32::from_le_bytes(reader.fixed()?));
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.map_or(0, |_| tag_size(number) + 4)
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        if let Some(value) = self {
            out.fixed32_field(number, value.to_le_bytes());
        }
        Ok(())
    }
}

/// Appends an encoded block of numbers; `None` if it is damaged.
fn extend<T: Element>(numbers: &mut Vec<T>, mut block: &[u8]) -> Option<()> {
    numbers.reserve(count::<T>(block)?);
    numbers.extend(std::iter::from_fn(|| T::decode(&mut block)));
    Some(())
}

impl Field for Vec<i64> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        match tag.wire {
            Wire::Varint => self.push(reader.varint()?.cast_signed()),
            Wire::Len => {
                let start = reader.position();
                let block = reader.bytes()?;
                extend(self, block).ok_or_else(|| reader.invalid(start, "damaged list of numbers"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.iter().map(|value| tag_size(number) + varint_size(value.cast_unsigned())).sum()
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.iter().for_each(|value| out.varint_field(number, value.cast_unsigned()));
        out.raw(&[])
    }
}

impl Field for Vec<f32> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        match tag.wire {
            Wire::Fixed32 => self.push(f32::from_le_bytes(reader.fixed()?)),
            Wire::Len => {
                let start = reader.position();
                let block = reader.bytes()?;
                extend(self, block).ok_or_else(|| reader.invalid(start, "damaged list of numbers"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        self.len() as u64 * (tag_size(number) + 4)
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        self.iter().for_each(|value| out.fixed32_field(number, value.to_le_bytes()));
        out.raw(&[])
    }
}

impl<T: Element> Field for Packed<T> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>, _name: &'static str) -> Result<bool> {
        let start = reader.position();
        match tag.wire {
            Wire::Len => {
                let block = reader.shared()?;
                let added = self.push_block(block);
                added.ok_or_else(|| reader.invalid(start, "damaged list of numbers"))?;
            }
            Wire::Varint if T::FIXED_BYTES == 0 => {
                reader.varint()?;
                self.push_block(reader.shared_since(start)?);
            }
            Wire::Fixed32 if T::FIXED_BYTES == 4 => {
                reader.fixed::<4>()?;
                self.push_block(reader.shared_since(start)?);
            }
            Wire::Fixed64 if T::FIXED_BYTES == 8 => {
                reader.fixed::<8>()?;
                self.push_block(reader.shared_since(start)?);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn size(&self, number: u32, _sizes: &mut Sizes) -> u64 {
        if self.is_empty() { 0 } else { len_size(number, self.as_encoded().len() as u64) }
    }

    fn write(&self, number: u32, out: &mut Writer<'_>) -> Result<()> {
        if self.is_empty() { Ok(()) } else { out.bytes_field(number, self.as_encoded()) }
    }
}

/// Declares messages: fields in ascending order of their number, which is the order of writing.
macro_rules! messages {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($(#[$field_meta:meta])* pub $field:ident: $type:ty = $number:literal,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Fields of this message that Ortlet does not know.
            pub unknown: $crate::model::UnknownFields,
        }

        impl $crate::model::wire::Message for $name {}

        impl $crate::model::wire::Read for $name {
            fn read_field(
                &mut self,
                tag: $crate::model::wire::Tag,
                reader: &mut $crate::model::wire::Reader<'_>,
            ) -> $crate::Result<bool> {
                use $crate::model::field::Field;
                match tag.number {
                    $($number => self.$field.read(tag, reader, stringify!($field)),)*
                    _ => Ok(false),
                }
            }

            fn unknown(&mut self) -> &mut $crate::model::UnknownFields {
                &mut self.unknown
            }
        }

        impl $crate::model::encode::Write for $name {
            fn size(&self, sizes: &mut $crate::model::encode::Sizes) -> u64 {
                use $crate::model::field::Field;
                self.unknown.size() $(+ self.$field.size($number, sizes))*
            }

            fn write(&self, out: &mut $crate::model::encode::Writer<'_>) -> $crate::Result<()> {
                use $crate::model::field::Field;
                $(self.$field.write($number, out)?;)*
                self.unknown.write(out)
            }
        }
    )*};
}
pub(super) use messages;
