//! What the patterns find: blocks as Ortlet's own operators compute them, before their weights are packed.

use super::matrix::Matrix;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activation {
    None,
    Relu,
    Gelu,
    GeluTanh,
    Silu,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NormKind {
    Layer,
    Rms,
}

/// A normalization over the last axis. Vectors have the name of the constant that they come from.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub kind: NormKind,
    pub epsilon: f32,
    pub gamma: (String, Vec<f32>),
    pub beta: Option<(String, Vec<f32>)>,
}

/// `norm(activation(x W + bias) + residual)`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    /// The node that multiplies.
    pub product: usize,
    /// All nodes that it takes the place of, in the order in which they were found.
    pub nodes: Vec<usize>,
    pub x: String,
    /// The weights, side by side.
    pub weights: Vec<Matrix>,
    pub bias: Option<Vec<f32>>,
    pub activation: Activation,
    pub residual: Option<String>,
    pub norm: Option<Norm>,
    pub output: String,
}

impl Linear {
    pub fn k(&self) -> i64 {
        self.weights.first().map_or(0, |weight| weight.k)
    }

    pub fn n(&self) -> i64 {
        self.weights.iter().map(|weight| weight.n).sum()
    }

    /// Whether it is a product and a bias, and nothing else.
    pub fn is_plain(&self) -> bool {
        self.activation == Activation::None && self.residual.is_none() && self.norm.is_none()
    }
}

/// Two layers, of which nobody else reads what is between.
#[derive(Clone, Debug)]
pub(super) struct FeedForward {
    pub up: Linear,
    pub down: Linear,
}

/// How the axes of queries, keys, values or results lie in memory: batch, row, head, column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// `[B, H, S, D]`
    Heads,
    /// `[B, S, H, D]`
    Split,
    /// `[B, S, H * D]`
    Rows,
}

/// Where queries, keys or values come from.
#[derive(Clone, Debug)]
pub(super) struct Border {
    pub value: String,
    pub form: Form,
    /// What is added first, a number for each column.
    pub bias: Option<Vec<f32>>,
    /// Nodes between the value and the products of attention.
    pub path: Vec<usize>,
    /// Where the value is one of several that lie side by side in the last axis of another: that one, with the place in it.
    pub part: Option<(String, i64)>,
}

/// A value that is added to the scores.
#[derive(Clone, Debug)]
pub(super) enum Mask {
    /// Added as it is.
    Added(String),
    /// Nothing is added where the condition is true (or false, if `inverted`), else this.
    Chosen { condition: String, inverted: bool, other: f32 },
    /// Whole numbers for each batch and key: where they are above zero, nothing is added, else this.
    Padding { kept: String, other: f32 },
}

impl Mask {
    /// The value of the model that it is made of.
    pub fn source(&self) -> &str {
        match self {
            Self::Added(name) | Self::Chosen { condition: name, .. } | Self::Padding { kept: name, .. } => {
                name
            }
        }
    }
}

/// Scaled dot-product attention.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    /// The node that it is named after.
    pub center: usize,
    pub nodes: Vec<usize>,
    pub q: Border,
    pub k: Border,
    pub v: Border,
    /// A projection that belongs to the same node, whose result holds queries, keys and values side by side.
    pub projection: Option<Linear>,
    pub masks: Vec<Mask>,
    /// Whether a query without keys gives zeros. It gives NaN else.
    pub zeros_without_keys: bool,
    pub heads: i64,
    pub kv_heads: i64,
    pub head_size: i64,
    pub scale: f32,
    pub causal: bool,
    pub output: String,
    pub form: Form,
}

/// Rows of a constant table.
#[derive(Clone, Debug)]
pub(super) struct Embedding {
    pub gather: usize,
    pub table: String,
    pub ids: String,
    pub rows: i64,
    pub width: i64,
    pub output: String,
}

/// How batch, channels and places lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    /// `[B, C, L]`
    ChannelsFirst,
    /// `[B, L, C]`
    ChannelsLast,
    /// `[B, C]`: the largest of all places.
    Maximum,
}

/// A convolution along one axis, and what follows it.
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    pub conv: usize,
    pub nodes: Vec<usize>,
    pub x: String,
    pub input: Layout,
    pub weight: String,
    /// Kernels, channels, places.
    pub size: [i64; 3],
    pub stride: i64,
    pub padding: [i64; 2],
    pub bias: Option<Vec<f32>>,
    pub activation: Activation,
    pub output: String,
    pub layout: Layout,
}
