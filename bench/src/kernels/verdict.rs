//! The targets, and whether they were met.

use ortlet_bench::harness::comparison::Metric;
use ortlet_bench::harness::contestant::PLAIN_ORT;
use ortlet_bench::harness::goal::{Limit, Verdict};
use ortlet_bench::harness::statistics::ratio;
use ortlet_kernels::Format;

use crate::models::{
    BF16, CREATION, FP32, INT8, LOAD, MAGIKA, MINILM, Models, OPENVINO_DEFAULT, OWN, Outcome, STEADY,
};
use crate::products::Products;

/// The shape that most targets are about.
const TARGET_SHAPE: [usize; 2] = [1, 128];
const MAGIKA_SHAPE: [usize; 2] = [1, 2048];
const THREADS: [u32; 2] = [1, 2];

const LEAST_SHARE: f64 = 0.75;
const LEAST_K: usize = 384;
const LEAST_ROWS: usize = 32;
const MOST_CREATION: f64 = 0.1;
const MOST_LOAD_MB: f64 = 4.0;
const MOST_STEADY_FP32: f64 = 1.05;

/// Those of products: of the instruction set that models run with.
pub fn of_products(products: &Products) -> Vec<Verdict> {
    let isas = products.isas();
    let Some(&isa) = isas.first() else { return vec![] };
    let large = |product: &&crate::products::Product| {
        let case = product.case;
        case.isa == isa && case.format == Format::Int8 && case.k >= LEAST_K && case.rows >= LEAST_ROWS
    };
    let broken = products.all.iter().filter(large).map(|product| {
        let (case, share) = (product.case, product.share()?);
        let text = || format!("{} x {} x {}: {:.1} %", case.rows, case.k, case.n, 100.0 * share);
        Some((share < LEAST_SHARE).then(text))
    });
    let shares = products.all.iter().filter(large).filter_map(crate::products::Product::share);
    let worst = shares.fold(f64::INFINITY, f64::min);
    let target = format!(
        "int8 products ({}), at least {:.0} % of the peak for K >= {LEAST_K} and M >= {LEAST_ROWS}",
        isa.name(),
        100.0 * LEAST_SHARE
    );
    let mut verdict = Verdict::everywhere(&target, broken);
    if verdict.met == Some(true) {
        verdict.said = format!("the worst {:.1} %", 100.0 * worst);
    }
    vec![verdict]
}

/// Those of whole models.
pub fn of_models(models: &Models) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for threads in THREADS {
        let outcome = models.outcome(MINILM, &TARGET_SHAPE, threads);
        let place =
            format!("minilm {TARGET_SHAPE:?}, {threads} thread{}", if threads == 1 { "" } else { "s" });
        for (name, least) in [(INT8, 3.0), (BF16, 2.0)] {
            let speed = outcome.and_then(|outcome| speed(outcome, name, PLAIN_ORT.name));
            verdicts.push(Verdict::figure(
                &format!("{place}, {name} at least {least:.1}x plain ORT"),
                speed,
                Limit::AtLeast(least),
            ));
        }
        for name in [INT8, BF16] {
            let speed = outcome.and_then(|outcome| speed(outcome, name, OPENVINO_DEFAULT));
            verdicts.push(Verdict::figure(
                &format!("{place}, {name} faster than OpenVINO's default"),
                speed,
                Limit::AtLeast(1.0),
            ));
        }
    }
    verdicts.extend(accuracies(models));
    for name in OWN {
        let target = format!("minilm, {name}, creation at most {MOST_CREATION}x plain ORT's everywhere");
        verdicts.push(everywhere(models, &target, name, CREATION, MOST_CREATION, |figure| figure.ratio));
        let target = format!("minilm, {name}, load at most {MOST_LOAD_MB} MB everywhere");
        verdicts.push(everywhere(models, &target, name, LOAD, MOST_LOAD_MB, |figure| figure.median));
    }
    let target = format!("minilm, {FP32}, steady at most {MOST_STEADY_FP32}x plain ORT's everywhere");
    verdicts.push(everywhere(models, &target, FP32, STEADY, MOST_STEADY_FP32, |figure| figure.ratio));
    verdicts.extend(THREADS.map(|threads| magika(models, threads)));
    verdicts
}

/// How many times as fast as another contestant, the median over the turns.
fn speed(outcome: &Outcome, name: &str, other: &str) -> Option<f64> {
    let comparison = &outcome.comparison;
    ratio(comparison.values(other, STEADY)?, comparison.values(name, STEADY)?)
}

fn accuracies(models: &Models) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for (name, least_mean, least_min) in [(INT8, 0.9995, Some(0.999)), (BF16, 0.9999, None)] {
        let accuracy = models.accuracy(MINILM, name);
        let mut add = |what: &str, figure, least| {
            let target = format!("minilm, {name}, {what} cosine of held-out sentences at least {least}");
            verdicts.push(Verdict::figure(&target, figure, Limit::AtLeast(least)));
        };
        add("mean", accuracy.and_then(|accuracy| accuracy.task_mean), least_mean);
        if let Some(least) = least_min {
            add("minimum", accuracy.and_then(|accuracy| accuracy.task_min), least);
        }
    }
    verdicts
}

/// A limit on a figure in every situation of MiniLM.
fn everywhere(
    models: &Models,
    target: &str,
    name: &str,
    metric: Metric,
    most: f64,
    of: fn(ortlet_bench::harness::comparison::Figure) -> f64,
) -> Verdict {
    let mut worst = f64::NEG_INFINITY;
    let situations = models.outcomes.iter().filter(|outcome| outcome.situation.model.name == MINILM);
    let found: Vec<_> = situations
        .map(|outcome| {
            let figure = of(outcome.comparison.figure(name, metric)?);
            worst = worst.max(figure);
            Some((figure > most).then(|| format!("{}: {figure:.3}", outcome.comparison.title)))
        })
        .collect();
    let mut verdict = Verdict::everywhere(target, found);
    if verdict.met == Some(true) {
        verdict.said = format!("the worst {worst:.3}");
    }
    verdict
}

/// The fastest counts, as it does where the library chooses; the others are told.
fn magika(models: &Models, threads: u32) -> Verdict {
    let outcome = models.outcome(MAGIKA, &MAGIKA_SHAPE, threads);
    let ratios: Vec<(&str, f64)> = OWN
        .into_iter()
        .filter_map(|name| Some((name, outcome?.comparison.figure(name, STEADY)?.ratio)))
        .collect();
    let best = ratios.iter().map(|(_, ratio)| *ratio).min_by(f64::total_cmp);
    let said: Vec<String> = ratios.iter().map(|(name, ratio)| format!("{name} {ratio:.2}x")).collect();
    Verdict {
        target: format!(
            "magika, {threads} thread{}, less than plain ORT's time",
            if threads == 1 { "" } else { "s" }
        ),
        met: best.map(|best| best < 1.0),
        said: said.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::products::{Case, Product};
    use ortlet_kernels::Isa;

    fn products(shares: &[(usize, f64)]) -> Products {
        let product = |&(rows, share): &(usize, f64)| Product {
            case: Case { isa: Isa::Portable, format: Format::Int8, rows, k: 384, n: 384 },
            problem: None,
            rates: vec![100.0 * share],
            peaks: vec![100.0],
        };
        Products { bandwidth: 1.0, all: shares.iter().map(product).collect() }
    }

    #[test]
    fn few_rows_need_not_reach_the_peak_and_many_have_to() {
        let met = of_products(&products(&[(1, 0.1), (32, 0.76), (128, 0.9)]));
        assert_eq!((met[0].met, met[0].said.as_str()), (Some(true), "the worst 76.0 %"));
        let missed = of_products(&products(&[(32, 0.74), (128, 0.9)]));
        assert_eq!((missed[0].met, missed[0].said.as_str()), (Some(false), "32 x 384 x 384: 74.0 %"));
        assert_eq!(of_products(&products(&[(1, 0.9)]))[0].met, None);
        assert!(of_products(&products(&[])).is_empty());
    }

    #[test]
    fn nothing_is_met_by_what_was_not_measured() {
        let nothing = Models { outcomes: vec![], judged: vec![], trusted: true };
        assert!(of_models(&nothing).iter().all(|verdict| verdict.met.is_none()));
    }
}
