//! `kernels`: what Ortlet's own kernels reach of the machine's peak, and what whole models gain by them.

mod models;
mod options;
mod page;
mod products;
mod verdict;

use std::env;
use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};
use ortlet_bench::harness::machine::Machine;
use ortlet_bench::harness::places::Places;
use ortlet_bench::harness::report;
use serde_json::json;

use options::Options;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", options::help());
        return ExitCode::SUCCESS;
    }
    match options::parse(arguments).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the figures can be trusted. A missed target is a result, not a failure.
fn run(options: &Options) -> Result<bool> {
    let places = Places::of("kernels")?;
    let products = options.products.then(|| products::measure(options)).transpose()?;
    if let Some(products) = &products {
        print!("{}", products::text(products));
    }
    let models = options.models.then(|| models::measure(options, &places)).transpose()?;
    if let Some(models) = &models {
        print!("\n{}", models.text());
    }
    let machine = Machine::now();
    let mut verdicts = products.as_ref().map(verdict::of_products).unwrap_or_default();
    verdicts.extend(models.as_ref().map(verdict::of_models).unwrap_or_default());
    println!("\nTargets:");
    verdicts.iter().for_each(|verdict| println!("  {verdict}"));

    let record = json!({
        "bench": "kernels",
        "rounds": options.rounds,
        "quick": options.quick,
        "machine": machine,
        "verdicts": verdicts,
        "products": products.as_ref().map(products::record),
        "models": models.as_ref().map(models::Models::record),
    });
    let json = options.json.clone().unwrap_or_else(|| places.record.clone());
    report::write(&json, &record)?;
    let html = options.html.clone().unwrap_or_else(|| places.record.with_extension("html"));
    let page = page::of(&machine, &verdicts, products.as_ref(), models.as_ref());
    fs::write(&html, page).with_context(|| format!("write {}", html.display()))?;
    println!("\n{machine}\nEvery sample: {}\nCharts: {}", json.display(), html.display());
    let right = products.is_none_or(|products| products.all.iter().all(|product| product.problem.is_none()));
    Ok(right && models.is_none_or(|models| models.trusted))
}
