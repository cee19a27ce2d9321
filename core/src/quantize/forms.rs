//! [`Forms`]: which node gets which form, by the mode and the options.

use std::collections::HashSet;

use super::plan::label;
use super::{QuantizeMode, QuantizeOptions};
use crate::model::{Model, NodeProto};
use crate::{Error, Result};

/// Which node gets which form.
#[derive(Clone, Copy)]
pub(super) struct Forms<'a> {
    mode: QuantizeMode,
    pub(super) options: &'a QuantizeOptions,
}

impl<'a> Forms<'a> {
    /// # Errors
    /// `not_found` if the options name a node that the model does not have, `invalid_argument` for a block size that is
    /// none of those offered.
    pub(super) fn new(model: &Model, mode: QuantizeMode, options: &'a QuantizeOptions) -> Result<Self> {
        if !matches!(options.block_size, 16 | 32 | 64 | 128 | 256) {
            let reason = format!("must be 16, 32, 64, 128 or 256, is {}", options.block_size);
            return Err(Error::invalid_argument("block_size", reason));
        }
        let known: HashSet<&str> = model.nodes().map(|at| label(at.node)).collect();
        let named = options.exclude.iter().chain(options.layers.keys());
        if let Some(unknown) = named.into_iter().find(|name| !known.contains(name.as_str())) {
            let layers = model.nodes().map(|at| at.node).filter(|node| is_layer(node)).map(label);
            return Err(Error::not_found("node", unknown, layers));
        }
        Ok(Self { mode, options })
    }

    /// The form of a node; `None` if it is to stay as it is.
    pub(super) fn of(&self, node: &NodeProto) -> Option<QuantizeMode> {
        (self.is_named(node) || self.may_replace(node)).then(|| self.unless_excluded(node))
    }

    /// The form that a node would have, were it not excluded.
    pub(super) fn unless_excluded(&self, node: &NodeProto) -> QuantizeMode {
        self.options.layers.get(label(node)).copied().unwrap_or(self.mode)
    }

    /// Whether the options give the node a form of its own.
    pub(super) fn is_named(&self, node: &NodeProto) -> bool {
        self.options.layers.contains_key(label(node))
    }

    /// Whether the node is none of those that are excluded.
    pub(super) fn may_replace(&self, node: &NodeProto) -> bool {
        !self.options.exclude.iter().any(|name| name == label(node))
    }

    /// Whether a form occurs in a model.
    pub(super) fn occurs(&self, form: QuantizeMode) -> bool {
        self.mode == form || self.options.layers.values().any(|other| *other == form)
    }
}

fn is_layer(node: &NodeProto) -> bool {
    matches!(node.op_type(), "MatMul" | "Gemm" | "Gather" | "Conv")
}
