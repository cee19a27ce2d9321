//! Compiled models.

use ortlet::model::{Bytes, Model, NodeProto, TensorProto};
use ortlet::{Error, Result};
use wasm_bindgen::prelude::*;

use crate::errors::Outcome;
use crate::json;

/// A file that `compile` wrote.
#[wasm_bindgen]
pub struct Artifact {
    artifact: ortlet::artifact::Artifact,
    file: Bytes,
}

#[wasm_bindgen]
impl Artifact {
    /// Reads and checks everything but the weights.
    ///
    /// # Errors
    /// Those of [`ortlet::artifact::Artifact::parse`].
    #[wasm_bindgen(constructor)]
    pub fn new(file: Vec<u8>) -> Outcome<Self> {
        let file = Bytes::from(file);
        Ok(Self { artifact: ortlet::artifact::Artifact::parse(file.clone())?, file })
    }

    /// JSON of the manifest.
    pub fn manifest(&self) -> Outcome<String> {
        Ok(json::write(self.artifact.manifest())?)
    }

    /// The portable model, whose external data is the artifact itself under this name.
    ///
    /// # Errors
    /// Those of [`ortlet::artifact::Artifact::relocated_portable_model`].
    pub fn model(&self, file_name: &str) -> Outcome<Vec<u8>> {
        let model = self.artifact.relocated_portable_model(file_name)?;
        Ok(inner_tensors_inside(model, &self.file)?)
    }

    /// Checks every byte.
    ///
    /// # Errors
    /// `integrity`.
    pub fn verify(&self) -> Outcome<()> {
        Ok(self.artifact.verify_data()?)
    }
}

/// The model with those weights inside that onnxruntime-web reads from no other file: all but the main graph's
/// initializers.
fn inner_tensors_inside(bytes: Vec<u8>, file: &Bytes) -> Result<Vec<u8>> {
    let mut model = Model::parse(bytes)?;
    let mut graph = model.graph.take().unwrap_or_default();
    fill_nodes(&mut graph.node, file)?;
    model.graph = Some(graph);
    model.to_bytes()
}

fn fill_nodes(nodes: &mut [NodeProto], file: &Bytes) -> Result<()> {
    for attribute in nodes.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.t.iter_mut().try_for_each(|tensor| fill(tensor, file))?;
        for graph in attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs) {
            graph.initializer.iter_mut().try_for_each(|tensor| fill(tensor, file))?;
            fill_nodes(&mut graph.node, file)?;
        }
    }
    Ok(())
}

/// Puts into a tensor what lies in the file.
fn fill(tensor: &mut TensorProto, file: &Bytes) -> Result<()> {
    let Some(location) = tensor.external_location()? else { return Ok(()) };
    let length = tensor.dtype()?.size_bytes(tensor.element_count()?)? as u64;
    let range = location.offset_bytes as usize..(location.offset_bytes + length) as usize;
    let data = file.slice(range).ok_or_else(|| Error::invalid_model("weights outside of the artifact"))?;
    (tensor.raw_data, tensor.data_location) = (Some(data), None);
    tensor.external_data.clear();
    Ok(())
}
