//! Simplified models give the results of the models that they were, by plain onnxruntime.

mod common;
mod graphs;
mod rewrites;

use common::folder;
use ortlet::quantize::simplify;
use rewrites::{Cases, real_models};

/// Sums in another order, factors rounded together: some units in the last place of the largest number.
const TOLERANCE: f64 = 1e-4;

#[test]
fn real_models_stay_the_same() {
    let mut cases = Cases::new(folder("simplify-real"));
    for (name, plain, inputs) in real_models() {
        let (simple, report) = simplify(&plain).unwrap();
        let mut kinds = std::collections::BTreeMap::<String, usize>::new();
        for rewrite in &report.rewrites {
            *kinds.entry(format!("{:?}", rewrite.kind)).or_default() += 1;
        }
        println!("{name}: {} -> {} {kinds:?}", report.node_count_before, report.node_count_after);
        cases.add(name, &plain, &simple, &inputs, TOLERANCE);
    }
    cases.compare();
}
