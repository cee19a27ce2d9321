//! Ortlet as a quantizer: makes one model as the benchmark orders and says how long it took and how much memory.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use ortlet::model::Model;
use ortlet::{
    Precision, PrecisionOptions, QuantizeMode, QuantizeOptions, Samples, SessionOptions, Threads,
    choose_precision, quantize,
};
use ortlet_bench::memory::Memory;
use ortlet_bench::quantizing::{Made, Order, Way};

fn main() -> ExitCode {
    match obey() {
        Ok(made) => {
            println!("{}", serde_json::json!(made));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result<Made> {
    let order: Order = serde_json::from_str(&std::env::args().nth(1).context("no order")?)?;
    let idle_kib = Memory::own_resident_kib();
    let start = Instant::now();
    let (model, report) = match &order.way {
        Way::Int8Dynamic => (int8_dynamic(&order.model)?, None),
        Way::Auto { threads, samples, accuracy } => {
            let session = SessionOptions {
                precision: Precision::Auto,
                threads: Threads::Count(*threads),
                samples: Samples::Folder(samples.clone()),
                accuracy: accuracy.clone(),
                ..SessionOptions::default()
            };
            let options = PrecisionOptions { session, ..PrecisionOptions::default() };
            let choice = choose_precision(&order.model, &options)?;
            (choice.model, Some(choice.report))
        }
    };
    fs::write(&order.out, model.to_bytes()?).context("write the model")?;
    let seconds = start.elapsed().as_secs_f64();
    let note = report.as_ref().map(|report| report.verdict.clone());
    Ok(Made {
        seconds,
        peak_kib: Memory::own_peak_kib(),
        idle_kib,
        note,
        report: report.map(|report| serde_json::json!(report)),
    })
}

fn int8_dynamic(path: &Path) -> Result<Model> {
    let model = Model::parse(fs::read(path)?)?;
    Ok(quantize(&model, QuantizeMode::Int8Dynamic, None, &QuantizeOptions::default())?.0)
}
