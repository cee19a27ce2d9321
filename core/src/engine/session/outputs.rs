//! What a run gives.

use std::ops::Index;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::tensor::Value;

/// The outputs of a run, by name and in the order asked for (the model's order by default).
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs(SmallVec<[(Arc<str>, Value); 1]>);

impl Outputs {
    pub(super) fn new(values: SmallVec<[(Arc<str>, Value); 1]>) -> Self {
        Self(values)
    }

    /// Number of outputs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The output of this name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.iter().find(|(own, _)| *own == name).map(|(_, value)| value)
    }

    /// Takes the output of this name out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(own, _)| &**own == name)?;
        Some(self.0.remove(at).1)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl Index<&str> for Outputs {
    type Output = Value;

    /// # Panics
    /// If there is no output of this name; [`Outputs::get`] does not.
    fn index(&self, name: &str) -> &Value {
        match self.get(name) {
            Some(value) => value,
            None => {
                let names: Vec<_> = self.iter().map(|(name, _)| name).collect();
                panic!("no output `{name}`; there are {names:?}")
            }
        }
    }
}

impl Index<usize> for Outputs {
    type Output = Value;

    /// # Panics
    /// If there are not that many outputs.
    fn index(&self, index: usize) -> &Value {
        &self.0[index].1
    }
}

impl IntoIterator for Outputs {
    type Item = (Arc<str>, Value);
    type IntoIter = smallvec::IntoIter<[(Arc<str>, Value); 1]>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
