//! The parts of a graph that are computed in 8 bits: layers, and followers where they pay.

use std::collections::{HashMap, HashSet};

use super::follower::{Follower, FollowerKind};
use super::layer::{Layer, LayerKind};
use super::values::{Read, Values};

/// An operand is small if it has at most this part of the elements of the result.
const SMALL_PART: usize = 8;

/// What a node becomes.
pub(super) enum Work<'a> {
    Layer(Layer<'a>),
    Follower(Follower<'a>),
}

impl<'a> Work<'a> {
    /// The inputs that are read as 8-bit numbers, constants among them.
    pub fn inputs(&self) -> &[usize] {
        match self {
            Self::Layer(_) => &[0],
            Self::Follower(follower) => &follower.inputs,
        }
    }

    pub fn outputs(&self) -> &[&'a str] {
        match self {
            Self::Layer(layer) => std::slice::from_ref(&layer.output),
            Self::Follower(follower) => &follower.outputs,
        }
    }

    pub fn tail(&self) -> &[usize] {
        match self {
            Self::Layer(layer) => &layer.tail,
            Self::Follower(follower) => &follower.tail,
        }
    }

    pub fn moves(&self) -> bool {
        matches!(self, Self::Follower(follower) if follower.kind.moves())
    }

    /// Whether it gives floats as cheaply as 8-bit numbers.
    pub fn is_product(&self) -> bool {
        matches!(self, Self::Layer(layer) if !layer.is_conv())
    }
}

/// The nodes that are quantized, by their number.
pub(super) struct Region<'v, 'a> {
    values: &'v Values<'a>,
    pub works: HashMap<usize, Work<'a>>,
    /// Layers that somebody asked for by name: they stay in any case.
    named: HashSet<usize>,
    /// The values that are 8-bit numbers when they are made, whoever reads them.
    made: HashMap<&'a str, usize>,
    /// How many reads of a value are of 8-bit numbers.
    wanted: HashMap<&'a str, usize>,
}

impl<'v, 'a> Region<'v, 'a> {
    /// Keeps of all candidates those that pay together.
    pub fn of(values: &'v Values<'a>, works: HashMap<usize, Work<'a>>, named: HashSet<usize>) -> Self {
        let mut region = Self { values, works, named, made: HashMap::new(), wanted: HashMap::new() };
        let mut pending: Vec<usize> = region.works.keys().copied().collect();
        pending.sort_unstable();
        for at in &pending {
            let work = &region.works[at];
            if !work.is_product() {
                region.made.extend(work.outputs().iter().map(|output| (*output, *at)));
            }
            for input in work.inputs() {
                *region.wanted.entry(region.input(*at, *input)).or_default() += 1;
            }
        }
        while let Some(at) = pending.pop() {
            if region.works.contains_key(&at) && !region.pays(at) {
                region.give_up(at, &mut pending);
            }
        }
        region.settle_products();
        region
    }

    /// Whether a value is made as 8-bit numbers.
    pub fn is_made(&self, name: &str) -> bool {
        self.made.contains_key(name)
    }

    /// Has the products whose results nobody reads as floats make 8-bit numbers too, if their range is known.
    fn settle_products(&mut self) {
        let mut made = Vec::new();
        for (at, work) in self.works.iter().filter(|(_, work)| work.is_product()) {
            let output = work.outputs()[0];
            if self.only_wanted(output) && self.values.codes(output).is_ok() {
                made.push((output, *at));
            }
        }
        self.made.extend(made);
    }

    /// Whether somebody reads a value as floats that is made as 8-bit numbers.
    pub fn is_read_as_float(&self, name: &str) -> bool {
        let moves = |&(at, input): &Read| input == 0 && self.works.get(&at).is_some_and(Work::moves);
        self.values.is_held(name) || !self.values.readers(name).iter().all(moves)
    }

    /// Whether an operator with scales reads a value.
    pub fn is_computed_with(&self, name: &str) -> bool {
        let computes = |&(at, input): &Read| {
            self.works.get(&at).is_some_and(|work| !work.moves() && work.inputs().contains(&input))
        };
        self.values.readers(name).iter().any(computes)
    }

    /// Whether a value is read as 8-bit numbers.
    pub fn is_wanted(&self, name: &str) -> bool {
        self.wanted.get(name).is_some_and(|&count| count > 0)
    }

    /// Whether nobody reads a value as floats.
    pub fn only_wanted(&self, name: &str) -> bool {
        let count = self.wanted.get(name).copied().unwrap_or(0);
        count > 0 && count == self.values.readers(name).len() && !self.values.is_held(name)
    }

    fn input(&self, at: usize, input: usize) -> &'a str {
        &self.values.nodes[at].input[input]
    }

    fn pays(&self, at: usize) -> bool {
        let work = &self.works[&at];
        let reads_codes = || work.inputs().iter().any(|input| self.made.contains_key(self.input(at, *input)));
        let is_wanted = || work.outputs().iter().any(|output| self.is_wanted(output));
        match work {
            Work::Layer(layer) => match layer.kind {
                LayerKind::Depthwise => self.named.contains(&at) || (reads_codes() && is_wanted()),
                LayerKind::Conv | LayerKind::MatMul | LayerKind::Gemm => true,
            },
            Work::Follower(follower) => match follower.kind {
                FollowerKind::Arithmetic => reads_codes() && is_wanted() && self.costs_little(at, follower),
                FollowerKind::Reducing | FollowerKind::Selecting => reads_codes(),
                FollowerKind::Moving => {
                    let is_small_enough = || self.values.codes(self.input(at, 0)).is_ok();
                    reads_codes() || (self.only_wanted(follower.outputs[0]) && is_small_enough())
                }
            },
        }
    }

    /// Whether only little has to be quantized for an operator. Otherwise it would, for one, split what computes an
    /// activation function, which ONNX Runtime does in one kernel.
    fn costs_little(&self, at: usize, follower: &Follower) -> bool {
        let node = &self.values.nodes[at];
        let count = |name: &str| {
            let shape = self.values.shape(name)?;
            Some(shape.iter().fold(1_usize, |product, &dim| product.saturating_mul(dim)))
        };
        let is_small = |name: &str| {
            count(name).zip(count(&node.output[0])).is_some_and(|(own, all)| own <= all / SMALL_PART)
        };
        node.op_type() == "Concat"
            || follower.inputs.iter().map(|input| node.input[*input].as_str()).all(|name| {
                self.made.contains_key(name) || self.values.constant(name).is_some() || is_small(name)
            })
    }

    /// Takes a node out, and has those that it touches looked at again.
    fn give_up(&mut self, at: usize, pending: &mut Vec<usize>) {
        let Some(work) = self.works.remove(&at) else { return };
        for output in work.outputs() {
            self.made.remove(output);
            pending.extend(self.values.readers(output).iter().map(|(reader, _)| *reader));
        }
        for input in work.inputs() {
            let name = self.input(at, *input);
            if let Some(count) = self.wanted.get_mut(name) {
                *count -= 1;
            }
            pending.extend(self.made.get(name));
        }
    }
}
