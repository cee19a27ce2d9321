//! [`Parts`]: a model taken apart into its structure and the large tensors that go to a data section.

use super::EXTERNAL_LOCATION;
use super::data::{DataSection, Payload};
use super::prepacked::{self, Prepacked};
use super::tensors::{self, Place};
use crate::error::ResultExt;
use crate::model::{
    Bytes, ExternalDataResolver, ExternalLocation, Model, StringStringEntryProto, TensorProto,
};
use crate::tensor::DType;
use crate::{Error, Result};

/// Tensors smaller than this stay inside of the model.
const EXTERNAL_BYTES: usize = 1024;
/// ONNX Runtime reads `int64` tensors, which are often shapes, while it works out types: these stay longer.
const EXTERNAL_INT64_BYTES: usize = 64 * 1024;

/// Whether ONNX Runtime's pre-packed weights are taken along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Prepacking {
    Drop,
    Keep,
}

/// A model and, in the order in which [`tensors::visit`] meets them, the payloads of its external tensors: first the
/// tensor itself, then its pre-packed buffers.
pub(super) struct Parts {
    model: Model,
    payloads: Vec<Payload>,
    pub(super) tensor_count: u64,
    pub(super) prepacked_count: u64,
    pub(super) prepacked_bytes: u64,
}

impl Parts {
    /// Takes a model apart. `resolver` gives what is outside of it already.
    ///
    /// # Errors
    /// `invalid_model` if external data does not fit its tensor, and the errors of `resolver`.
    pub(super) fn of(
        model: &Model,
        resolver: &dyn ExternalDataResolver,
        prepacking: Prepacking,
    ) -> Result<Self> {
        let mut parts = Self {
            model: Model::default(),
            payloads: Vec::new(),
            tensor_count: 0,
            prepacked_count: 0,
            prepacked_bytes: 0,
        };
        let mut model = model.clone();
        tensors::visit(&mut model, &mut |tensor, place| parts.take(tensor, place, resolver, prepacking))?;
        parts.model = model;
        Ok(parts)
    }

    fn take(
        &mut self,
        tensor: &mut TensorProto,
        place: Place,
        resolver: &dyn ExternalDataResolver,
        prepacking: Prepacking,
    ) -> Result<()> {
        let Some(location) = tensor.external_location()? else {
            tensor.external_data.clear();
            // Data that does not fit is left alone: whether it matters is for validation to say.
            if place == Place::Movable
                && is_large(tensor)
                && let Ok(data) = tensor.data_bytes(resolver)
            {
                self.take_data(tensor, data, &[]);
            }
            return Ok(());
        };
        let data = tensor.data_bytes(resolver)?;
        let notes = match prepacking {
            Prepacking::Keep => prepacked::entries(tensor).with_context(|| title(tensor))?,
            Prepacking::Drop => Vec::new(),
        };
        if notes.is_empty() && !is_large(tensor) {
            put_inside(tensor, data);
            return Ok(());
        }
        self.take_data(tensor, data, &notes);
        notes
            .iter()
            .try_for_each(|note| self.take_prepacked(note, &location, resolver))
            .with_context(|| title(tensor))
    }

    fn take_data(&mut self, tensor: &mut TensorProto, data: Bytes, notes: &[Prepacked]) {
        self.payloads.push(Payload::new(data));
        self.tensor_count += 1;
        // The places are not known before everything is taken apart.
        set_external(tensor, EXTERNAL_LOCATION, (0, 0), notes);
    }

    fn take_prepacked(
        &mut self,
        note: &Prepacked,
        tensor: &ExternalLocation,
        resolver: &dyn ExternalDataResolver,
    ) -> Result<()> {
        for buffer in &note.buffers {
            let bytes = match buffer.length_bytes {
                0 => Bytes::default(),
                length => resolver.read(&ExternalLocation {
                    location: tensor.location.clone(),
                    offset_bytes: buffer.offset_bytes,
                    length_bytes: Some(length),
                    checksum: None,
                })?,
            };
            if bytes.len() as u64 != buffer.length_bytes {
                return Err(Error::invalid_model("pre-packed weights reach outside of the external data"));
            }
            self.prepacked_bytes += buffer.length_bytes;
            self.payloads.push(Payload::new(bytes));
        }
        self.prepacked_count += 1;
        Ok(())
    }

    /// The model with its tensors in `own`, or in `shared` if they are there already.
    ///
    /// # Errors
    /// `limit_exceeded` if the file gets too large.
    pub(super) fn placed(&self, shared: Option<&DataSection>, own: &mut DataSection) -> Result<Model> {
        let mut payloads = self.payloads.iter();
        let mut model = self.model.clone();
        let mut place_next = || -> Result<(u64, u64)> {
            let payload = payloads.next().ok_or_else(|| Error::internal("a tensor without its payload"))?;
            let offset = shared.and_then(|shared| shared.find(payload));
            Ok((offset.map_or_else(|| own.add(payload), Ok)?, payload.len()))
        };
        tensors::visit(&mut model, &mut |tensor, _| {
            if !tensor.is_external() {
                return Ok(());
            }
            let range = place_next()?;
            let mut notes = prepacked::entries(tensor)?;
            for buffer in notes.iter_mut().flat_map(|note| &mut note.buffers) {
                (buffer.offset_bytes, buffer.length_bytes) = place_next()?;
            }
            set_external(tensor, EXTERNAL_LOCATION, range, &notes);
            Ok(())
        })?;
        Ok(model)
    }
}

/// For messages.
pub(super) fn title(tensor: &TensorProto) -> String {
    format!("tensor `{}`", tensor.name())
}

/// Whether a tensor of this type and shape goes to a data section.
fn is_large(tensor: &TensorProto) -> bool {
    let Ok(dtype) = tensor.dtype() else { return false };
    let size = tensor.element_count().and_then(|count| dtype.size_bytes(count));
    let threshold = if dtype == DType::I64 { EXTERNAL_INT64_BYTES } else { EXTERNAL_BYTES };
    dtype != DType::String && tensor.segment.is_none() && size.is_ok_and(|size| size >= threshold)
}

fn put_inside(tensor: &mut TensorProto, data: Bytes) {
    clear_data(tensor);
    tensor.external_data.clear();
    tensor.data_location = None;
    tensor.raw_data = Some(data);
}

/// Makes the tensor refer to `(offset, length)` in bytes of the file `location`, and to nothing else.
pub(super) fn set_external(
    tensor: &mut TensorProto,
    location: &str,
    (offset_bytes, length_bytes): (u64, u64),
    notes: &[Prepacked],
) {
    clear_data(tensor);
    tensor.data_location = Some(1);
    // Made afresh: entries that were read may carry fields of their own, which a reader might prefer.
    tensor.external_data = vec![
        entry("location", location.to_owned()),
        entry("offset", offset_bytes.to_string()),
        entry("length", length_bytes.to_string()),
    ];
    tensor.external_data.extend(notes.iter().map(Prepacked::to_entry));
}

fn clear_data(tensor: &mut TensorProto) {
    tensor.raw_data = None;
    tensor.float_data = Default::default();
    tensor.int32_data = Default::default();
    tensor.int64_data = Default::default();
    tensor.double_data = Default::default();
    tensor.uint64_data = Default::default();
}

fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key: Some(key.into()), value: Some(value), ..Default::default() }
}
