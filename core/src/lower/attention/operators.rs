//! Attention as one operator: that of the standard, and those of ONNX Runtime, without a past.

use super::chain::fits;
use super::pieces::{Axes, Piece, Role};
use super::trace::{self, Source, Wanted};
use super::{Border, border};
use crate::lower::block::{Activation, Attention, Form, Linear, Mask};
use crate::lower::dims::Size;
use crate::lower::matrix::Matrix;
use crate::lower::scene::{Scene, float, is_microsoft};
use crate::model::NodeProto;
use crate::quantize::simplify::view::{is, whole};
use crate::tensor::DType;

/// What ONNX Runtime's operators add to scores of keys that are left out.
const MASK_FILTER: f32 = -10_000.0;

pub(super) fn at(scene: &Scene, index: usize) -> Option<Attention> {
    let node = scene.node(index);
    if scene.dims.dtype(node.input.first()?) != Some(DType::F32) {
        return None;
    }
    if is(node, "Attention") {
        return standard(scene, index, node);
    }
    if is_microsoft(node, "MultiHeadAttention") {
        return multi_head(scene, index, node);
    }
    is_microsoft(node, "Attention").then(|| projecting(scene, index, node))?
}

/// What an operator says about its heads.
struct Heads {
    batch: Size,
    rows: Size,
    keys: Size,
    columns: Size,
    heads: i64,
    kv_heads: i64,
}

impl Heads {
    /// The axes of queries (or, with `is_kv`, of keys and values) in this form.
    fn axes(&self, form: Form, is_kv: bool) -> Axes {
        let piece = |role, size: &Size, stride: i64| match size.is(1) {
            true => Vec::new(),
            false => vec![Piece { role, size: size.clone(), stride: Size::constant(stride) }],
        };
        let count = if is_kv { self.kv_heads } else { self.heads };
        let batch = piece(Role::Batch, &self.batch, self.heads);
        let heads = piece(Role::Batch, &Size::constant(count), self.heads / count);
        let row = piece(Role::Row, if is_kv { &self.keys } else { &self.rows }, 1);
        let column = piece(Role::Column, &self.columns, 1);
        match form {
            Form::Rows => vec![batch, row, [heads, column].concat()],
            Form::Split => vec![batch, row, heads, column],
            Form::Heads => vec![batch, heads, row, column],
        }
    }

    fn wanted(&self, is_kv: bool) -> Option<Wanted> {
        Some(Wanted {
            batch: self.batch.times(&Size::constant(self.heads))?,
            rows: if is_kv { self.keys.clone() } else { self.rows.clone() },
            columns: self.columns.clone(),
            heads: Some(self.heads),
        })
    }

    fn source(&self, scene: &Scene, name: &str, form: Form, is_kv: bool) -> Option<Source> {
        let source = trace::up(scene, name, self.axes(form, is_kv), &self.wanted(is_kv)?)?;
        (source.heads == if is_kv { self.kv_heads } else { self.heads }).then_some(source)
    }

    fn scores(&self) -> [Size; 4] {
        [self.batch.clone(), Size::constant(self.heads), self.rows.clone(), self.keys.clone()]
    }
}

/// The operator of the standard.
fn standard(scene: &Scene, index: usize, node: &NodeProto) -> Option<Attention> {
    let [q, k, v, more @ ..] = node.input.as_slice() else { return None };
    let given = |at: usize| more.get(at).filter(|name| !name.is_empty());
    let shapes = [q, k, v].map(|name| scene.dims.shape(name));
    let [Some(of_q), Some(of_k), Some(of_v)] = shapes else { return None };
    let (form, sizes) = match (of_q, of_k, of_v) {
        ([batch, heads, rows, columns], [_, kv_heads, keys, _], [..]) => {
            (Form::Heads, (batch, rows, keys, columns.clone(), heads.known()?, kv_heads.known()?))
        }
        ([batch, rows, width], [_, keys, _], [..]) => {
            let heads = whole(node, "q_num_heads", 0);
            let columns = width.divided_by(&Size::constant(heads))?;
            (Form::Rows, (batch, rows, keys, columns, heads, whole(node, "kv_num_heads", 0)))
        }
        _ => return None,
    };
    let (batch, rows, keys, columns, heads, kv_heads) = sizes;
    let is_plain = given(1).is_none() && given(2).is_none() && given(3).is_none() && one_result(scene, node);
    let softens =
        float(node, "softcap", 0.0) != Some(0.0) || !matches!(whole(node, "softmax_precision", 1), 1);
    if !is_plain || softens || heads < 1 || kv_heads < 1 || heads % kv_heads != 0 {
        return None;
    }
    let own =
        Heads { batch: batch.clone(), rows: rows.clone(), keys: keys.clone(), columns, heads, kv_heads };
    let is_kv_shape = |shape: &[Size]| shape == shape_of(&own, form);
    let mask = match given(0) {
        Some(mask) => Some(added_or_chosen(scene, mask, &own)?),
        None => None,
    };
    let causal = whole(node, "is_causal", 0) != 0;
    if !is_kv_shape(of_k) || !is_kv_shape(of_v) || causal && (mask.is_some() || rows != keys) {
        return None;
    }
    let depth = own.columns.known()?;
    let scale = match node.attribute("scale") {
        Some(_) => f64::from(float(node, "scale", 0.0)?),
        None => (depth as f64).sqrt().recip(),
    };
    let q = own.source(scene, q, form, false)?;
    let (k, v) = (own.source(scene, k, form, true)?, own.source(scene, v, form, true)?);
    let result = trace::down(scene, node.output.first()?, own.axes(form, false), &own.wanted(false)?)?;
    let scale = (scale * q.factor * k.factor) as f32;
    (v.factor == 1.0 && scale.is_finite()).then(|| Attention {
        center: index,
        nodes: [&[index], result.path.as_slice()].concat(),
        q: border(q),
        k: border(k),
        v: border(v),
        projection: None,
        zeros_without_keys: mask.is_some(),
        masks: mask.into_iter().collect(),
        heads,
        kv_heads,
        head_size: depth,
        scale,
        causal,
        output: result.value,
        form: result.form,
    })
}

/// The shape of keys and values.
fn shape_of(heads: &Heads, form: Form) -> Vec<Size> {
    let count = Size::constant(heads.kv_heads);
    match form {
        Form::Heads => vec![heads.batch.clone(), count, heads.keys.clone(), heads.columns.clone()],
        _ => {
            let width = count.times(&heads.columns).unwrap_or(count);
            vec![heads.batch.clone(), heads.keys.clone(), width]
        }
    }
}

fn one_result(scene: &Scene, node: &NodeProto) -> bool {
    node.output.iter().skip(1).all(|name| name.is_empty() || scene.read_only_by(name, &[]))
}

/// A mask that is the same for all heads, which [`Attention::zeros_without_keys`] needs.
fn added_or_chosen(scene: &Scene, mask: &str, heads: &Heads) -> Option<Mask> {
    let shape = scene.dims.shape(mask)?;
    let same_for_all = match shape.len() {
        4 => shape[1].is(1),
        3 => shape[0].is(1),
        _ => true,
    };
    if !same_for_all || !fits(shape, &heads.scores()) {
        return None;
    }
    match scene.dims.dtype(mask)? {
        DType::F32 => Some(Mask::Added(mask.to_owned())),
        DType::Bool => {
            let condition = mask.to_owned();
            Some(Mask::Chosen { condition, inverted: false, other: f32::NEG_INFINITY })
        }
        _ => None,
    }
}

/// ONNX Runtime's operator with queries, keys and values apart.
fn multi_head(scene: &Scene, index: usize, node: &NodeProto) -> Option<Attention> {
    let [q, k, v, more @ ..] = node.input.as_slice() else { return None };
    let given = |at: usize| more.get(at).filter(|name| !name.is_empty());
    let ([batch, rows, width], [_, keys, _], [_, _, _]) =
        (scene.dims.shape(q)?, scene.dims.shape(k)?, scene.dims.shape(v)?)
    else {
        return None;
    };
    let count = whole(node, "num_heads", 0);
    let columns = width.divided_by(&Size::constant(count))?;
    let own = Heads {
        batch: batch.clone(),
        rows: rows.clone(),
        keys: keys.clone(),
        columns,
        heads: count,
        kv_heads: count,
    };
    let is_plain = (3..more.len()).all(|at| given(at).is_none()) && one_result(scene, node);
    let is_square =
        shape_of(&own, Form::Rows) == scene.dims.shape(k)? && scene.dims.shape(k)? == scene.dims.shape(v)?;
    if !is_plain || !is_square || count < 1 {
        return None;
    }
    let (depth, n) = (own.columns.known()?, width.known()?);
    let biases: [Option<Vec<f32>>; 3] = match given(0) {
        Some(bias) => {
            let all = scene.vector(bias, 3 * n, None)?;
            let mut parts = all.chunks_exact(usize::try_from(n).ok()?).map(<[f32]>::to_vec);
            [parts.next(), parts.next(), parts.next()]
        }
        None => [None, None, None],
    };
    let masks = masks(scene, node, [given(1), given(2)], &own)?;
    let causal = whole(node, "unidirectional", 0) != 0;
    if causal && (!masks.is_empty() || rows != keys) {
        return None;
    }
    let ends =
        [(q, false), (k, true), (v, true)].map(|(name, is_kv)| own.source(scene, name, Form::Rows, is_kv));
    let [Some(q), Some(k), Some(v)] = ends else { return None };
    let scale = scale(node, depth)? * (q.factor * k.factor) as f32;
    let has_factor = q.factor != 1.0 || k.factor != 1.0;
    if v.factor != 1.0 || has_factor && given(0).is_some() || !scale.is_finite() {
        return None;
    }
    let [of_q, of_k, of_v] = biases;
    let with = |source: Source, bias: Option<Vec<f32>>| Border { bias, ..border(source) };
    Some(Attention {
        center: index,
        nodes: vec![index],
        q: with(q, of_q),
        k: with(k, of_k),
        v: with(v, of_v),
        projection: None,
        masks,
        zeros_without_keys: false,
        heads: count,
        kv_heads: count,
        head_size: depth,
        scale,
        causal,
        output: node.output.first()?.clone(),
        form: Form::Rows,
    })
}

fn scale(node: &NodeProto, depth: i64) -> Option<f32> {
    match float(node, "scale", 0.0)? {
        0.0 => Some((depth as f64).sqrt().recip() as f32),
        scale => Some(scale),
    }
}

/// Which keys are left out, and what is added to scores.
fn masks(
    scene: &Scene,
    node: &NodeProto,
    [padding, added]: [Option<&String>; 2],
    heads: &Heads,
) -> Option<Vec<Mask>> {
    let mut masks = Vec::new();
    if let Some(kept) = padding {
        let is_numbers = scene.dims.dtype(kept) == Some(DType::I32);
        let is_padding = matches!(scene.dims.shape(kept)?, [batch, keys] if fits(
            &[batch.clone(), Size::constant(1), keys.clone()],
            &[heads.batch.clone(), heads.rows.clone(), heads.keys.clone()],
        ));
        let other = float(node, "mask_filter_value", MASK_FILTER)?;
        (is_numbers && is_padding).then(|| masks.push(Mask::Padding { kept: kept.clone(), other }))?;
    }
    if let Some(added) = added {
        let fits = fits(scene.dims.shape(added)?, &heads.scores());
        (fits && scene.dims.rank(added) == Some(4)).then(|| masks.push(Mask::Added(added.clone())))?;
    }
    Some(masks)
}

/// ONNX Runtime's operator that makes queries, keys and values itself.
fn projecting(scene: &Scene, index: usize, node: &NodeProto) -> Option<Attention> {
    let [x, weights, more @ ..] = node.input.as_slice() else { return None };
    let given = |at: usize| more.get(at).filter(|name| !name.is_empty());
    let [batch, rows, _] = scene.dims.shape(x)? else { return None };
    let weight = Matrix::of(scene, weights, false, 1.0)?;
    let (count, width) = (whole(node, "num_heads", 0), weight.n / 3);
    let bias = match given(0) {
        Some(bias) => Some(scene.vector(bias, weight.n, None)?),
        None => None,
    };
    let columns = Size::constant(width).divided_by(&Size::constant(count))?;
    let has_other_sizes = node.attribute("qkv_hidden_sizes").is_some_and(|sizes| sizes.ints != [width; 3]);
    let is_plain = given(2).is_none()
        && (4..more.len()).all(|at| given(at).is_none())
        && whole(node, "do_rotary", 0) == 0
        && one_result(scene, node);
    if !is_plain || has_other_sizes || weight.n != 3 * width || count < 1 || scene.view.constant(x).is_some()
    {
        return None;
    }
    let own = Heads {
        batch: batch.clone(),
        rows: rows.clone(),
        keys: rows.clone(),
        columns,
        heads: count,
        kv_heads: count,
    };
    let masks = masks(scene, node, [given(1), given(3)], &own)?;
    let causal = whole(node, "unidirectional", 0) != 0;
    let depth = own.columns.known()?;
    let output = node.output.first()?.clone();
    let projection = Linear {
        product: index,
        nodes: Vec::new(),
        x: x.clone(),
        weights: vec![weight],
        bias,
        activation: Activation::None,
        residual: None,
        norm: None,
        output: format!("{output}/qkv"),
    };
    let nothing = Border { value: String::new(), form: Form::Rows, bias: None, path: Vec::new(), part: None };
    (!causal || masks.is_empty()).then_some(Attention {
        center: index,
        nodes: vec![index],
        q: nothing.clone(),
        k: nothing.clone(),
        v: nothing,
        projection: Some(projection),
        masks,
        zeros_without_keys: false,
        heads: count,
        kv_heads: count,
        head_size: depth,
        scale: scale(node, depth)?,
        causal,
        output,
        form: Form::Rows,
    })
}
