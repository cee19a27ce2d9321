//! Plain formulas in numbers of 64 bits.

use super::{EPSILON, Heads};

/// `x W + bias`.
pub fn product(x: &[f32], w: &[f32], bias: Option<&[f32]>, k: usize, n: usize) -> Vec<f64> {
    let x: Vec<f64> = x.iter().copied().map(f64::from).collect();
    product_of(&x, w, bias, k, n)
}

pub fn product_of(x: &[f64], w: &[f32], bias: Option<&[f32]>, k: usize, n: usize) -> Vec<f64> {
    let mut y = Vec::with_capacity(x.len() / k * n);
    for row in x.chunks(k) {
        for column in 0..n {
            let sum: f64 = row.iter().enumerate().map(|(at, x)| x * f64::from(w[at * n + column])).sum();
            y.push(sum + bias.map_or(0.0, |bias| f64::from(bias[column])));
        }
    }
    y
}

pub fn activate(name: &str, y: &mut [f64]) {
    for y in y {
        let x = *y;
        *y = match name {
            "none" => x,
            "relu" => x.max(0.0),
            "gelu" => 0.5 * x * (1.0 + erf(x / 2.0_f64.sqrt())),
            "gelu_tanh" => {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
                0.5 * x * (1.0 + inner.tanh())
            }
            "silu" => x / (1.0 + (-x).exp()),
            other => panic!("no activation {other}"),
        };
    }
}

/// By its series, which is exact for numbers that are not large.
fn erf(x: f64) -> f64 {
    if x.abs() > 5.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}

/// Residual and norm.
pub fn finish(y: &mut [f64], residual: Option<&[f32]>, norm: &str, gamma: &[f32], beta: Option<&[f32]>) {
    if let Some(residual) = residual {
        y.iter_mut().zip(residual).for_each(|(y, residual)| *y += f64::from(*residual));
    }
    if norm == "none" {
        return;
    }
    let n = gamma.len();
    for row in y.chunks_mut(n) {
        let mean = if norm == "layer" { row.iter().sum::<f64>() / n as f64 } else { 0.0 };
        let square = row.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / n as f64;
        let scale = 1.0 / (square + f64::from(EPSILON)).sqrt();
        for (at, y) in row.iter_mut().enumerate() {
            let beta = beta.map_or(0.0, |beta| f64::from(beta[at]));
            *y = (*y - mean) * scale * f64::from(gamma[at]) + beta;
        }
    }
}

/// Sizes of a call of attention.
#[derive(Clone, Copy)]
pub struct Call {
    pub batch: usize,
    pub queries: usize,
    pub keys: usize,
}

/// Attention of heads side by side; `mask` gives what is added for batch, head, query and key.
pub fn attention(
    heads: &Heads,
    call: Call,
    [q, k, v]: [&[f32]; 3],
    mask: impl Fn(usize, usize, usize, usize) -> f64,
) -> Vec<f64> {
    let d = heads.head_size;
    let group = heads.heads / heads.kv_heads;
    let mut y = Vec::new();
    for b in 0..call.batch {
        for query in 0..call.queries {
            for h in 0..heads.heads {
                let kv = h / group;
                let q = &q[((b * call.queries + query) * heads.heads + h) * d..][..d];
                let row = |data: &'_ [f32], key: usize, at: usize| {
                    f64::from(data[((b * call.keys + key) * heads.kv_heads + kv) * d + at])
                };
                let score = |key: usize| {
                    if heads.causal && key + call.queries > query + call.keys {
                        return f64::NEG_INFINITY;
                    }
                    let sum: f64 = (0..d).map(|at| f64::from(q[at]) * row(k, key, at)).sum();
                    sum * f64::from(heads.scale) + mask(b, h, query, key)
                };
                let scores: Vec<f64> = (0..call.keys).map(score).collect();
                let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let shares: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
                let total: f64 = shares.iter().sum();
                for at in 0..d {
                    y.push((0..call.keys).map(|key| shares[key] / total * row(v, key, at)).sum());
                }
            }
        }
    }
    y
}
