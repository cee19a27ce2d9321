//! ONNX Runtime's note on a tensor that says where its pre-packed forms are in the external data file.
//!
//! The note is an entry of `external_data` with a key such as `prepacked_0` and a value such as
//! `MatMul+1339961|48272384;589824;0`: the name of the pre-packed weights, then each buffer's offset, length and
//! checksum.

use std::fmt;

use crate::model::{StringStringEntryProto, TensorProto};
use crate::{Error, Result};

/// ONNX Runtime takes every key that starts like this for such a note.
const KEY_PREFIX: &str = "prepacked";
const MAX_ENTRY_COUNT: usize = 64;
const MAX_BUFFER_COUNT: usize = 64;
const MAX_NAME_BYTES: usize = 1024;
const MAX_CHECKSUM_BYTES: usize = 128;

/// Pre-packed weights of one tensor for one kind of kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prepacked {
    /// The entry's key.
    pub(super) key: String,
    /// Operator and digest of the contents.
    pub(super) name: String,
    pub(super) buffers: Vec<Buffer>,
}

/// One piece of memory of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Buffer {
    pub(super) offset_bytes: u64,
    pub(super) length_bytes: u64,
    pub(super) checksum: String,
}

pub(super) fn is_prepacked(entry: &StringStringEntryProto) -> bool {
    entry.key().starts_with(KEY_PREFIX)
}

/// All notes on a tensor, in their order.
///
/// # Errors
/// `invalid_model` if one is malformed or there are too many.
pub(super) fn entries(tensor: &TensorProto) -> Result<Vec<Prepacked>> {
    let found = tensor.external_data.iter().filter(|entry| is_prepacked(entry));
    if found.clone().count() > MAX_ENTRY_COUNT {
        return Err(malformed("more of them than any kernel makes"));
    }
    found.map(Prepacked::from_entry).collect()
}

impl Prepacked {
    fn from_entry(entry: &StringStringEntryProto) -> Result<Self> {
        let digits = entry.key().strip_prefix(KEY_PREFIX).and_then(|rest| rest.strip_prefix('_'));
        if !digits.is_some_and(|digits| digits.len() <= 9 && is_number(digits)) {
            return Err(malformed("its key does not end in a number"));
        }
        let mut parts = entry.value().split('|');
        let name = parts.next().unwrap_or_default();
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains([';', '\0']) {
            return Err(malformed("its name is empty, too long or has a forbidden character"));
        }
        if parts.clone().count() > MAX_BUFFER_COUNT {
            return Err(malformed("more buffers than any kernel makes"));
        }
        let buffers = parts.map(Buffer::parse).collect::<Option<Vec<_>>>();
        match buffers {
            Some(buffers) if !buffers.is_empty() => {
                Ok(Self { key: entry.key().into(), name: name.into(), buffers })
            }
            _ => Err(malformed("it is not `name|offset;length;checksum|…`")),
        }
    }

    pub(super) fn to_entry(&self) -> StringStringEntryProto {
        StringStringEntryProto {
            key: Some(self.key.clone()),
            value: Some(self.to_string()),
            ..Default::default()
        }
    }
}

impl fmt::Display for Prepacked {
    /// The entry's value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.buffers.iter().try_for_each(|buffer| {
            write!(f, "|{};{};{}", buffer.offset_bytes, buffer.length_bytes, buffer.checksum)
        })
    }
}

impl Buffer {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(';');
        let offset_bytes = number(fields.next()?)?;
        let length_bytes = number(fields.next()?)?;
        let checksum = fields.next()?;
        let whole = fields.next().is_none() && !checksum.is_empty() && checksum.len() <= MAX_CHECKSUM_BYTES;
        whole.then(|| Self { offset_bytes, length_bytes, checksum: checksum.into() })
    }
}

/// A number as ONNX Runtime reads it: signed, 64 bits.
fn number(text: &str) -> Option<u64> {
    let number: i64 = text.parse().ok().filter(|_| is_number(text))?;
    u64::try_from(number).ok()
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn malformed(reason: &str) -> Error {
    Error::invalid_model(format!("entry for pre-packed weights: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(key: &str, value: &str) -> Result<Prepacked> {
        let entry =
            StringStringEntryProto { key: Some(key.into()), value: Some(value.into()), ..Default::default() };
        Prepacked::from_entry(&entry)
    }

    #[test]
    fn entries_of_onnx_runtime_come_back() {
        for value in ["MatMul+13399616257193280176|48272384;589824;0", "LSTM+1|64;0;0|0;7;ab|128;9;0"] {
            let prepacked = read("prepacked_0", value).unwrap();
            let entry = prepacked.to_entry();
            assert_eq!((entry.key(), entry.value()), ("prepacked_0", value));
        }
        let two = read("prepacked_12", "A|64;1;0|128;2;0").unwrap();
        assert_eq!(two.name, "A");
        assert_eq!((two.buffers[1].offset_bytes, two.buffers[1].length_bytes), (128, 2));
    }

    #[test]
    fn malformed_entries_are_refused() {
        let many = format!("A{}", "|0;1;0".repeat(65));
        let long = format!("{}|0;1;0", "A".repeat(2000));
        for value in [
            "",
            "A",
            "A|",
            "|0;1;0",
            "A||0;1;0",
            "A|0;1",
            "A|0;1;",
            "A|0;1;0;0",
            "A|-1;1;0",
            "A|+1;1;0",
            "A| 1;1;0",
            "A|1;9223372036854775808;0",
            "A|;1;0",
            "A;|0;1;0",
            "A|0x1;1;0",
            &many,
            &long,
        ] {
            assert!(read("prepacked_0", value).is_err(), "{value:?}");
        }
        for key in ["prepacked", "prepacked_", "prepacked_x", "prepacked0", "prepacked_1111111111"] {
            assert!(read(key, "A|0;1;0").is_err(), "{key}");
        }
    }
}
