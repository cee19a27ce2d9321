//! [`Plan`]: which blocks a model is lowered to.

use std::collections::HashSet;

use super::block::{Attention, Convolution, Embedding, FeedForward, Linear};
use super::qkv::{self, Inputs};
use super::scene::Scene;
use super::{LowerOptions, Product, convolution, embedding, emit, feed_forward, linear};
use crate::quantize::plan::label;

/// Blocks, none of which gets in another's way.
pub(super) struct Plan {
    pub linears: Vec<Linear>,
    pub feed_forwards: Vec<FeedForward>,
    pub attentions: Vec<Planned>,
    pub embeddings: Vec<Embedding>,
    pub convolutions: Vec<Convolution>,
}

/// An attention, and where its inputs come from.
pub(super) struct Planned {
    pub attention: Attention,
    pub inputs: Inputs,
    /// The projections that are one now, and what they are apart, in case the one cannot be packed.
    pub merged: Option<(Linear, [Linear; 3])>,
}

/// What the nodes of a graph are called, no two alike.
pub(super) struct Labels(Vec<String>);

impl Labels {
    pub fn of(scene: &Scene) -> Self {
        let mut known: HashSet<String> = HashSet::new();
        let unique = |node| {
            let own = label(node).to_owned();
            let numbered = (1_u64..).map(|number| format!("{own}_{number}"));
            let free = std::iter::once(own.clone()).chain(numbered).find(|name| !known.contains(name));
            let name = free.unwrap_or(own);
            known.insert(name.clone());
            name
        };
        Self(scene.view.nodes.iter().map(unique).collect())
    }

    pub fn node(&self, index: usize) -> &str {
        &self.0[index]
    }

    pub fn linear(&self, linear: &Linear) -> String {
        // A projection that is part of an operator has no node of its own.
        match linear.nodes.is_empty() {
            true => format!("{}/qkv", self.node(linear.product)),
            false => self.node(linear.product).to_owned(),
        }
    }
}

impl Plan {
    pub fn of(scene: &Scene, found: Vec<Attention>, labels: &Labels, options: &LowerOptions) -> Self {
        let keeps = |label: &str| !options.exclude.contains(label);
        let count = scene.view.nodes.len();
        let found: Vec<Attention> =
            found.into_iter().filter(|found| keeps(labels.node(found.center))).collect();
        let mut taken = vec![false; count];
        found.iter().flat_map(|found| &found.nodes).for_each(|&node| taken[node] = true);
        let mut linears = Vec::new();
        for index in 0..count {
            if let Some(linear) = linear::at(scene, index, &taken) {
                linear.nodes.iter().for_each(|&node| taken[node] = true);
                linears.push(linear);
            }
        }
        let mut gone = vec![false; linears.len()];
        let attentions = found.into_iter().filter_map(|found| {
            if let Some(projection) = &found.projection
                && !keeps(&labels.linear(projection))
            {
                return None;
            }
            Some(planned(scene, found, &linears, &mut gone))
        });
        let mut attentions: Vec<Planned> = attentions.collect();
        for planned in &mut attentions {
            let is_kept = planned.merged.as_ref().is_none_or(|(merged, _)| keeps(&labels.linear(merged)));
            if !is_kept {
                planned.merged = None;
            }
        }
        let linears = linears.into_iter().zip(gone).filter(|(_, gone)| !gone).map(|(linear, _)| linear);
        let (feed_forwards, linears) = feed_forward::join(scene, linears.collect());
        let convolutions = (0..count).filter_map(|index| convolution::at(scene, index));
        let convolutions = convolutions.filter(|block| block.nodes.iter().all(|&node| !taken[node]));
        let embeddings = (0..count).filter_map(|index| embedding::at(scene, index));
        Self {
            linears: linears.into_iter().filter(|linear| keeps(&labels.linear(linear))).collect(),
            feed_forwards: feed_forwards
                .into_iter()
                .filter(|block| keeps(&labels.linear(&block.up)))
                .collect(),
            attentions,
            convolutions: convolutions.filter(|block| keeps(labels.node(block.conv))).collect(),
            embeddings: embeddings.filter(|block| keeps(labels.node(block.gather))).collect(),
        }
    }

    /// What layers multiply their weights with, in the order of the blocks.
    #[allow(dead_code, reason = "only the native engine asks")]
    pub fn products(&self) -> Vec<Product> {
        let merged = self.attentions.iter().filter_map(|planned| {
            let merged = planned.merged.as_ref().map(|(merged, _)| merged);
            planned.attention.projection.as_ref().or(merged)
        });
        let alone = merged.chain(&self.linears).map(|linear| (linear.product, linear));
        let pairs = self
            .feed_forwards
            .iter()
            .flat_map(|FeedForward { up, down }| [(up.product, up), (up.product, down)]);
        let mut layers: Vec<(usize, &Linear)> = alone.chain(pairs).collect();
        layers.sort_by_key(|(at, _)| *at);
        emit::products(layers.into_iter().map(|(_, linear)| linear))
    }
}

fn planned(scene: &Scene, attention: Attention, linears: &[Linear], gone: &mut [bool]) -> Planned {
    if let Some(value) = qkv::together(scene, &attention) {
        return Planned { attention, inputs: Inputs::Merged(value), merged: None };
    }
    let merged = match qkv::merge(scene, &attention, linears) {
        Some((merged, places)) if places.iter().all(|&place| !gone[place]) => {
            places.iter().for_each(|&place| gone[place] = true);
            Some((merged, places.map(|place| linears[place].clone())))
        }
        _ => None,
    };
    Planned { attention, inputs: Inputs::Apart, merged }
}
