//! [`Signature`]: what a model takes and gives, and the files that it needs besides.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{Model, TensorProto, ValueInfoProto};
use crate::tensor::ValueInfo;

/// What a model takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Values that the caller has to give.
    pub inputs: Vec<ValueInfo>,
    /// Values that the caller gets.
    pub outputs: Vec<ValueInfo>,
    /// Inputs with a default value, which the caller may give.
    pub overridable_initializers: Vec<ValueInfo>,
}

impl Model {
    /// What the model takes and gives.
    ///
    /// Never fails: what is missing or damaged is left out, see [`Model::validate`].
    pub fn signature(&self) -> Signature {
        let Some(graph) = &self.graph else { return Signature::default() };
        let initializers: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        let (overridable, required): (Vec<_>, Vec<_>) =
            graph.input.iter().partition(|input| initializers.contains(input.name()));
        // Before version 4 of the format, initializers had to be inputs, and were not meant to be given.
        let overridable = if self.ir_version.unwrap_or_default() < 4 { Vec::new() } else { overridable };
        let infos =
            |values: Vec<&ValueInfoProto>| values.into_iter().map(ValueInfoProto::to_value_info).collect();
        Signature {
            inputs: infos(required),
            outputs: infos(graph.output.iter().collect()),
            overridable_initializers: infos(overridable),
        }
    }

    /// The files that hold the model's external data, as it names them; each once, sorted.
    ///
    /// # Errors
    /// `invalid_model` if a reference to a file is damaged.
    pub fn external_files(&self) -> crate::Result<Vec<String>> {
        let mut files = BTreeSet::new();
        for tensor in self.tensors() {
            files.extend(tensor.external_location()?.map(|at| at.location));
        }
        Ok(files.into_iter().collect())
    }
}
