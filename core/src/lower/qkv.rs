//! Projections of one input to queries, keys and values that are made one, so that its rows are read once.

use super::block::{Attention, Border, Form, Linear};
use super::linear::add_bias;
use super::scene::Scene;

/// What becomes of the inputs of an attention.
pub(super) enum Inputs {
    /// One value that holds queries, keys and values side by side.
    Merged(String),
    /// One value each.
    Apart,
}

/// The value in which queries, keys and values lie side by side already.
pub(super) fn together(scene: &Scene, attention: &Attention) -> Option<String> {
    let width = attention.heads.checked_mul(attention.head_size)?;
    let own = attention.kv_heads.checked_mul(attention.head_size)?;
    let parts = [&attention.q, &attention.k, &attention.v].map(|border| border.part.as_ref());
    let [Some((source, 0)), Some((of_k, at_k)), Some((of_v, at_v))] = parts else { return None };
    let has_biases = [&attention.q, &attention.k, &attention.v].iter().any(|border| border.bias.is_some());
    let is_whole = scene.dims.rank(source) == Some(3) && scene.width(source)?.is(width + 2 * own);
    let fits = of_k == source && of_v == source && *at_k == width && *at_v == width + own;
    (fits && is_whole && !has_biases).then(|| source.clone())
}

/// The three projections of an attention as one, if nothing else reads what they give. With the places of the three
/// among the layers.
pub(super) fn merge(
    scene: &Scene,
    attention: &Attention,
    linears: &[Linear],
) -> Option<(Linear, [usize; 3])> {
    let find = |border: &Border| {
        let at = linears.iter().position(|linear| linear.output == border.value)?;
        let linear = &linears[at];
        let inner = [border.path.as_slice(), &attention.nodes].concat();
        let path = border.path.iter().flat_map(|&node| &scene.node(node).output);
        let is_alone = path.chain([&linear.output]).all(|name| scene.serves_only(name, &inner));
        (linear.is_plain() && is_alone && border.form == Form::Rows).then_some(at)
    };
    let at = [find(&attention.q)?, find(&attention.k)?, find(&attention.v)?];
    let [q, k, v] = at.map(|at| &linears[at]);
    let is_distinct = at[0] != at[1] && at[1] != at[2] && at[0] != at[2];
    if !is_distinct || q.x != k.x || q.x != v.x || q.k() != k.k() || q.k() != v.k() {
        return None;
    }
    let with_bias = |linear: &Linear, border: &Border| {
        let mut linear = linear.clone();
        add_bias(&mut linear, border.bias.clone());
        linear
    };
    let three = [with_bias(q, &attention.q), with_bias(k, &attention.k), with_bias(v, &attention.v)];
    let has_bias = three.iter().any(|linear| linear.bias.is_some());
    let biases = three.iter().flat_map(|linear| {
        linear.bias.clone().unwrap_or_else(|| vec![0.0; usize::try_from(linear.n()).unwrap_or(0)])
    });
    let bias = has_bias.then(|| biases.collect());
    let merged = Linear {
        nodes: three.iter().flat_map(|linear| linear.nodes.clone()).collect(),
        weights: three.iter().flat_map(|linear| linear.weights.clone()).collect(),
        bias,
        output: format!("{}/qkv", attention.output),
        ..q.clone()
    };
    Some((merged, at))
}
