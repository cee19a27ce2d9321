//! The parts of a graph that are computed in 8 bits: layers, and followers where they pay.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::follower::{Follower, FollowerKind};
use super::layer::{Layer, LayerKind};
use super::values::{Read, Values};

/// An operand is small if it has at most this part of the elements of the result.
const SMALL_PART: usize = 8;

/// How many nodes between a layer and a quantization are looked through.
const MAXIMUM_HOPS: usize = 16;

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

    /// Whether it pays only between others that are quantized.
    fn is_needy(&self) -> bool {
        match self {
            Self::Layer(layer) => layer.kind == LayerKind::Depthwise,
            Self::Follower(follower) => follower.kind == FollowerKind::Arithmetic,
        }
    }

    /// Whether it gives floats as cheaply as 8-bit numbers.
    pub fn is_product(&self) -> bool {
        matches!(self, Self::Layer(layer) if !layer.is_conv())
    }
}

/// How often a graph is gone through to find what pays.
const MAXIMUM_PASSES: usize = 32;

/// The nodes that are quantized, by their number.
pub(super) struct Region<'v, 'a> {
    values: &'v Values<'a>,
    pub works: BTreeMap<usize, Work<'a>>,
    /// Layers that somebody asked for by name: they stay in any case.
    named: HashSet<usize>,
    /// The values that are 8-bit numbers when they are made.
    made: HashSet<&'a str>,
    /// How many reads of a value are of 8-bit numbers.
    coded_reads: HashMap<&'a str, usize>,
}

impl<'v, 'a> Region<'v, 'a> {
    /// Keeps of all candidates those that pay together.
    pub fn of(values: &'v Values<'a>, works: BTreeMap<usize, Work<'a>>, named: HashSet<usize>) -> Self {
        let (made, coded_reads) = (HashSet::new(), HashMap::new());
        let mut region = Self { values, works, named, made, coded_reads };
        // Each pass gives up what gets no 8-bit numbers, or gives them to nobody, which may leave others so.
        let mut passes = (0..MAXIMUM_PASSES).map(|_| region.go_forward() | region.go_backward());
        if passes.all(|changed| changed) {
            region.works.retain(|at, work| !work.is_needy() || region.named.contains(at));
            region.go_forward();
        }
        region.settle_movers();
        region.settle_products();
        region
    }

    /// Finds what is made as 8-bit numbers; gives up operators that read none. Says whether there were any.
    fn go_forward(&mut self) -> bool {
        self.made.clear();
        let count = self.works.len();
        let mut works = std::mem::take(&mut self.works);
        works.retain(|&at, work| {
            let node = &self.values.nodes[at];
            let reads_codes =
                work.inputs().iter().any(|&input| self.made.contains(node.input[input].as_str()));
            let stays = match work {
                Work::Layer(layer) => {
                    layer.kind != LayerKind::Depthwise || reads_codes || self.named.contains(&at)
                }
                Work::Follower(follower) => match follower.kind {
                    FollowerKind::Arithmetic => reads_codes && self.costs_little(at, follower),
                    FollowerKind::Reducing => reads_codes,
                    FollowerKind::Moving | FollowerKind::Selecting => true,
                },
            };
            if stays && !work.is_product() && (reads_codes || !work.moves()) {
                self.made.extend(work.outputs());
            }
            stays
        });
        self.works = works;
        self.works.len() < count
    }

    /// Gives up operators whose results nobody computes with as 8-bit numbers. Says whether there were any.
    fn go_backward(&mut self) -> bool {
        let count = self.works.len();
        let mut needed: HashSet<&str> = HashSet::new();
        let order: Vec<usize> = self.works.keys().rev().copied().collect();
        for at in order {
            let Some(work) = self.works.get(&at) else { continue };
            let is_needed = work.outputs().iter().any(|output| needed.contains(output));
            if !is_needed && work.is_needy() && !self.named.contains(&at) {
                self.works.remove(&at);
            } else if is_needed || !work.moves() {
                let node = &self.values.nodes[at];
                needed.extend(work.inputs().iter().map(|&input| node.input[input].as_str()));
            }
        }
        self.works.len() < count
    }

    /// Decides what moves 8-bit numbers: what reads them, and what would otherwise move floats before they are quantized.
    fn settle_movers(&mut self) {
        let mut works = BTreeMap::new();
        for (at, work) in std::mem::take(&mut self.works).into_iter().rev() {
            let node = &self.values.nodes[at];
            let quantizes_early = || {
                let is_moving =
                    matches!(&work, Work::Follower(follower) if follower.kind == FollowerKind::Moving);
                is_moving
                    && self.only_coded(work.outputs()[0])
                    && self.values.check_codes(&node.input[0]).is_ok()
            };
            if work.moves() && !self.made.contains(node.input[0].as_str()) && !quantizes_early() {
                continue;
            }
            self.made.extend(work.outputs().iter().filter(|_| work.moves()));
            for &input in work.inputs() {
                *self.coded_reads.entry(&node.input[input]).or_default() += 1;
            }
            works.insert(at, work);
        }
        self.works = works;
    }

    /// Has the products whose results nobody reads as floats make 8-bit numbers too, if their range is known.
    fn settle_products(&mut self) {
        let mut made = Vec::new();
        for work in self.works.values().filter(|work| work.is_product()) {
            let output = work.outputs()[0];
            if self.only_coded(output) && self.values.check_codes(output).is_ok() {
                made.push(output);
            }
        }
        self.made.extend(made);
    }

    /// Whether a value is made as 8-bit numbers.
    pub fn is_made(&self, name: &str) -> bool {
        self.made.contains(name)
    }

    /// Whether a value is read as 8-bit numbers.
    pub fn is_coded(&self, name: &str) -> bool {
        self.coded_reads.contains_key(name)
    }

    /// Whether nobody reads a value as floats.
    fn only_coded(&self, name: &str) -> bool {
        let count = self.coded_reads.get(name).copied().unwrap_or(0);
        count > 0 && count == self.values.readers(name).len() && !self.values.is_held(name)
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

    /// Whether ONNX Runtime would quantize the layer of floats that gives this value. It does so with weights between a
    /// dequantization and a quantization, with one scale for all channels, and lets biases overflow.
    pub fn is_open_to_quantization(&self, name: &str) -> bool {
        let mut name = name;
        for _ in 0..MAXIMUM_HOPS {
            let Some(at) = self.values.maker(name) else { return false };
            let node = &self.values.nodes[at];
            let is_data = |input: &&String| self.values.constant(input).is_none();
            let Some(input) = node.input.iter().find(is_data) else { return false };
            match node.op_type() {
                "Conv" | "ConvTranspose" | "Gemm" | "MatMul" => {
                    return !self.works.contains_key(&at) && self.is_made(input);
                }
                // Products are joined with sums, and layers with limits.
                "Add" | "Relu" | "Clip" | "Identity" | "Dropout" => name = input,
                _ => return false,
            }
        }
        // Who knows.
        true
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
                self.made.contains(name) || self.values.constant(name).is_some() || is_small(name)
            })
    }
}
