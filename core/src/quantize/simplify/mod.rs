//! [`simplify()`]: rewrites of graphs that change nothing but rounding, and that ONNX Runtime does not make itself or
//! makes too late for a model that is to be quantized.

mod casts;
pub(crate) mod edit;
pub(crate) mod facts;
mod fold;
mod fold_input;
mod gelu;
mod hard_sigmoid;
mod layer;
mod one_hot;
mod pool;
pub(crate) mod product;
mod report;
mod residual;
mod shapes;
mod trivial;
pub(crate) mod view;

pub use report::{Rewrite, RewriteKind, SimplifyReport};

use self::edit::Edit;
use self::view::View;
use super::names::Names;
use super::rewrite::{MICROSOFT, import_microsoft, initializers_are_inputs};
use crate::Result;
use crate::model::{ExternalDataResolver, GraphProto, Model};

/// The first operator set whose operators broadcast as later ones do.
const OLDEST_OPSET: i64 = 7;

/// More than any chain of rewrites in real models needs.
const MAXIMUM_ROUNDS: usize = 32;

/// A rewrite: what it would do at a node, if anything.
type Rule = fn(&View, usize, &mut Names) -> Result<Option<Edit>>;

/// In the order in which they are tried at a node.
const RULES: [Rule; 14] = [
    trivial::identity,
    trivial::dropout,
    shapes::constant_reshape,
    shapes::transposes,
    shapes::reshapes,
    casts::casts,
    one_hot::one_hot,
    gelu::tanh_gelu,
    hard_sigmoid::hard_sigmoid,
    fold::output,
    fold_input::scale,
    fold_input::pad,
    pool::mean,
    residual::sum,
];

/// Rewrites a model so that it computes the same with less. Weights that it keeps in files of their own are left as
/// they are; see [`simplify_with`].
///
/// Results may differ from the model's by rounding, and by nothing else. Names of inputs and outputs stay, and so do
/// those of values that graphs inside of nodes read. Functions of the model are left alone, and a model older than
/// operator set 7 is as a whole. A model with nothing to rewrite
/// comes back equal.
///
/// Takes time in proportion to the number of nodes, and to the weights that are rewritten.
///
/// # Errors
/// Those of [`Model::validate`].
///
/// # Examples
/// ```
/// use ortlet::model::{GraphProto, Model, OperatorSetIdProto};
/// use ortlet::quantize::simplify;
///
/// let opset = OperatorSetIdProto { version: Some(17), ..Default::default() };
/// let graph = Some(GraphProto::default());
/// let empty = Model { ir_version: Some(8), graph, opset_import: vec![opset], ..Default::default() };
/// let (same, report) = simplify(&empty)?;
/// assert_eq!(same, empty);
/// assert!(report.rewrites.is_empty());
/// # Ok::<(), ortlet::Error>(())
/// ```
pub fn simplify(model: &Model) -> Result<(Model, SimplifyReport)> {
    run(model, None)
}

/// Rewrites a model, weights in files of their own included. Those that change become part of the model.
///
/// # Errors
/// As [`simplify()`], and the errors of `external`.
pub fn simplify_with(model: &Model, external: &dyn ExternalDataResolver) -> Result<(Model, SimplifyReport)> {
    run(model, Some(external))
}

fn run(model: &Model, external: Option<&dyn ExternalDataResolver>) -> Result<(Model, SimplifyReport)> {
    model.validate()?;
    let node_count_before = model.nodes().count() as u64;
    let opset = model.opset_import.iter().find(|opset| opset.domain().is_empty());
    let opset = opset.and_then(|opset| opset.version).unwrap_or(0);
    // A function may give an operator of the standard another meaning.
    let redefines = model.functions.iter().any(|function| matches!(function.domain(), "" | MICROSOFT));
    let mut simplified = model.clone();
    let mut rewrites = Vec::new();
    if let Some(graph) = simplified.graph.as_mut().filter(|_| opset >= OLDEST_OPSET && !redefines) {
        let names = Names::of(model);
        let constants_are_inputs = initializers_are_inputs(model.ir_version);
        let mut simplifier = Simplifier { opset, names, external, constants_are_inputs, rewrites };
        simplifier.graph(graph, true)?;
        rewrites = simplifier.rewrites;
    }
    if !rewrites.is_empty() {
        import_microsoft(&mut simplified);
        simplified.validate()?;
    }
    let node_count_after = simplified.nodes().count() as u64;
    Ok((simplified, SimplifyReport { rewrites, node_count_before, node_count_after }))
}

/// Goes through the graphs of a model.
struct Simplifier<'a> {
    opset: i64,
    names: Names,
    external: Option<&'a dyn ExternalDataResolver>,
    constants_are_inputs: bool,
    rewrites: Vec<Rewrite>,
}

impl Simplifier<'_> {
    fn graph(&mut self, graph: &mut GraphProto, is_main: bool) -> Result<()> {
        // In such old files inner graphs cannot have constants of their own that are not inputs.
        if !is_main && self.constants_are_inputs {
            return Ok(());
        }
        for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
            let inner = attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs);
            inner.map(|inner| self.graph(inner, false)).collect::<Result<Vec<()>>>()?;
        }
        self.rewrites.extend(edit::sweep(graph, self.constants_are_inputs));
        for _ in 0..MAXIMUM_ROUNDS {
            let edits = self.edits(graph, is_main)?;
            if edits.is_empty() {
                break;
            }
            self.rewrites.extend(edit::apply(graph, edits, self.constants_are_inputs));
            edit::sweep(graph, self.constants_are_inputs);
        }
        Ok(())
    }

    /// Rewrites that do not get into each other's way.
    fn edits(&mut self, graph: &GraphProto, is_main: bool) -> Result<Vec<Edit>> {
        let view = View::of(graph, self.opset, is_main, self.constants_are_inputs, self.external);
        let mut taken = vec![false; graph.node.len()];
        let mut edits: Vec<Edit> = Vec::new();
        for at in 0..graph.node.len() {
            for rule in RULES {
                let Some(edit) = rule(&view, at, &mut self.names)? else { continue };
                if edit.uses.iter().chain([&edit.at]).any(|&index| taken[index]) {
                    continue;
                }
                edit.uses.iter().chain([&edit.at]).for_each(|&index| taken[index] = true);
                edits.push(edit);
                break;
            }
        }
        Ok(edits)
    }
}
