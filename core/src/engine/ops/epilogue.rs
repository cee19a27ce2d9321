//! What follows a product: activation and norm, from a node's attributes and constants.

use ortlet_kernels::{Activation, Norm, NormKind};

use super::info::Info;
use super::problem::{Outcome, Problem};

/// Where a norm's inputs are.
pub(super) struct NormInputs {
    pub(super) gamma: usize,
    pub(super) beta: usize,
}

/// A norm with its constants.
pub(super) struct OwnedNorm {
    kind: NormKind,
    epsilon: f32,
    gamma: Box<[f32]>,
    beta: Option<Box<[f32]>>,
}

impl OwnedNorm {
    /// The norm that the attributes ask for, of rows of this length.
    ///
    /// # Errors
    /// If its constants are missing or do not fit.
    pub(super) fn new(info: &Info, inputs: &NormInputs, width: usize) -> Outcome<Option<Self>> {
        let kinds = [("none", None), ("layer", Some(NormKind::Layer)), ("rms", Some(NormKind::Rms))];
        let Some(kind) = info.word(c"norm", &kinds)? else { return Ok(None) };
        let epsilon = info.number(c"epsilon").ok_or_else(|| Problem::new("a norm without `epsilon`"))?;
        let gamma = info.vector(inputs.gamma, width)?;
        let beta = info.has(inputs.beta).then(|| info.vector(inputs.beta, width)).transpose()?;
        Ok(Some(Self { kind, epsilon, gamma, beta }))
    }

    pub(super) fn as_norm(&self) -> Norm<'_> {
        Norm { kind: self.kind, epsilon: self.epsilon, gamma: &self.gamma, beta: self.beta.as_deref() }
    }
}

/// The activation that the attributes ask for.
///
/// # Errors
/// If there is none of that name.
pub(super) fn activation(info: &Info) -> Outcome<Activation> {
    let known = [
        ("none", Activation::None),
        ("relu", Activation::Relu),
        ("gelu", Activation::Gelu),
        ("gelu_tanh", Activation::GeluTanh),
        ("silu", Activation::Silu),
    ];
    info.word(c"activation", &known)
}
