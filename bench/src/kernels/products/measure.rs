//! The measurement: bursts of a product and of its instruction's peak, one right after the other.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use ortlet_kernels::{
    Epilogue, Format, Isa, KernelError, Linear, LinearWeights, PackOptions, Packed, Serial, pack_linear, peak,
};

use super::clock::seconds;
use super::data::{exact, numbers, problem_of};
use super::{Case, Product};

/// How long a burst goes on, unless one product alone takes longer.
const BURST: Duration = Duration::from_millis(2);
const BURSTS: usize = 25;
/// Slow instruction sets have to do with fewer bursts.
const LONG: Duration = Duration::from_secs(2);
const FEWEST_BURSTS: usize = 5;
const WARM_UP_RUNS: usize = 3;
/// So many that calling the loop does not count, and that it takes microseconds only.
const PEAK_ROUNDS: usize = 1000;

/// The products of one matrix with so many rows each.
pub fn products(isa: Isa, format: Format, (k, n): (usize, usize), rows: &[usize]) -> Vec<Product> {
    let (weights, bias) = (numbers(k * n, 1), numbers(n, 2));
    let unmeasured = |rows| Product {
        case: Case { isa, format, rows, k, n },
        problem: None,
        rates: vec![],
        peaks: vec![],
    };
    let mut products: Vec<Product> = rows.iter().map(|&rows| unmeasured(rows)).collect();
    for product in &mut products {
        let measured = measure(product, &weights, &bias);
        product.problem = measured.err().map(|error| format!("{error:#}"));
    }
    products
}

fn measure(product: &mut Product, weights: &[f32], bias: &[f32]) -> Result<()> {
    let Case { isa, format, rows, k, n } = product.case;
    let weights_of = LinearWeights { k, n, values: weights, bias: Some(bias) };
    let packed = pack_linear(&weights_of, &PackOptions::new(format))?;
    let linear = Linear::with_isa(Packed::parse(&packed)?, isa)?;
    let epilogue = Epilogue::default();
    let (x, mut y) = (numbers(rows * k, 3), vec![0.0; rows * n]);
    let mut multiply = || linear.forward(rows, black_box(&x), None, black_box(&mut y), &epilogue, &Serial);
    for _ in 0..WARM_UP_RUNS {
        multiply()?;
    }
    let operations = product.case.operations();
    let mut multiply = || multiply().map(|()| operations);
    let own_runs = runs(&mut multiply)?;
    let peak = || peak_operations(isa, format);
    let peak_runs =
        peak()?.map(|_| runs(&mut || Ok::<_, KernelError>(peak()?.unwrap_or_default()))).transpose()?;
    let start = Instant::now();
    while product.rates.len() < BURSTS && (product.rates.len() < FEWEST_BURSTS || start.elapsed() < LONG) {
        if let Some(runs) = peak_runs {
            product.peaks.push(burst(runs, &mut || Ok::<_, KernelError>(peak()?.unwrap_or_default()))?);
        }
        product.rates.push(burst(own_runs, &mut multiply)?);
    }
    // The last row, which is at the edge of the last tile.
    let last = rows - 1;
    let wanted = exact(&x[last * k..], weights, bias);
    problem_of(&y[last * n..], &wanted).map_or(Ok(()), |problem| Err(anyhow!(problem)))
}

/// Operations of a loop on registers with the instruction that multiplies this format. Without one for bf16, its numbers
/// are widened and multiplied as f32. `None` if there is none for these either.
fn peak_operations(isa: Isa, format: Format) -> Result<Option<f64>, KernelError> {
    let operations = match format {
        Format::Int8 => peak::int8(isa, PEAK_ROUNDS)?,
        Format::Bf16 => match peak::bf16(isa, PEAK_ROUNDS)? {
            None => peak::f32(isa, PEAK_ROUNDS)?,
            operations => operations,
        },
        Format::Fp16 | Format::Fp32 => peak::f32(isa, PEAK_ROUNDS)?,
    };
    Ok(operations.map(|operations| operations as f64))
}

/// How many runs make a burst.
fn runs<E>(run: &mut impl FnMut() -> Result<f64, E>) -> Result<usize, E> {
    let (result, seconds) = seconds(run);
    result.map(|_| (BURST.as_secs_f64() / seconds).ceil() as usize)
}

/// Giga-operations a second of so many runs.
fn burst<E>(runs: usize, run: &mut impl FnMut() -> Result<f64, E>) -> Result<f64, E> {
    let (operations, seconds) = seconds(|| (0..runs).try_fold(0.0, |sum, _| Ok(sum + run()?)));
    Ok(operations? / seconds / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_every_format_are_measured_and_right() {
        for isa in [Isa::Portable, Isa::detect()] {
            for format in super::super::FORMATS {
                let has_peak = peak_operations(isa, format).unwrap().is_some();
                for product in products(isa, format, (40, 24), &[1, 3]) {
                    assert_eq!(product.problem, None, "{:?}", product.case);
                    assert_eq!(product.peaks.len(), if has_peak { product.rates.len() } else { 0 });
                    assert!(product.rates.len() >= FEWEST_BURSTS);
                    assert!(product.rates.iter().chain(&product.peaks).all(|rate| *rate > 0.0));
                }
            }
        }
    }

    #[test]
    fn a_burst_counts_all_its_operations() {
        let mut count = 0;
        let mut run = || {
            count += 1;
            Ok::<f64, ()>(5.0)
        };
        assert!(burst(7, &mut run).unwrap() > 0.0);
        assert_eq!(count, 7);
        assert_eq!(burst(1, &mut || Err(())), Err(()));
    }
}
