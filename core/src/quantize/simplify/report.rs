//! [`SimplifyReport`]: which rewrites were made, as data.

use serde::{Deserialize, Serialize};

/// What [`simplify`](super::simplify()) did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimplifyReport {
    /// Every rewrite, in the order of making.
    pub rewrites: Vec<Rewrite>,
    /// Nodes of all graphs before.
    pub node_count_before: u64,
    /// Nodes of all graphs after.
    pub node_count_after: u64,
}

/// One rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// Which kind.
    pub kind: RewriteKind,
    /// Name of the node that gave the result, or of its first output if it has none; or name of the initializer.
    pub node: String,
    /// Operators of the nodes that were replaced or changed.
    pub replaced: Vec<String>,
    /// Operators of the nodes in their place.
    pub by: Vec<String>,
}

/// The kinds of rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RewriteKind {
    /// One-hot vectors times a constant matrix are rows of the matrix: `Gather`.
    OneHot,
    /// The approximation of GELU by `tanh`, spelled out: `Gelu`, or `FastGelu` of ONNX Runtime.
    TanhGelu,
    /// `Clip(x + 3, 0, 6) / 6`, perhaps times x: `HardSigmoid`.
    HardSigmoid,
    /// Constants that the result of a layer is multiplied by and added to became part of its weights.
    FoldIntoWeights,
    /// Constants that the input of a layer is multiplied by became part of its weights.
    FoldInputScale,
    /// Zeros around the input of a convolution became its own padding.
    FoldPad,
    /// `ReduceMean` over all pixels: `GlobalAveragePool`.
    GlobalAveragePool,
    /// `Add` before a layer normalization is written as `Sum`, which ONNX Runtime does not fuse into a slower kernel.
    ResidualSum,
    /// `Identity`, and operators that do nothing here.
    Identity,
    /// `Dropout`, which does nothing in inference.
    Dropout,
    /// Two `Transpose` became one, or none.
    TransposePair,
    /// Two `Cast` became one, or none.
    CastPair,
    /// A change of shape before another one was left out.
    ReshapePair,
    /// A constant of another shape.
    ConstantReshape,
    /// A node that contributed to no output.
    UnusedNode,
    /// An initializer that nobody read.
    UnusedInitializer,
}
