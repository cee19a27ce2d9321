//! [`Dims`]: the shapes of a graph's values as far as they follow from the graph, with unknown sizes told apart by name.
//!
//! Exporters compute shapes from shapes with a dozen nodes; only what becomes of those says whether a `Reshape` splits a
//! width into heads. Sizes of equal names are equal, as ONNX has it.

mod contents;
mod convolution;
mod shapes;
mod size;
mod slices;

use std::collections::{HashMap, HashSet};

use crate::model::{GraphProto, NodeProto};
use crate::quantize::simplify::view::View;
use crate::tensor::{DType, Dim, ValueType};

pub(crate) use shapes::{axis, equation};
pub(crate) use size::Size;

pub(crate) type Shape = Vec<Size>;

/// An element of a small tensor of whole numbers, if it is known.
type Element = Option<Size>;

/// The most elements of a tensor of whole numbers that are looked at.
const MAXIMUM_ELEMENTS: usize = 64;

/// What is known of a graph's values.
pub(crate) struct Dims<'g> {
    shapes: HashMap<&'g str, Shape>,
    types: HashMap<&'g str, DType>,
    contents: HashMap<&'g str, Vec<Element>>,
    next: u32,
    /// Unknown sizes that are a given one, or a smaller one that is known and not 1.
    cut: Vec<(Size, i64, Size)>,
    /// Nodes that stretch one operand to the other's shape for all that is known: they are taken not to.
    pub assumed: HashSet<usize>,
}

/// Which nodes may be taken not to stretch their larger operand.
#[derive(Clone, Debug)]
pub(crate) enum Assume {
    All,
    These(HashSet<usize>),
}

impl<'g> Dims<'g> {
    /// Goes through a graph whose nodes are in an order in which they can run.
    pub fn of(graph: &'g GraphProto, view: &View<'g>, assume: &Assume) -> Self {
        let (shapes, types, contents) = (HashMap::new(), HashMap::new(), HashMap::new());
        let (cut, assumed) = (Vec::new(), HashSet::new());
        let mut dims = Self { shapes, types, contents, next: 0, cut, assumed };
        let mut named: HashMap<String, Size> = HashMap::new();
        for input in &graph.input {
            let ValueType::Tensor { dtype, shape } = input.to_value_info().value_type else { continue };
            dims.types.insert(input.name(), dtype);
            let Some(declared) = shape.dims() else { continue };
            let sizes = declared.iter().map(|dim| match dim {
                Dim::Fixed(size) => i64::try_from(*size).map_or_else(|_| dims.fresh(), Size::constant),
                Dim::Symbol(name) => named.entry(name.clone()).or_insert_with(|| dims.fresh()).clone(),
                _ => dims.fresh(),
            });
            let sizes = sizes.collect();
            dims.shapes.insert(input.name(), sizes);
        }
        let outputs = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
        let names = graph.initializer.iter().map(crate::model::TensorProto::name).chain(outputs);
        for name in names {
            dims.constant(view, name);
        }
        for (index, node) in graph.node.iter().enumerate() {
            let may_assume = match assume {
                Assume::All => true,
                Assume::These(nodes) => nodes.contains(&index),
            };
            dims.node(view, node);
            if may_assume && dims.assume(node) {
                dims.assumed.insert(index);
            }
        }
        dims
    }

    pub fn shape(&self, name: &str) -> Option<&[Size]> {
        self.shapes.get(name).map(Vec::as_slice)
    }

    pub fn rank(&self, name: &str) -> Option<usize> {
        self.shape(name).map(<[_]>::len)
    }

    pub fn dtype(&self, name: &str) -> Option<DType> {
        self.types.get(name).copied()
    }

    /// The elements of a small tensor of whole numbers.
    pub(crate) fn contents(&self, name: &str) -> Option<&[Element]> {
        self.contents.get(name).map(Vec::as_slice)
    }

    fn fresh(&mut self) -> Size {
        self.next += 1;
        Size::atom(self.next)
    }

    /// An axis of this length, cut to another.
    fn cut(&mut self, length: i64, to: &Size) -> Size {
        let known = self.cut.iter().find(|(_, own, size)| *own == length && size == to);
        if let Some((size, ..)) = known {
            return size.clone();
        }
        let size = self.fresh();
        self.cut.push((size.clone(), length, to.clone()));
        size
    }

    /// What an axis becomes where operands of these sizes are stretched to one shape.
    fn stretched(&mut self, left: &Size, right: &Size) -> Size {
        let is_cut = |size: &Size, to: &Size| self.cut.iter().any(|(own, _, of)| own == size && of == to);
        // Cut to less than the other, they would not fit.
        match left.stretched(right) {
            Some(size) => size,
            None if is_cut(left, right) => right.clone(),
            None if is_cut(right, left) => left.clone(),
            None => self.fresh(),
        }
    }

    /// Gives a mask's sum the shape of the scores, if only sizes that runs know speak against it.
    fn assume(&mut self, node: &NodeProto) -> bool {
        let is_masking =
            ["Add", "Where"].iter().any(|op_type| crate::quantize::simplify::view::is(node, op_type));
        let Some(output) = node.output.first().filter(|_| is_masking) else { return false };
        let shapes: Option<Vec<&[Size]>> = node.input.iter().map(|name| self.shape(name)).collect();
        let Some(shapes) = shapes else { return false };
        let has_all =
            |whole: &&&[Size]| whole.len() >= 3 && shapes.iter().all(|shape| stretches_to(shape, whole));
        let found: Vec<&[Size]> = shapes.iter().filter(has_all).copied().collect();
        let [shape] = found[..] else { return false };
        let shape = shape.to_vec();
        let Some(own) = self.shapes.get_mut(output.as_str()).filter(|own| **own != shape) else {
            return false;
        };
        *own = shape;
        true
    }

    fn constant(&mut self, view: &View<'g>, name: &'g str) {
        let Some(tensor) = view.constant(name) else { return };
        self.types.extend(tensor.dtype().ok().map(|dtype| (name, dtype)));
        self.shapes.insert(name, tensor.dims.iter().map(|&dim| Size::constant(dim)).collect());
        let is_small = tensor.dims.len() <= 1 && tensor.element_count().is_ok_and(|n| n <= MAXIMUM_ELEMENTS);
        if let Some(numbers) = view.wholes(name).filter(|_| is_small) {
            self.contents
                .insert(name, numbers.into_iter().map(|number| Some(Size::constant(number))).collect());
        }
    }

    fn node(&mut self, view: &View<'g>, node: &'g NodeProto) {
        let Some(output) = node.output.first().map(String::as_str).filter(|name| !name.is_empty()) else {
            return;
        };
        if view.constant(output).is_some() {
            return;
        }
        self.types.extend(shapes::dtype_of(self, node).map(|dtype| (output, dtype)));
        if let Some(elements) = contents::of(self, view, node).filter(|found| found.len() <= MAXIMUM_ELEMENTS)
        {
            self.contents.insert(output, elements);
        }
        let shapes = shapes::of(self, view, node);
        for (name, shape) in node.output.iter().zip(shapes) {
            self.shapes.insert(name, shape);
            let dtype = self.dtype(output);
            self.types.extend(dtype.map(|dtype| (name.as_str(), dtype)));
        }
    }
}

/// Whether a shape stretches to another, if sizes that only runs know are those of the other or 1.
pub(crate) fn stretches_to(shape: &[Size], whole: &[Size]) -> bool {
    let Some(skipped) = whole.len().checked_sub(shape.len()) else { return false };
    shape.iter().zip(&whole[skipped..]).all(|(own, size)| {
        let is_unknown = own.known().is_none() || size.known().is_none();
        own.is(1) || own == size || is_unknown && !size.is(1)
    })
}
