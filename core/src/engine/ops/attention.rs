//! `Attention`: queries, keys and values of several heads, merged or apart, with a mask.

use std::ffi::CStr;

use ortlet_kernels::{Arithmetic, Attention, AttentionInputs, Mask, View};

use super::context::{Context, Tensor};
use super::info::Info;
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};

pub(super) struct AttentionOp {
    name: String,
    attention: Attention,
    threads: usize,
}

const MASK: usize = 3;

/// Sizes and inputs of one call.
struct Call<'c> {
    batch: usize,
    queries: usize,
    keys: usize,
    q: View<'c>,
    k: View<'c>,
    v: View<'c>,
}

impl Operator for AttentionOp {
    const NAME: &'static CStr = c"Attention";
    const INPUTS: &'static [Input] = &[
        Input::floats("Q"),
        Input::floats("K").optional(),
        Input::floats("V").optional(),
        Input::floats("mask").optional(),
    ];

    fn new(info: &Info) -> Outcome<Self> {
        let (heads, kv_heads) = (info.size(c"heads")?, info.size(c"kv_heads")?);
        let head_size = info.size(c"head_size")?;
        let is_sound = kv_heads > 0 && heads > 0 && heads.is_multiple_of(kv_heads) && head_size > 0;
        // With this, no product below can be too large.
        let is_bounded = [heads, kv_heads, head_size].iter().all(|&size| size <= 1 << 16);
        if !is_sound || !is_bounded {
            let words =
                format!("{heads} heads, {kv_heads} of keys, of {head_size} numbers make no attention");
            return Err(Problem::new(words));
        }
        if info.has(1) != info.has(2) {
            return Err(Problem::new("`K` and `V` have to be given together"));
        }
        let scale = info.number(c"scale").ok_or_else(|| Problem::new("the attribute `scale` is missing"))?;
        let causal = info.whole(c"causal").unwrap_or(0) != 0;
        let kinds = [("fp32", Arithmetic::Fp32), ("bf16", Arithmetic::Bf16)];
        let arithmetic = info.word(c"arithmetic", &kinds)?;
        let attention = Attention { heads, kv_heads, head_size, scale, causal, arithmetic };
        Ok(Self { name: info.to_string(), attention, threads: info.threads() })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        self.forward(context).map_err(|problem| problem.of(&self.name))
    }
}

impl AttentionOp {
    fn forward(&self, context: &mut Context<'_>) -> Outcome<()> {
        let call = self.call(context)?;
        let Call { batch, queries, keys, q, k, v } = call;
        let width = self.attention.heads * self.attention.head_size;
        let mask = self.mask(context, &call)?;
        let pool = context.pool(self.threads);
        let y = context.output(&[batch as i64, queries as i64, width as i64])?;
        if keys == 0 {
            // A sum over nothing.
            y.fill(0.0);
        }
        if y.is_empty() || keys == 0 {
            return Ok(());
        }
        let inputs = AttentionInputs { batch, queries, keys, q, k, v, mask };
        self.attention.forward(&inputs, y, &pool).map_err(|error| Problem::new(error.to_string()))
    }

    /// Where everything is.
    fn call<'c>(&self, context: &Context<'c>) -> Outcome<Call<'c>> {
        let q = context.input(0)?;
        let (own, shared) = (self.width(self.attention.heads), self.width(self.attention.kv_heads));
        let (Some(k), Some(v)) = (context.optional(1)?, context.optional(2)?) else {
            let [batch, rows] = sizes(context, 0, &q, own + 2 * shared)?;
            let data = context.floats(0, &q)?;
            // A tensor without rows has no second part either.
            let part =
                |start: usize| self.view(data.get(start..).unwrap_or_default(), rows, own + 2 * shared);
            let (q, k, v) = (part(0), part(own), part(own + shared));
            return Ok(Call { batch, queries: rows, keys: rows, q, k, v });
        };
        let [batch, queries] = sizes(context, 0, &q, own)?;
        let [k_batch, keys] = sizes(context, 1, &k, shared)?;
        if k_batch != batch {
            let words = format!("has the shape {:?} beside Q of {:?}", k.dims, q.dims);
            return Err(context.wrong(1, words));
        }
        if v.dims != k.dims {
            return Err(context.wrong(2, format!("has the shape {:?} beside K of {:?}", v.dims, k.dims)));
        }
        let view = |index, tensor, rows, width| Ok(self.view(context.floats(index, tensor)?, rows, width));
        let (q, k, v) = (view(0, &q, queries, own)?, view(1, &k, keys, shared)?, view(2, &v, keys, shared)?);
        Ok(Call { batch, queries, keys, q, k, v })
    }

    /// The mask, whose sizes are those of the scores or 1; leading ones may be missing.
    fn mask<'c>(&self, context: &Context<'c>, call: &Call<'c>) -> Outcome<Option<Mask<'c>>> {
        let Some(mask) = context.optional(MASK)? else { return Ok(None) };
        let scores = [call.batch, self.attention.heads, call.queries, call.keys];
        let wrong = || {
            context.wrong(
                MASK,
                format!("has the shape {:?}, which does not fit scores of {scores:?}", mask.dims),
            )
        };
        let missing =
            scores.len().checked_sub(mask.dims.len()).filter(|&missing| missing <= 2).ok_or_else(wrong)?;
        let mut dims = [1; 4];
        for ((dim, &own), score) in dims[missing..].iter_mut().zip(mask.dims).zip(&scores[missing..]) {
            *dim = usize::try_from(own).ok().filter(|own| own == score || *own == 1).ok_or_else(wrong)?;
        }
        Ok(Some(Mask { values: context.floats(MASK, &mask)?, dims }))
    }

    fn width(&self, heads: usize) -> usize {
        heads * self.attention.head_size
    }

    /// Heads side by side in rows of this width.
    fn view<'c>(&self, data: &'c [f32], rows: usize, width: usize) -> View<'c> {
        let head_stride = self.attention.head_size;
        View { data, batch_stride: rows * width, row_stride: width, head_stride }
    }
}

/// Batch and rows of an input of rank 3.
///
/// # Errors
/// If it has another rank or its rows another width.
fn sizes(context: &Context<'_>, index: usize, tensor: &Tensor<'_>, width: usize) -> Outcome<[usize; 2]> {
    let size = |dim: i64| usize::try_from(dim).ok();
    match *tensor.dims {
        [batch, rows, last] if size(last) == Some(width) => {
            size(batch).zip(size(rows)).map(|(batch, rows)| [batch, rows])
        }
        _ => None,
    }
    .ok_or_else(|| {
        context.wrong(index, format!("has the shape {:?}, not [batch, rows, {width}]", tensor.dims))
    })
}
