//! Attention against a plain reference in f64, for every instruction set of this CPU.

mod common;

use common::{Random, Threads};
use ortlet_kernels::{Arithmetic, Attention, AttentionInputs, Isa, KernelError, Mask, Serial, View};

fn numbers(random: &mut Random, count: usize, most: f32) -> Vec<f32> {
    random.units(count).into_iter().map(|unit| unit * most).collect()
}

/// Owned inputs of a call; queries, keys and values of a row lie side by side.
#[derive(Debug, Clone)]
struct Case {
    attention: Attention,
    batch: usize,
    queries: usize,
    keys: usize,
    /// [batch, queries, heads, size], with `gap` unused numbers behind each row.
    q: Vec<f32>,
    /// [batch, keys, 2, kv_heads, size], keys before values.
    kv: Vec<f32>,
    gap: usize,
    mask: Option<(Vec<f32>, [usize; 4])>,
}

impl Case {
    fn new(
        random: &mut Random,
        [batch, queries, keys]: [usize; 3],
        [heads, kv_heads, size]: [usize; 3],
    ) -> Self {
        let gap = random.below(3);
        let attention = Attention {
            heads,
            kv_heads,
            head_size: size,
            scale: 1.0 / (size.max(1) as f32).sqrt(),
            causal: false,
            arithmetic: Arithmetic::Fp32,
        };
        let q = numbers(random, batch * queries * (heads * size + gap), 2.0);
        let kv = numbers(random, batch * keys * 2 * kv_heads * size, 2.0);
        Self { attention, batch, queries, keys, q, kv, gap, mask: None }
    }

    fn with_mask(mut self, random: &mut Random, which: [bool; 4]) -> Self {
        let full = [self.batch, self.attention.heads, self.queries, self.keys];
        let dims: [usize; 4] = std::array::from_fn(|at| if which[at] { full[at] } else { 1 });
        self.mask = Some((numbers(random, dims.iter().product(), 3.0), dims));
        self
    }

    fn inputs(&self) -> AttentionInputs<'_> {
        let &Attention { heads, kv_heads, head_size: size, .. } = &self.attention;
        let row_stride = heads * size + self.gap;
        let kv_stride = 2 * kv_heads * size;
        let kv = |start: usize| View {
            data: self.kv.get(start..).unwrap_or_default(),
            batch_stride: self.keys * kv_stride,
            row_stride: kv_stride,
            head_stride: size,
        };
        AttentionInputs {
            batch: self.batch,
            queries: self.queries,
            keys: self.keys,
            q: View { data: &self.q, batch_stride: self.queries * row_stride, row_stride, head_stride: size },
            k: kv(0),
            v: kv(kv_heads * size),
            mask: self.mask.as_ref().map(|(values, dims)| Mask { values, dims: *dims }),
        }
    }

    fn width(&self) -> usize {
        self.attention.heads * self.attention.head_size
    }

    fn run(&self, isa: Isa, threads: usize) -> Vec<f32> {
        let mut y = vec![7.0; self.batch * self.queries * self.width()];
        self.attention.forward_with(isa, &self.inputs(), &mut y, &Threads(threads)).unwrap();
        y
    }

    /// By the definition.
    fn reference(&self, round: impl Fn(f64) -> f64) -> Vec<f64> {
        let &Attention { heads, kv_heads, head_size: size, scale, causal, .. } = &self.attention;
        let inputs = self.inputs();
        let number = |view: &View<'_>, b: usize, row: usize, head: usize, at: usize| {
            f64::from(view.data[b * view.batch_stride + row * view.row_stride + head * view.head_stride + at])
        };
        let mut y = Vec::new();
        for b in 0..self.batch {
            for i in 0..self.queries {
                for head in 0..heads {
                    let kv_head = head / (heads / kv_heads);
                    let scores: Vec<f64> = (0..self.keys)
                        .map(|j| {
                            if causal && j + self.queries > i + self.keys {
                                return f64::NEG_INFINITY;
                            }
                            let product: f64 = (0..size)
                                .map(|at| {
                                    let q = f64::from(number(&inputs.q, b, i, head, at) as f32 * scale);
                                    round(q) * round(number(&inputs.k, b, j, kv_head, at))
                                })
                                .sum();
                            product + self.mask_at([b, head, i, j])
                        })
                        .collect();
                    let weights = softmax(&scores);
                    y.extend((0..size).map(|at| {
                        let value = |j: usize| round(number(&inputs.v, b, j, kv_head, at));
                        weights.iter().enumerate().map(|(j, weight)| weight * value(j)).sum::<f64>()
                    }));
                }
            }
        }
        y
    }

    fn mask_at(&self, at: [usize; 4]) -> f64 {
        let Some((values, dims)) = &self.mask else { return 0.0 };
        let index =
            at.iter().zip(dims).fold(0, |index, (&at, &dim)| index * dim + if dim == 1 { 0 } else { at });
        f64::from(values[index])
    }

    /// Runs in both arithmetics on each instruction set, with the reference.
    fn check(&self) {
        let largest = self.kv.iter().fold(0.0_f64, |largest, &value| largest.max(f64::from(value).abs()));
        let exact = self.reference(|value| value);
        let rounded = self.reference(bf16);
        for isa in Isa::available() {
            for arithmetic in [Arithmetic::Fp32, Arithmetic::Bf16] {
                let mut case = self.clone();
                case.attention.arithmetic = arithmetic;
                let y = case.run(isa, 1);
                let fp32 = arithmetic == Arithmetic::Fp32 || isa != Isa::Avx512Bf16 && isa != Isa::NeonI8mm;
                // Half a step of bf16 for each weight; the sum of weights is 1.
                let (expected, tolerance) = if fp32 { (&exact, 4e-6) } else { (&rounded, 2.1e-3) };
                assert_eq!(y.len(), expected.len());
                for (at, (&y, &expected)) in y.iter().zip(expected).enumerate() {
                    let close = (f64::from(y) - expected).abs() <= tolerance * largest
                        || y.is_nan() && expected.is_nan();
                    assert!(close, "{isa:?} {arithmetic:?} at {at}: {y}, not {expected}\n{}", self.name());
                }
            }
        }
    }

    fn name(&self) -> String {
        let mask = self.mask.as_ref().map(|(_, dims)| dims);
        format!("{:?}, {} x {} x {}, mask {mask:?}", self.attention, self.batch, self.queries, self.keys)
    }
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let maximum = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - maximum).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The nearest bf16; ties to even.
fn bf16(value: f64) -> f64 {
    let bits = (value as f32).to_bits();
    f64::from(f32::from_bits((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000))
}

const SIZES: [usize; 9] = [1, 2, 7, 16, 31, 32, 64, 80, 128];

#[test]
fn any_shape_is_what_the_definition_says() {
    let mut random = Random(1);
    for round in 0..80 {
        let kv_heads = 1 + random.below(4);
        let heads = kv_heads * (1 + random.below(3));
        let size = SIZES[round % SIZES.len()];
        let keys = 1 + random.below(if round % 4 == 0 { 600 } else { 70 });
        let batch = 1 + random.below(4);
        let budget = 400_000 / (batch * heads * size * keys) + 1;
        let queries = random.below(budget.min(50) + 1);
        let mut case = Case::new(&mut random, [batch, queries, keys], [heads, kv_heads, size]);
        case.attention.causal = random.below(2) == 0 && queries <= keys;
        if random.below(2) == 0 {
            let which = std::array::from_fn(|_| random.below(2) == 0);
            case = case.with_mask(&mut random, which);
        }
        case.check();
    }
}

#[test]
fn borders_of_panels_and_tiles() {
    let mut random = Random(2);
    for keys in [1, 2, 15, 16, 17, 47, 48, 49, 96, 97] {
        for queries in [1, 5, 6, 7, 8, 9, 16, 17] {
            let mut case = Case::new(&mut random, [1, queries, keys], [2, 1, 5]);
            case.check();
            case.attention.causal = queries <= keys;
            case.check();
        }
    }
}

#[test]
fn every_mask_shape() {
    let mut random = Random(3);
    for which in 0..16 {
        let case = Case::new(&mut random, [2, 10, 21], [4, 2, 8]);
        case.with_mask(&mut random, std::array::from_fn(|at| which >> at & 1 == 1)).check();
    }
}

#[test]
fn hidden_keys_have_no_weight_and_nothing_seen_is_nan() {
    let mut random = Random(4);
    let mut case =
        Case::new(&mut random, [3, 9, 40], [2, 2, 16]).with_mask(&mut random, [true, false, false, true]);
    let (values, _) = case.mask.as_mut().unwrap();
    for (at, value) in values.iter_mut().enumerate() {
        *value = match at / 40 {
            0 if at % 40 >= 13 => f32::NEG_INFINITY,
            // All of the second sequence.
            1 => f32::NEG_INFINITY,
            // What exporters write for it: nothing is hidden if everything is.
            2 => f32::MIN,
            _ => 0.0,
        };
    }
    for isa in Isa::available() {
        let y = case.run(isa, 1);
        let (first, rest) = y.split_at(9 * 32);
        let (second, third) = rest.split_at(9 * 32);
        assert!(second.iter().all(|value| value.is_nan()));
        // What lies behind hidden keys does not matter at all.
        let mut other = case.clone();
        other.kv[13 * 64..40 * 64].fill(3.0);
        assert_eq!(first, &other.run(isa, 1)[..9 * 32]);
        // The mean of the values.
        for (at, value) in third[..32].iter().enumerate() {
            let mean = (0..40).map(|j| f64::from(case.kv[(80 + j) * 64 + 32 + at])).sum::<f64>() / 40.0;
            assert!((f64::from(*value) - mean).abs() < 1e-5, "{value} {mean}");
        }
    }
    case.mask.as_mut().unwrap().0[40..].fill(0.0);
    case.check();
}

#[test]
fn queries_before_all_keys_see_nothing() {
    let mut random = Random(5);
    let mut case = Case::new(&mut random, [1, 20, 3], [1, 1, 4]);
    case.attention.causal = true;
    for isa in Isa::available() {
        let y = case.run(isa, 1);
        assert!(y[..17 * 4].iter().all(|value| value.is_nan()));
        assert!(y[17 * 4..].iter().all(|value| value.is_finite()));
    }
}

#[test]
fn huge_scores_take_one_key() {
    let mut random = Random(6);
    for factor in [1e4, 1e15] {
        let mut case = Case::new(&mut random, [1, 17, 50], [2, 2, 32]);
        case.q.iter_mut().for_each(|value| *value *= factor);
        for isa in Isa::available() {
            let (y, expected) = (case.run(isa, 1), case.reference(|value| value));
            for (&y, &expected) in y.iter().zip(&expected) {
                assert!((f64::from(y) - expected).abs() < 1e-2, "{isa:?} {y} {expected}");
            }
        }
    }
    // Beyond f32: inf - inf.
    let mut case = Case::new(&mut random, [1, 2, 5], [1, 1, 4]);
    case.gap = 0;
    case.q = vec![1e30, 1e30, 1e30, 1e30, 0.0, 0.0, 0.0, 0.0];
    case.kv = vec![1e30; 40];
    for isa in Isa::available() {
        let y = case.run(isa, 1);
        assert!(y[..4].iter().all(|value| value.is_nan()) && y[4..].iter().all(|&value| value > 9e29));
    }
}

#[test]
fn one_bad_query_spoils_its_row_only() {
    let mut random = Random(7);
    let case = Case::new(&mut random, [2, 19, 33], [3, 3, 20]);
    for isa in Isa::available() {
        for arithmetic in [Arithmetic::Fp32, Arithmetic::Bf16] {
            // With bits that a sum of exponents would turn into a number.
            for bits in [0x7fc0_0000, 0xffc0_0000, 0x7fff_ffff, 0x7fc1_2345_u32] {
                let mut case = case.clone();
                case.attention.arithmetic = arithmetic;
                let clean = case.run(isa, 1);
                // Sequence 1, query 4, head 2.
                case.q[(19 + 4) * (60 + case.gap) + 40 + 3] = f32::from_bits(bits);
                let y = case.run(isa, 1);
                for (at, (&y, &clean)) in y.iter().zip(&clean).enumerate() {
                    let spoiled = at / 60 == 19 + 4 && at % 60 / 20 == 2;
                    assert!(
                        if spoiled { y.is_nan() } else { y == clean },
                        "{isa:?} {bits:#x} {at} {y} {clean}"
                    );
                }
            }
        }
    }
}

#[test]
fn threads_neighbours_and_other_rows_change_no_bit() {
    let mut random = Random(8);
    for (round, [batch, queries, keys]) in
        [[3, 37, 37], [1, 70, 130], [2, 1, 200], [4, 9, 300]].into_iter().enumerate()
    {
        let mut case =
            Case::new(&mut random, [batch, queries, keys], [4, 2, 24]).with_mask(&mut random, [true; 4]);
        case.attention.causal = round % 2 == 0;
        for isa in Isa::available() {
            for arithmetic in [Arithmetic::Fp32, Arithmetic::Bf16] {
                case.attention.arithmetic = arithmetic;
                let y = case.run(isa, 1);
                for threads in 2..=5 {
                    assert_eq!(y, case.run(isa, threads), "{threads}");
                }
                let width = case.width();
                for b in 0..batch {
                    let rows = &y[b * queries * width..(b + 1) * queries * width];
                    assert_eq!(rows, case.only(b, 0..queries).run(isa, 1));
                    // The last rows: they see the same keys without the others.
                    let from = queries / 2;
                    assert_eq!(&rows[from * width..], case.only(b, from..queries).run(isa, 1));
                }
            }
        }
    }
}

impl Case {
    /// One sequence of the batch, and some of its queries.
    fn only(&self, b: usize, queries: std::ops::Range<usize>) -> Self {
        let mut case = self.clone();
        let row = self.width() + self.gap;
        case.batch = 1;
        case.queries = queries.len();
        case.q =
            self.q[(b * self.queries + queries.start) * row..(b * self.queries + queries.end) * row].to_vec();
        let kv = self.keys * 2 * self.attention.kv_heads * self.attention.head_size;
        case.kv = self.kv[b * kv..(b + 1) * kv].to_vec();
        let (values, [_, heads, all, keys]) = self.mask.clone().unwrap();
        let of_head = |head: usize| {
            let start = (b * heads + head) * all;
            &values[(start + queries.start) * keys..(start + queries.end) * keys]
        };
        let values = (0..heads).flat_map(|head| of_head(head).to_vec()).collect();
        case.mask = Some((values, [1, heads, queries.len(), keys]));
        case
    }
}

#[test]
fn a_merged_buffer_is_read_in_place() {
    let mut random = Random(9);
    let (batch, rows, heads, size) = (2, 13, 3, 10);
    let width = heads * size;
    let merged = numbers(&mut random, batch * rows * 3 * width, 2.0);
    let view = |start: usize| View {
        data: &merged[start..],
        batch_stride: rows * 3 * width,
        row_stride: 3 * width,
        head_stride: size,
    };
    let (q, k, v) = (view(0), view(width), view(2 * width));
    let inputs = AttentionInputs { batch, queries: rows, keys: rows, q, k, v, mask: None };
    let mut case = Case::new(&mut random, [batch, rows, rows], [heads, heads, size]);
    case.gap = 0;
    case.q = merged.chunks(3 * width).flat_map(|row| row[..width].to_vec()).collect();
    case.kv = merged.chunks(3 * width).flat_map(|row| row[width..].to_vec()).collect();
    let mut y = vec![0.0; batch * rows * width];
    case.attention.forward(&inputs, &mut y, &Serial).unwrap();
    assert_eq!(y, case.run(Isa::active().unwrap(), 2));
    case.check();
}

#[test]
fn nothing_in_means_nothing_out() {
    let mut random = Random(10);
    for dims in [[0, 3, 4], [2, 0, 4]] {
        assert!(Case::new(&mut random, dims, [2, 1, 8]).run(Isa::Portable, 2).is_empty());
    }
    assert!(Case::new(&mut random, [2, 3, 4], [2, 1, 0]).run(Isa::Portable, 1).is_empty());
    // The sum of no values.
    assert_eq!(Case::new(&mut random, [1, 3, 0], [2, 1, 2]).run(Isa::Portable, 1), [0.0; 12]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let mut random = Random(11);
    let case = Case::new(&mut random, [2, 3, 4], [2, 1, 8]).with_mask(&mut random, [true; 4]);
    let mut y = vec![0.0; 2 * 3 * 16];
    let mut run = |change: &dyn Fn(&mut Attention, &mut AttentionInputs<'_>)| {
        let (mut attention, mut inputs) = (case.attention.clone(), case.inputs());
        change(&mut attention, &mut inputs);
        attention.forward(&inputs, &mut y, &Serial)
    };
    assert_eq!(run(&|_, _| ()), Ok(()));
    // Exactly as long as needed, or one shorter.
    let length = |view: &View<'_>, rows: usize, heads: usize| {
        view.batch_stride + (rows - 1) * view.row_stride + (heads - 1) * view.head_stride + 8
    };
    let inputs = case.inputs();
    for (what, end) in [
        ("queries", length(&inputs.q, 3, 2)),
        ("keys", length(&inputs.k, 4, 1)),
        ("values", length(&inputs.v, 4, 1)),
    ] {
        let cut = |end: usize| {
            move |_: &mut Attention, inputs: &mut AttentionInputs<'_>| {
                let view = match what {
                    "queries" => &mut inputs.q,
                    "keys" => &mut inputs.k,
                    _ => &mut inputs.v,
                };
                view.data = &view.data[..end];
            }
        };
        assert_eq!(run(&cut(end)), Ok(()));
        let error = run(&cut(end - 1)).unwrap_err();
        assert_eq!(error, KernelError::Length { what, expected: end, found: end - 1 });
    }
    let fails = |result: Result<(), KernelError>, what: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.contains(what), "{message}");
    };
    fails(run(&|_, inputs| inputs.k.row_stride = usize::MAX), "keys");
    fails(run(&|_, inputs| inputs.v.batch_stride = usize::MAX / 2 + 1), "values");
    fails(run(&|_, inputs| inputs.q.head_stride = 1000), "queries");
    fails(run(&|_, inputs| inputs.batch = 3), "output");
    fails(run(&|_, inputs| inputs.keys = 5), "keys");
    fails(run(&|attention, _| attention.heads = usize::MAX), "output");
    fails(run(&|attention, _| attention.kv_heads = 0), "heads");
    fails(run(&|attention, _| (attention.heads, attention.kv_heads) = (3, 2)), "heads");
    fails(run(&|_, inputs| inputs.mask.as_mut().unwrap().dims[2] = 2), "mask");
    fails(run(&|_, inputs| inputs.mask.as_mut().unwrap().dims[3] = 1), "mask");
    // Strides of 0 repeat a row, more often than there is memory for.
    let endless = |_: &mut Attention, inputs: &mut AttentionInputs<'_>| {
        inputs.mask = None;
        inputs.keys = usize::MAX / 2;
        for view in [&mut inputs.k, &mut inputs.v] {
            (view.row_stride, view.batch_stride) = (0, 0);
        }
    };
    fails(run(&endless), "memory");
}
