//! The values of the main graph: who makes and reads them, which are constant, what a calibration saw of them.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::super::constants::Constants;
use super::super::rewrite::initializers_are_inputs;
use crate::Result;
use crate::error::ResultExt;
use crate::model::{
    ExternalDataResolver, GraphProto, Model, NoExternalData, NodeProto, TensorProto, ValueInfoProto,
};
use crate::quantize::{
    ActivationScheme, Calibration, QuantizeOptions, Range, RangeMethod, ScaleAndZeroPoint, TensorStatistics,
};
use crate::tensor::DType;

/// Steps between codes within which products and quotients of any three are ordinary numbers.
const SCALES: std::ops::RangeInclusive<f32> = 1e-12..=1e12;

/// How activations become 8-bit numbers.
const SCHEME: ActivationScheme = ActivationScheme::AsymmetricU8;

/// How many nodes that only pass a constant on are looked through.
const MAXIMUM_HOPS: usize = 16;

/// A read of a value: the node, and which of its inputs.
pub(super) type Read = (usize, usize);

/// What is known about the values of the main graph.
pub(super) struct Values<'a> {
    pub nodes: &'a [NodeProto],
    constants: Constants<'a>,
    makers: HashMap<&'a str, usize>,
    readers: HashMap<&'a str, Vec<Read>>,
    /// Outputs of the graph, and what graphs inside of nodes read.
    held: HashSet<&'a str>,
    calibration: &'a Calibration,
    method: RangeMethod,
    external: Option<&'a dyn ExternalDataResolver>,
    codes: RefCell<HashMap<&'a str, Result<ScaleAndZeroPoint, String>>>,
}

impl<'a> Values<'a> {
    pub fn of(
        model: &'a Model,
        graph: &'a GraphProto,
        calibration: &'a Calibration,
        options: &QuantizeOptions,
        external: Option<&'a dyn ExternalDataResolver>,
    ) -> Self {
        let mut constants = Constants::default();
        constants.enter(graph, initializers_are_inputs(model.ir_version));
        let mut values = Self {
            nodes: &graph.node,
            constants,
            makers: HashMap::new(),
            readers: HashMap::new(),
            held: graph.output.iter().map(ValueInfoProto::name).collect(),
            calibration,
            method: options.range_method,
            external,
            codes: RefCell::default(),
        };
        for (at, node) in graph.node.iter().enumerate() {
            values.makers.extend(node.output.iter().map(|name| (name.as_str(), at)));
            for (input, name) in node.input.iter().enumerate() {
                values.readers.entry(name).or_default().push((at, input));
            }
            node.subgraphs().for_each(|inner| hold(inner, &mut values.held));
        }
        values
    }

    /// Whether every node comes after those whose values it reads, as the standard wants it.
    pub fn are_in_order(&self) -> bool {
        let nodes = self.nodes.iter().enumerate();
        let mut reads = nodes.flat_map(|(at, node)| node.input.iter().map(move |name| (at, name.as_str())));
        reads.all(|(at, name)| self.makers.get(name).is_none_or(|&maker| maker < at))
    }

    /// The node that makes a value.
    pub fn maker(&self, name: &str) -> Option<usize> {
        self.makers.get(name).copied()
    }

    pub fn readers(&self, name: &str) -> &[Read] {
        self.readers.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether somebody else than a node of the main graph needs this value.
    pub fn is_held(&self, name: &str) -> bool {
        self.held.contains(name)
    }

    /// The one node that reads a value, as its first input; `None` if others need the value too.
    pub fn only_reader(&self, name: &str) -> Option<usize> {
        match *self.readers(name) {
            [(node, _)] if !self.is_held(name) => Some(node),
            _ => None,
        }
    }

    /// The constant that a name stands for, also if `Identity` nodes pass it on.
    pub fn constant(&self, name: &str) -> Option<&'a TensorProto> {
        let mut name = name;
        for _ in 0..MAXIMUM_HOPS {
            if let Some(tensor) = self.constants.get(name) {
                return Some(tensor);
            }
            let maker = &self.nodes[self.maker(name)?];
            if !(maker.op_type() == "Identity" && maker.domain().is_empty()) {
                return None;
            }
            name = maker.input.first()?;
        }
        None
    }

    /// The constant behind a name and its dimensions, also if `Reshape` gives it others.
    pub fn shaped(&self, name: &str) -> Option<(&'a TensorProto, Vec<i64>)> {
        if let Some(tensor) = self.constant(name) {
            return Some((tensor, tensor.dims.clone()));
        }
        let maker = &self.nodes[self.maker(name)?];
        if !(maker.op_type() == "Reshape" && maker.domain().is_empty()) {
            return None;
        }
        let tensor = self.constant(maker.input.first()?)?;
        let wanted = self.whole_numbers(maker.input.get(1)?)?;
        Some((tensor, reshaped(tensor.element_count().ok()?, &wanted)?))
    }

    /// The elements of a constant of whole numbers.
    pub fn whole_numbers(&self, name: &str) -> Option<Vec<i64>> {
        let tensor = self.constant(name).filter(|tensor| tensor.dtype() == Ok(DType::I64))?;
        let bytes = tensor.data_bytes(&NoExternalData).ok()?;
        Some(bytes.as_chunks().0.iter().map(|&number| i64::from_le_bytes(number)).collect())
    }

    /// The elements of a `float32` constant.
    ///
    /// # Errors
    /// Those of reading external data.
    pub fn floats(&self, tensor: &TensorProto) -> Result<Vec<f32>> {
        let none = &NoExternalData;
        let bytes = tensor.data_bytes(self.external.unwrap_or(none)).with_context(|| "weight")?;
        Ok(bytes.as_chunks().0.iter().map(|&number| f32::from_le_bytes(number)).collect())
    }

    /// Whether a constant is one of floats that can be read.
    pub fn is_readable(&self, tensor: &TensorProto) -> bool {
        tensor.dtype() == Ok(DType::F32) && (!tensor.is_external() || self.external.is_some())
    }

    /// The only element of a `float32` constant.
    pub fn scalar(&self, name: &str) -> Option<f32> {
        let tensor = self.constant(name)?;
        if !self.is_readable(tensor) || tensor.element_count() != Ok(1) {
            return None;
        }
        self.floats(tensor).ok()?.first().copied()
    }

    /// What the calibration saw of a value.
    pub fn statistics(&self, name: &str) -> Option<&'a TensorStatistics> {
        self.calibration.tensors.get(name)
    }

    /// The dimensions of a value when it was observed.
    pub fn shape(&self, name: &str) -> Option<&'a [usize]> {
        self.statistics(name).map(|statistics| statistics.shape.as_slice())
    }

    /// Whether a value has a range for 8 bits, or why not.
    pub fn check_codes(&self, name: &str) -> Result<(), String> {
        self.codes_of_all(name).map(drop)
    }

    /// Whether a value was never below zero.
    pub fn is_positive(&self, name: &str) -> bool {
        self.statistics(name).and_then(|statistics| statistics.range.min()).is_some_and(|min| min >= 0.0)
    }

    /// Scale and zero point of a value by its own range, or why there are none.
    pub fn codes(&self, name: &'a str) -> Result<ScaleAndZeroPoint, String> {
        // Choosing a range takes long, so each is chosen once, and only where it is needed.
        let mut known = self.codes.borrow_mut();
        known.entry(name).or_insert_with(|| self.find_codes(name)).clone()
    }

    fn find_codes(&self, name: &str) -> Result<ScaleAndZeroPoint, String> {
        let of_all = self.codes_of_all(name)?;
        let range = self.statistics(name).map(|statistics| statistics.range.range(self.method, SCHEME));
        let codes = range.and_then(Result::ok).map(|range| range.scale_and_zero_point(SCHEME));
        Ok(codes.filter(|codes| SCALES.contains(&codes.scale)).unwrap_or(of_all))
    }

    /// Scale and zero point that cover all that was seen.
    fn codes_of_all(&self, name: &str) -> Result<ScaleAndZeroPoint, String> {
        let statistics =
            self.statistics(name).ok_or_else(|| format!("the calibration has no values of `{name}`"))?;
        if statistics.range.nan_count() > 0 || statistics.range.infinite_count() > 0 {
            return Err(format!("the calibration saw NaN or infinities in `{name}`"));
        }
        let (Some(min), Some(max)) = (statistics.range.min(), statistics.range.max()) else {
            return Err(format!("the calibration saw no elements of `{name}`"));
        };
        let codes = Range { min, max }.scale_and_zero_point(SCHEME);
        match SCALES.contains(&codes.scale) {
            true => Ok(codes),
            false => Err(format!("the values of `{name}` are too large or too small for 8 bits")),
        }
    }
}

/// Marks all names that a graph inside of a node reads, or gives.
fn hold<'a>(graph: &'a GraphProto, held: &mut HashSet<&'a str>) {
    held.extend(graph.output.iter().map(ValueInfoProto::name));
    for node in &graph.node {
        held.extend(node.input.iter().map(String::as_str));
        node.subgraphs().for_each(|inner| hold(inner, held));
    }
}

/// The dimensions that `Reshape` gives to so many elements, none of them copied from the input.
fn reshaped(count: usize, wanted: &[i64]) -> Option<Vec<i64>> {
    let known = wanted
        .iter()
        .filter(|&&dim| dim != -1)
        .try_fold(1_i64, |product, &dim| (dim > 0).then(|| product.checked_mul(dim)).flatten())?;
    let count = i64::try_from(count).ok()?;
    let dims: Vec<i64> = wanted.iter().map(|&dim| if dim == -1 { count / known } else { dim }).collect();
    let product = dims.iter().try_fold(1_i64, |product, &dim| product.checked_mul(dim));
    (product == Some(count)).then_some(dims)
}
