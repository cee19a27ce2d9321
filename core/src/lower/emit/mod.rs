//! [`Emitter`]: the nodes and packed weights of blocks.

mod attention;
mod convolution;
mod mask;

use std::collections::HashMap;

use super::block::{Activation, Embedding, FeedForward, Linear, Norm, NormKind};
use super::dims::Size;
use super::plan::Labels;
use super::report::Part;
use super::scene::Scene;
use super::{BlockKind, DOMAIN, KernelPrecision, Learned, LowerOptions, LoweredBlock, Product, pack};
use crate::model::{AttributeProto, Bytes, Dimension, NodeProto, TensorProto, TypeValue, ValueInfoProto};
use crate::quantize::names::Names;
use crate::quantize::nodes::{initializer, node, whole};
use crate::quantize::simplify::edit::number;
use crate::tensor::DType;

/// A block as it is put into the graph.
pub(super) struct Emitted {
    pub block: LoweredBlock,
    pub part: Part,
    /// Type and shape of the output, as far as the latter is known.
    pub shape: Option<ValueInfoProto>,
    /// The node that it is named after, which tells its place.
    pub at: usize,
    /// Nodes of the original that make values which the block makes.
    pub replaced: Vec<usize>,
}

/// Makes blocks.
pub(super) struct Emitter<'s, 'g> {
    pub scene: &'s Scene<'g>,
    pub labels: &'s Labels,
    pub options: &'s LowerOptions,
    pub learned: &'s Learned<'s>,
    pub names: &'s mut Names,
    /// New constants.
    pub constants: Vec<TensorProto>,
    /// Constants by what they hold.
    known: HashMap<String, String>,
    /// Masks by what they are made of: the value, and the nodes that make it.
    masks: HashMap<String, (String, Vec<NodeProto>)>,
}

impl<'s, 'g> Emitter<'s, 'g> {
    pub fn new(
        scene: &'s Scene<'g>,
        labels: &'s Labels,
        options: &'s LowerOptions,
        learned: &'s Learned<'s>,
        names: &'s mut Names,
    ) -> Self {
        let (known, masks) = (HashMap::new(), HashMap::new());
        Self { scene, labels, options, learned, names, constants: Vec::new(), known, masks }
    }

    /// A layer; `None` if its weights cannot be packed.
    pub fn linear(&mut self, linear: &Linear) -> Option<Emitted> {
        let label = self.labels.linear(linear);
        let precision = self.options.precision_of(&label);
        let weights = self.weights(linear, &label, precision)?;
        let mut inputs = vec![linear.x.clone(), weights, linear.residual.clone().unwrap_or_default()];
        let mut own = self.op("Linear", &label, &linear.output);
        self.norm(&mut own, &mut inputs, linear.activation, linear.norm.as_ref());
        own.input = inputs;
        let shape = linear.weights.iter().flat_map(|weight| [weight.k, weight.n]).collect();
        let mut emitted = self.emitted(
            BlockKind::Linear,
            label,
            linear.product,
            precision,
            shape,
            &linear.nodes,
            vec![own],
        );
        emitted.block.products = products([linear]);
        Some(emitted)
    }

    /// Two layers.
    pub fn feed_forward(&mut self, block: &FeedForward) -> Option<Emitted> {
        let FeedForward { up, down } = block;
        let label = self.labels.linear(up);
        let precision = self.options.precision_of(&label);
        let first = self.weights(up, &label, precision)?;
        let second = self.weights(down, &self.labels.linear(down), precision)?;
        let mut inputs = vec![up.x.clone(), first, second, down.residual.clone().unwrap_or_default()];
        let mut own = self.op("FeedForward", &label, &down.output);
        self.norm(&mut own, &mut inputs, up.activation, down.norm.as_ref());
        own.input = inputs;
        let shape = [up, down].into_iter().flat_map(|linear| [linear.k(), linear.n()]).collect();
        let nodes = [up.nodes.as_slice(), &down.nodes].concat();
        let mut emitted =
            self.emitted(BlockKind::FeedForward, label, up.product, precision, shape, &nodes, vec![own]);
        emitted.block.products = products([up, down]);
        Some(emitted)
    }

    /// Rows of a table; `None` if its precision has no table of its own.
    pub fn embedding(&mut self, block: &Embedding) -> Option<Emitted> {
        let label = self.labels.node(block.gather).to_owned();
        let precision = self.options.precision_of(&label);
        let key = format!("table {precision:?} {}", block.table);
        let table = match self.known.get(&key) {
            Some(known) => known.clone(),
            None => {
                let bytes = pack::embedding(self.scene, block, precision)?;
                self.blob(key, format!("{}/packed", block.table), Bytes::from(bytes.to_vec()))
            }
        };
        let mut own = self.op("Embedding", &label, &block.output);
        own.input = vec![block.ids.clone(), table];
        let shape = vec![block.rows, block.width];
        Some(self.emitted(
            BlockKind::Embedding,
            label,
            block.gather,
            precision,
            shape,
            &[block.gather],
            vec![own],
        ))
    }

    /// The packed weights of a layer, once for all that have the same.
    fn weights(&mut self, linear: &Linear, label: &str, precision: KernelPrecision) -> Option<String> {
        let outliers = match precision {
            KernelPrecision::Int8 => {
                pack::outliers(self.scene, &linear.x, linear.k(), self.options, self.learned.calibration)
            }
            _ => Vec::new(),
        };
        let bias: Option<Vec<u32>> =
            linear.bias.as_ref().map(|bias| bias.iter().map(|b| b.to_bits()).collect());
        let key = format!("{precision:?} {:?} {bias:?} {outliers:?}", linear.weights);
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let gram = self.learned.grams.and_then(|grams| grams.get(&linear.x));
        let pack = || {
            let packed = pack::linear(self.scene, linear, precision, self.options, &outliers, gram)?;
            Some(Bytes::from(packed.to_vec()))
        };
        let bytes = match self.learned.packed {
            Some(cache) => cache.get_or(&format!("{key} {} {}", linear.x, self.options.group), pack)?,
            None => pack()?,
        };
        Some(self.blob(key, format!("{label}/packed"), bytes))
    }

    fn blob(&mut self, key: String, name: String, bytes: Bytes) -> String {
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        self.constant(key, name, DType::U8, vec![size], bytes)
    }

    /// A constant, once for all that hold the same.
    pub(super) fn constant(
        &mut self,
        key: String,
        name: String,
        dtype: DType,
        dims: Vec<i64>,
        bytes: impl Into<Bytes>,
    ) -> String {
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let name = self.names.fresh(name);
        self.constants.push(initializer(&name, dtype, dims, bytes));
        self.known.insert(key, name.clone());
        name
    }

    pub(super) fn floats(&mut self, key: String, name: String, dims: Vec<i64>, numbers: &[f32]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.constant(key, name, DType::F32, dims, bytes)
    }

    pub(super) fn wholes(&mut self, numbers: &[i64]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let name =
            format!("ortlet/{}", numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join("_"));
        self.constant(format!("wholes {numbers:?}"), name, DType::I64, vec![numbers.len() as i64], bytes)
    }

    /// Activation and normalization, which are attributes and the last inputs.
    fn norm(
        &mut self,
        own: &mut NodeProto,
        inputs: &mut Vec<String>,
        activation: Activation,
        norm: Option<&Norm>,
    ) {
        own.attribute.push(text("activation", activation_word(activation)));
        if let Some(norm) = norm {
            own.attribute.push(text("norm", norm_word(norm.kind)));
            own.attribute.push(number("epsilon", norm.epsilon));
            for (name, numbers) in std::iter::once(&norm.gamma).chain(&norm.beta) {
                let dims = vec![numbers.len() as i64];
                inputs.push(self.floats(format!("vector {name}"), format!("{name}/vector"), dims, numbers));
            }
        }
        while inputs.last().is_some_and(String::is_empty) {
            inputs.pop();
        }
    }

    /// One of Ortlet's operators.
    pub(super) fn op(&mut self, op_type: &str, label: &str, output: &str) -> NodeProto {
        let name = self.names.fresh(format!("{label}/{op_type}"));
        NodeProto { domain: Some(DOMAIN.to_owned()), ..node(op_type, name, &[], output) }
    }

    fn value_info(&self, name: &str) -> Option<ValueInfoProto> {
        let sizes = self.scene.dims.shape(name)?;
        // A size that is not known is a dimension without number and name.
        let dims: Vec<i64> = vec![0; sizes.len()];
        let mut info = ValueInfoProto::tensor(name, DType::F32, Some(&dims));
        if let Some(TypeValue::Tensor(tensor)) = info.r#type.as_mut().and_then(|own| own.value.as_mut())
            && let Some(shape) = &mut tensor.shape
        {
            let dim = |size: &Size| size.known().map_or(Dimension::Unknown, Dimension::Value).into();
            shape.dim = sizes.iter().map(dim).collect();
        }
        Some(info)
    }

    #[allow(clippy::too_many_arguments, reason = "the fields of a block")]
    pub(super) fn emitted(
        &self,
        kind: BlockKind,
        label: String,
        at: usize,
        precision: KernelPrecision,
        shape: Vec<i64>,
        nodes: &[usize],
        made: Vec<NodeProto>,
    ) -> Emitted {
        let output = made.last().and_then(|last| last.output.first()).cloned().unwrap_or_default();
        let is_made = |name: &str| made.iter().any(|node| node.output.iter().any(|output| output == name));
        let is_new = |name: &str| self.constants.iter().any(|constant| constant.name() == name);
        let mut inputs: Vec<String> = Vec::new();
        for name in made.iter().flat_map(|node| &node.input).filter(|name| !name.is_empty()) {
            let is_constant = is_new(name) || self.scene.view.constant(name).is_some();
            if !is_constant && !is_made(name) && !inputs.contains(name) {
                inputs.push(name.clone());
            }
        }
        let types =
            inputs.iter().map(|name| (name.clone(), self.scene.dims.dtype(name).unwrap_or(DType::F32)));
        let makers = made.iter().flat_map(|node| &node.output).filter_map(|name| self.scene.view.maker(name));
        let makers: Vec<usize> = makers.collect();
        let part = Part { inputs: types.collect(), nodes: made };
        // A projection that is part of an operator has no node of its own.
        let own = [at];
        let replaced = if nodes.is_empty() { own.as_slice() } else { nodes };
        let replaced = replaced.iter().map(|&index| self.scene.node(index).op_type().to_owned()).collect();
        let block = LoweredBlock {
            kind,
            node: label,
            replaced,
            precision,
            shape,
            products: Vec::new(),
            inputs,
            output,
        };
        let shape = self.value_info(&block.output);
        Emitted { block, part, shape, at, replaced: makers }
    }
}

/// What layers multiply their weights with.
pub(super) fn products<'l>(layers: impl IntoIterator<Item = &'l Linear>) -> Vec<Product> {
    let product = |linear: &Linear| {
        Some(Product { value: linear.x.clone(), channel_count: usize::try_from(linear.k()).ok()? })
    };
    layers.into_iter().filter_map(product).collect()
}

pub(super) fn text(name: &str, value: &str) -> AttributeProto {
    // The number of the attribute's type is that of STRING in `AttributeProto.AttributeType`.
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.to_owned().into()),
        r#type: Some(3),
        ..Default::default()
    }
}

pub(super) fn flag(name: &str, value: bool) -> AttributeProto {
    whole(name, i64::from(value))
}

fn activation_word(activation: Activation) -> &'static str {
    match activation {
        Activation::None => "none",
        Activation::Relu => "relu",
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Silu => "silu",
    }
}

fn norm_word(kind: NormKind) -> &'static str {
    match kind {
        NormKind::Layer => "layer",
        NormKind::Rms => "rms",
    }
}
