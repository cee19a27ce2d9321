//! New initializers of the main graph.

use crate::quantize::initializers::float_bytes;
use crate::quantize::nodes::initializer;
use std::collections::HashMap;

use crate::model::TensorProto;
use crate::quantize::names::Names;
use crate::tensor::DType;

pub(super) struct Initializers {
    pub list: Vec<TensorProto>,
    names: Names,
    /// Zero points of weights, by their number.
    zeros: HashMap<i64, String>,
}

impl Initializers {
    pub fn new(names: Names) -> Self {
        Self { list: Vec::new(), names, zeros: HashMap::new() }
    }

    /// A name that nothing has yet: this one or close to it.
    pub fn fresh(&mut self, wanted: String) -> String {
        self.names.fresh(wanted)
    }

    /// Adds an initializer; gives its name, which is this one or close to it.
    pub fn add(&mut self, name: String, dtype: DType, dims: Vec<i64>, bytes: Vec<u8>) -> String {
        let name = self.fresh(name);
        self.list.push(initializer(&name, dtype, dims, bytes));
        name
    }

    pub fn add_floats(&mut self, name: String, dims: Vec<i64>, floats: &[f32]) -> String {
        self.add(name, DType::F32, dims, float_bytes(floats))
    }

    /// The zero points of weights with so many channels.
    pub fn zeros(&mut self, channels: i64) -> String {
        if let Some(known) = self.zeros.get(&channels) {
            return known.clone();
        }
        let bytes = vec![0; channels as usize];
        let name = self.add(format!("zero_points_{channels}"), DType::I8, vec![channels], bytes);
        self.zeros.insert(channels, name.clone());
        name
    }
}
