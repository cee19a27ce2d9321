//! [`Scene`]: the main graph as the patterns see it: its nodes, their readers, its constants and shapes.

use super::dims::{Assume, Dims, Size};
use crate::model::{GraphProto, NodeProto};
use crate::quantize::rewrite::MICROSOFT;
use crate::quantize::simplify::view::{View, is};
use crate::tensor::DType;

/// More nodes than any exporter takes to compute a factor.
const MAXIMUM_STEPS: usize = 12;

/// More nodes than exporters compute a shape with.
const MAXIMUM_SERVANTS: usize = 64;

/// The main graph, to look things up in.
pub(crate) struct Scene<'g> {
    pub view: View<'g>,
    pub dims: Dims<'g>,
}

impl<'g> Scene<'g> {
    /// Of a graph whose nodes are in an order in which they can run.
    pub fn of(graph: &'g GraphProto, view: View<'g>, assume: &Assume) -> Self {
        let dims = Dims::of(graph, &view, assume);
        Self { view, dims }
    }

    pub fn node(&self, index: usize) -> &'g NodeProto {
        &self.view.nodes[index]
    }

    /// The only reader of a value, as a node of the standard or of ONNX Runtime's own operators.
    pub fn only_reader(&self, name: &str) -> Option<(usize, &'g NodeProto)> {
        let index = self.view.only_reader(name)?;
        Some((index, self.node(index)))
    }

    /// The maker of a value.
    pub fn maker(&self, name: &str) -> Option<(usize, &'g NodeProto)> {
        let index = self.view.maker(name)?;
        Some((index, self.node(index)))
    }

    /// The numbers of a constant vector of so many floats, however many axes of length 1 it has before; it stretches no
    /// value of `rank` dimensions.
    pub fn vector(&self, name: &str, length: i64, rank: Option<usize>) -> Option<Vec<f32>> {
        let dims = &self.view.constant(name)?.dims;
        let (last, before) = dims.split_last()?;
        let is_vector = *last == length && before.iter().all(|&dim| dim == 1);
        let fits = before.is_empty() || rank.is_some_and(|rank| dims.len() <= rank);
        // What cannot be read, or is not finite, is left alone.
        (is_vector && fits).then(|| self.view.floats(name).ok().flatten())?
    }

    /// Whether two values have the same shape in every run.
    pub fn same_shape(&self, left: &str, right: &str) -> bool {
        self.dims.shape(left).is_some_and(|shape| self.dims.shape(right) == Some(shape))
    }

    /// The size of a value's last axis.
    pub fn width(&self, name: &str) -> Option<&Size> {
        self.dims.shape(name)?.last()
    }

    /// The number that a value of one element is in every run, and its number of dimensions; also if the model
    /// computes it from constants and shapes.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.number_within(name, MAXIMUM_STEPS)
    }

    fn number_within(&self, name: &str, steps: usize) -> Option<f64> {
        if let Some(scalar) = self.view.scalar(name) {
            return Some(scalar.value);
        }
        if let Some([Some(element)]) = self.dims.contents(name) {
            return element.known().map(|number| number as f64);
        }
        let (_, node) = self.maker(name).filter(|_| steps > 0)?;
        let input = |index: usize| self.number_within(node.input.get(index)?, steps - 1);
        let found = match node.op_type() {
            _ if !node.domain().is_empty() => None,
            "Identity" | "Squeeze" | "Unsqueeze" | "Reshape" => input(0),
            "Cast" if self.dims.dtype(name) == Some(DType::F32) => input(0),
            "Sqrt" => input(0).map(f64::sqrt),
            "Reciprocal" => input(0).map(f64::recip),
            "Div" => Some(input(0)? / input(1)?),
            "Mul" => Some(input(0)? * input(1)?),
            "Pow" => Some(input(0)?.powf(input(1)?)),
            _ => None,
        };
        found.filter(|number| number.is_finite())
    }

    /// A value of one element that stretches nothing of `rank` dimensions.
    pub fn factor(&self, name: &str, rank: usize) -> Option<f64> {
        let number = self.number(name)?;
        let own = self.dims.rank(name).or_else(|| self.view.fact(name).rank)?;
        (own <= rank).then_some(number)
    }

    /// Whether nobody needs a value but these nodes: what else reads it only leads to them again, as the sizes do that
    /// exporters compute shapes from.
    pub fn serves_only(&self, name: &str, nodes: &[usize]) -> bool {
        let (mut pending, mut seen) = (vec![name], Vec::new());
        while let Some(name) = pending.pop() {
            if self.view.is_pinned(name) || seen.len() > MAXIMUM_SERVANTS {
                return false;
            }
            for &reader in self.view.readers(name) {
                if !nodes.contains(&reader) && !seen.contains(&reader) {
                    // Nobody knows what an operator of another domain does besides.
                    if !matches!(self.node(reader).domain(), "" | MICROSOFT) {
                        return false;
                    }
                    seen.push(reader);
                    pending.extend(self.node(reader).output.iter().map(String::as_str));
                }
            }
        }
        true
    }

    /// Whether nobody needs what these nodes make but they themselves; the result excepted.
    pub fn is_closed(&self, nodes: &[usize], result: &str) -> bool {
        let inner = nodes.iter().flat_map(|&node| &self.node(node).output);
        inner.filter(|name| !name.is_empty() && *name != result).all(|name| self.serves_only(name, nodes))
    }

    /// Whether all readers of a value are among these nodes, and it is no output.
    pub fn read_only_by(&self, name: &str, nodes: &[usize]) -> bool {
        !self.view.is_pinned(name) && self.view.readers(name).iter().all(|reader| nodes.contains(reader))
    }
}

/// Whether a node is this operator of ONNX Runtime's own.
pub(crate) fn is_microsoft(node: &NodeProto, op_type: &str) -> bool {
    node.op_type() == op_type && node.domain() == MICROSOFT
}

/// The number of an attribute that is one; `None` if it is no number to count on.
pub(crate) fn float(node: &NodeProto, name: &str, default: f32) -> Option<f32> {
    let number = match node.attribute(name) {
        Some(attribute) => attribute.f?,
        None => default,
    };
    number.is_finite().then_some(number)
}

/// The operands of a node of two, the given one first.
pub(crate) fn operand<'n>(node: &'n NodeProto, name: &str) -> Option<&'n str> {
    match node.input.as_slice() {
        [left, right] if left == name && right != name => Some(right),
        [left, right] if right == name && left != name => Some(left),
        _ => None,
    }
}

/// Whether a node gives what it reads, for values that are `float32` already.
pub(crate) fn is_no_op(scene: &Scene, node: &NodeProto) -> bool {
    let input = node.input.first().map_or("", String::as_str);
    let unused = node.output.iter().skip(1).all(|name| name.is_empty() || scene.read_only_by(name, &[]));
    let is_cast = is(node, "Cast")
        && scene.dims.dtype(input) == Some(DType::F32)
        && node.attribute("to").and_then(|to| to.i) == Some(i64::from(DType::F32.onnx()));
    let trains = node.input.get(2).is_some_and(|name| !name.is_empty());
    let is_dropout = is(node, "Dropout") && unused && !trains;
    is(node, "Identity") || is_cast || is_dropout
}
