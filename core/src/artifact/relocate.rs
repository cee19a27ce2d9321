//! Gives the models of an artifact the file's present name, and lets nothing through that points elsewhere.

use std::ops::Range;

use super::EXTERNAL_LOCATION;
use super::data::TENSOR_ALIGN_BYTES;
use super::parts::{Prepacking, set_external, title};
use super::prepacked::{self, Prepacked};
use super::tensors;
use crate::error::ResultExt;
use crate::model::{Bytes, ExternalLocation, Model, TensorProto, check_external_path};
use crate::{Error, Result};

/// What a model of an artifact is allowed to refer to.
pub(super) struct Relocation<'a> {
    /// The artifact's present name, without folders.
    pub(super) file_name: &'a str,
    /// The ranges of bytes of the file.
    pub(super) data: Vec<Range<u64>>,
    /// Whether there may be pre-packed weights.
    pub(super) prepacking: Prepacking,
}

impl Relocation<'_> {
    /// Checks every reference of the model and gives it the present name.
    ///
    /// # Errors
    /// `invalid_argument` if the file's name cannot be used, `invalid_model` if the model is damaged or refers to
    /// anything outside of `data`.
    pub(super) fn apply(&self, model: Bytes) -> Result<Model> {
        check_name(self.file_name)?;
        let mut model = Model::parse(model)?;
        tensors::visit(&mut model, &mut |tensor, _| self.tensor(tensor))?;
        Ok(model)
    }

    fn tensor(&self, tensor: &mut TensorProto) -> Result<()> {
        let Some(location) = tensor.external_location()? else {
            tensor.external_data.clear();
            return Ok(());
        };
        // With this, the length that is stated is also the one that type and shape ask for.
        tensor.check_data()?;
        let length = tensor.dtype()?.size_bytes(tensor.element_count()?)? as u64;
        let notes = self.checked_notes(tensor, &location, length).with_context(|| title(tensor))?;
        set_external(tensor, self.file_name, (location.offset_bytes, length), &notes);
        Ok(())
    }

    /// Checks every reference of a tensor; gives those to pre-packed weights.
    fn checked_notes(
        &self,
        tensor: &TensorProto,
        location: &ExternalLocation,
        length: u64,
    ) -> Result<Vec<Prepacked>> {
        check_entries(tensor)?;
        if location.location != EXTERNAL_LOCATION {
            return Err(Error::invalid_model("external data in another file than the artifact"));
        }
        self.check_range(location.offset_bytes, length)?;
        let notes = prepacked::entries(tensor)?;
        if self.prepacking == Prepacking::Drop && !notes.is_empty() {
            return Err(Error::invalid_model("pre-packed weights where they are not allowed"));
        }
        let mut buffers = notes.iter().flat_map(|note| &note.buffers);
        buffers
            .try_for_each(|buffer| self.check_range(buffer.offset_bytes, buffer.length_bytes))
            .with_context(|| "pre-packed weights")?;
        Ok(notes)
    }

    fn check_range(&self, offset: u64, length: u64) -> Result<()> {
        let end = offset.checked_add(length);
        let within = |data: &Range<u64>| data.start <= offset && end.is_some_and(|end| end <= data.end);
        if !offset.is_multiple_of(TENSOR_ALIGN_BYTES) {
            return Err(Error::invalid_model(format!("byte {offset} is not on a border of 64 bytes")));
        }
        // Nothing is at the start of the file.
        if (offset, length) == (0, 0) || self.data.iter().any(within) {
            return Ok(());
        }
        let reason = format!("{length} bytes at byte {offset} are not in the data of this model");
        Err(Error::invalid_model(reason))
    }
}

/// Refuses entries that ONNX Runtime might understand otherwise than Ortlet.
fn check_entries(tensor: &TensorProto) -> Result<()> {
    let known = ["location", "offset", "length", "checksum"];
    let ok = tensor.external_data.iter().all(|entry| {
        let is_known = known.contains(&entry.key()) || prepacked::is_prepacked(entry);
        is_known && entry.value.is_some() && entry.unknown.is_empty()
    });
    if ok { Ok(()) } else { Err(Error::invalid_model("external data with an entry of unknown meaning")) }
}

fn check_name(file_name: &str) -> Result<()> {
    let plain = !file_name.contains('/') && file_name != "." && check_external_path(file_name).is_ok();
    if plain {
        return Ok(());
    }
    let shown: String = file_name.chars().take(256).collect();
    Err(Error::invalid_argument("file_name", format!("{shown:?} is not the name of a file in a folder")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorCode;
    use crate::model::{
        AttributeProto, FunctionProto, GraphProto, NodeProto, SparseTensorProto, StringStringEntryProto,
        TrainingInfoProto,
    };

    fn entry(key: &str, value: &str) -> StringStringEntryProto {
        StringStringEntryProto { key: Some(key.into()), value: Some(value.into()), ..Default::default() }
    }

    /// Sixteen bytes at a place, with further entries.
    fn tensor(offset: &str, more: &[(&str, &str)]) -> TensorProto {
        let mut entries = vec![entry("location", EXTERNAL_LOCATION), entry("offset", offset)];
        entries.extend(more.iter().map(|(key, value)| entry(key, value)));
        TensorProto {
            data_type: Some(2),
            dims: vec![16],
            data_location: Some(1),
            external_data: entries,
            ..Default::default()
        }
    }

    fn in_graph(tensor: TensorProto) -> Model {
        let graph = GraphProto { initializer: vec![tensor], ..Default::default() };
        Model { graph: Some(graph), ..Default::default() }
    }

    fn apply(model: &Model, prepacking: Prepacking) -> Result<Model> {
        let relocation = Relocation { file_name: "a.ortlet", data: vec![4096..4240, 8192..8256], prepacking };
        relocation.apply(model.to_bytes()?.into())
    }

    #[test]
    fn what_lies_inside_gets_the_new_name() {
        for (offset, prepacked) in
            [("4096", "M|4096;16;0"), ("4160", "M|8192;64;0|0;0;0"), ("8192", "M|4224;16;0")]
        {
            let model =
                in_graph(tensor(offset, &[("length", "16"), ("checksum", "x"), ("prepacked_0", prepacked)]));
            let moved = apply(&model, Prepacking::Keep).unwrap();
            let tensor = moved.tensors().next().unwrap();
            let entries: Vec<_> =
                tensor.external_data.iter().map(|entry| (entry.key(), entry.value())).collect();
            let expected =
                [("location", "a.ortlet"), ("offset", offset), ("length", "16"), ("prepacked_0", prepacked)];
            assert_eq!(entries, expected);
            assert!(apply(&model, Prepacking::Drop).is_err());
        }
    }

    #[test]
    fn whatever_points_elsewhere_is_refused() {
        let refused = |tensor: TensorProto| {
            let error = apply(&in_graph(tensor.clone()), Prepacking::Keep).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidModel, "{tensor:?}");
        };
        for offset in
            ["0", "64", "4032", "4097", "4240", "4256", "8256", "9223372036854775807", "-64", "x", ""]
        {
            refused(tensor(offset, &[]));
        }
        for more in [
            ("length", "17"),
            ("length", "8"),
            ("location", "other"),
            ("offset", "4096"),
            ("novel", "1"),
            ("prepacked_0", "M|4096;145;0"),
            ("prepacked_0", "M|4100;16;0"),
            ("prepacked_0", "M|8192;65;0"),
            ("prepacked_0", "M|4096;16;0|0;16;0"),
            ("prepacked_0", "M|9223372036854775744;9223372036854775807;0"),
            ("prepacked_0", "M"),
            ("prepacked", "M|4096;16;0"),
        ] {
            refused(tensor("4096", &[more]));
        }
        let mut other = tensor("4096", &[]);
        other.external_data[0] = entry("location", "*/_ORT_MEM_ADDR_/*");
        refused(other);
        let mut text = tensor("4096", &[]);
        text.data_type = Some(8);
        refused(text);
    }

    #[test]
    fn a_location_hidden_in_bytes_that_are_no_text_is_refused() {
        let mut bytes = in_graph(tensor("4096", &[("length", "16")])).to_bytes().unwrap();
        let at = bytes.windows(5).position(|window| window == b"model").unwrap();
        bytes[at] = 0xff;
        let relocation =
            Relocation { file_name: "a", data: vec![0..0, 4096..8192], prepacking: Prepacking::Keep };
        assert_eq!(relocation.apply(bytes.into()).unwrap_err().code(), ErrorCode::InvalidModel);
    }

    #[test]
    fn no_place_is_overlooked() {
        let outside = || tensor("0", &[]);
        let attribute = |attribute: AttributeProto| Model {
            graph: Some(GraphProto {
                node: vec![NodeProto { attribute: vec![attribute], ..Default::default() }],
                ..Default::default()
            }),
            ..Default::default()
        };
        let sparse = || SparseTensorProto { indices: Some(outside()), ..Default::default() };
        let graph = || in_graph(outside()).graph.unwrap_or_default();
        let function = |function: FunctionProto| Model { functions: vec![function], ..Default::default() };
        let constant = AttributeProto { t: Some(Box::new(outside())), ..Default::default() };
        let in_node = NodeProto { attribute: vec![constant.clone()], ..Default::default() };
        let models = [
            in_graph(outside()),
            attribute(constant.clone()),
            attribute(AttributeProto { tensors: vec![outside()], ..Default::default() }),
            attribute(AttributeProto { sparse_tensor: Some(Box::new(sparse())), ..Default::default() }),
            attribute(AttributeProto { sparse_tensors: vec![sparse()], ..Default::default() }),
            attribute(AttributeProto { g: Some(Box::new(graph())), ..Default::default() }),
            attribute(AttributeProto { graphs: vec![graph()], ..Default::default() }),
            Model {
                graph: Some(GraphProto { sparse_initializer: vec![sparse()], ..Default::default() }),
                ..Default::default()
            },
            function(FunctionProto { node: vec![in_node], ..Default::default() }),
            function(FunctionProto { attribute_proto: vec![constant], ..Default::default() }),
            Model {
                training_info: vec![TrainingInfoProto { algorithm: Some(graph()), ..Default::default() }],
                ..Default::default()
            },
        ];
        for (index, model) in models.iter().enumerate() {
            assert!(apply(model, Prepacking::Keep).is_err(), "{index}");
        }
    }

    #[test]
    fn names_with_folders_are_refused() {
        for name in ["", ".", "..", "a/b", "/a", "a\\b", "c:x", "a\0"] {
            let relocation = Relocation { file_name: name, data: vec![], prepacking: Prepacking::Drop };
            let error = relocation.apply(Bytes::default()).unwrap_err();
            assert_eq!(error.code(), ErrorCode::InvalidArgument, "{name:?}");
        }
    }
}
