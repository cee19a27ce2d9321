//! Tells the types of files by their content, with the Magika model.
//!
//! ```text
//! filetype --model model.onnx --config config.min.json FILES...
//! ```

mod features;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use features::{Config, Content};
use ortlet::metrics::Histogram;
use ortlet::tensor::TensorView;
use ortlet::{Error, Result, Session, SessionOptions};

struct Arguments {
    model: PathBuf,
    config: PathBuf,
    files: Vec<PathBuf>,
}

/// One line of the table.
struct Row {
    path: String,
    label: String,
    score: Option<f32>,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| run(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments> {
    let (mut model, mut config, mut files) = (None, None, Vec::new());
    let mut rest = std::env::args_os().skip(1);
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--model") => model = rest.next(),
            Some("--config") => config = rest.next(),
            _ => files.push(argument.into()),
        }
    }
    let needed = |name| Error::invalid_argument(name, "is needed: filetype --model M --config C FILES...");
    let (model, config) =
        (model.ok_or_else(|| needed("--model"))?, config.ok_or_else(|| needed("--config"))?);
    Ok(Arguments { model: model.into(), config: config.into(), files })
}

fn run(arguments: &Arguments) -> Result<()> {
    let config = Config::read(&arguments.config)?;
    let start = Instant::now();
    let session = Session::load(&arguments.model, &SessionOptions::default())?;
    let load = start.elapsed();

    let (latency, mut first_run) = (Histogram::new(), None);
    let mut rows = Vec::new();
    for path in &arguments.files {
        let shown = path.display().to_string();
        let (label, score) = match features::read(path, &config) {
            Err(reason) => (reason, None),
            Ok(Content::Known(label)) => (label.to_owned(), None),
            Ok(Content::Features { bytes, is_text }) => {
                let start = Instant::now();
                let (label, score) = config.label(&scores(&session, &bytes)?, is_text);
                let elapsed = start.elapsed();
                first_run.get_or_insert(elapsed);
                latency.record(nanoseconds(elapsed));
                (label, Some(score))
            }
        };
        rows.push(Row { path: shown, label, score });
    }
    print_table(&rows);
    print_times(load, first_run, &latency);
    Ok(())
}

/// Runs the model on one file: a score for each label.
fn scores(session: &Session, bytes: &[i32]) -> Result<Vec<f32>> {
    let outputs = session.run([("bytes", TensorView::from_slice([1, bytes.len()], bytes)?)])?;
    Ok(outputs["target_label"].as_tensor()?.as_slice()?.to_vec())
}

fn print_table(rows: &[Row]) {
    let width = |column: fn(&Row) -> &str, title: &str| {
        rows.iter().map(|row| column(row).chars().count()).chain([title.len()]).max().unwrap_or_default()
    };
    let (path, label) = (width(|row| &row.path, "path"), width(|row| &row.label, "label"));
    println!("{:path$}  {:label$}  score", "path", "label");
    println!("{:-<path$}  {:-<label$}  -----", "", "");
    for row in rows {
        let score = row.score.map_or_else(|| "-".to_owned(), |score| format!("{score:.3}"));
        println!("{:path$}  {:label$}  {score:>5}", row.path, row.label);
    }
}

fn print_times(load: Duration, first_run: Option<Duration>, latency: &Histogram) {
    let milliseconds = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
    let latency = latency.snapshot();
    let percentile = |percent| match latency.percentile(percent) {
        Some(latency_ns) => milliseconds(Duration::from_nanos(latency_ns)),
        None => "-".to_owned(),
    };
    println!();
    println!("load       {}", milliseconds(load));
    println!("first run  {}", first_run.map_or_else(|| "-".to_owned(), milliseconds));
    let (p50, p90, p99) = (percentile(50.0), percentile(90.0), percentile(99.0));
    println!("latency    p50 {p50}, p90 {p90}, p99 {p99} over {} runs", latency.count());
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
