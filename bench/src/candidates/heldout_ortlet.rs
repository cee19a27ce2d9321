//! Ortlet on held-out inputs: runs them all, and puts every output into a file to be judged.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use ortlet::Session;
use ortlet::tensor::npy::{self, Archive};
use ortlet_bench::heldout::HeldOut;
use ortlet_bench::ortlet_options;

fn main() -> ExitCode {
    match obey() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn obey() -> Result<()> {
    let order: HeldOut = serde_json::from_str(&std::env::args().nth(1).context("no order")?)?;
    let model = order.session.models.first().context("no model")?;
    let session = Session::load(&model.file, &ortlet_options::of(&order.session))?;
    fs::create_dir_all(&order.out)?;
    let files = fs::read_dir(&order.inputs)?.map(|entry| Ok(entry?.path()));
    for file in files.collect::<Result<Vec<_>>>()? {
        run(&session, &file, &order.out).with_context(|| format!("run {}", file.display()))?;
    }
    Ok(())
}

fn run(session: &Session, file: &Path, out: &Path) -> Result<()> {
    let mut archive = Archive::new(BufReader::new(File::open(file)?))?;
    let names = archive.names()?;
    let inputs = names.iter().map(|name| archive.read(name, None)).collect::<ortlet::Result<Vec<_>>>()?;
    let inputs: Vec<_> =
        names.iter().zip(&inputs).map(|(name, input)| (name.as_str(), input.view())).collect();
    let outputs = session.run(inputs)?;
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    for (index, (_, value)) in outputs.iter().enumerate() {
        let mut sink = BufWriter::new(File::create(out.join(format!("{stem}-{index}.npy")))?);
        npy::write(value.as_tensor()?, &mut sink)?;
        sink.flush()?;
    }
    Ok(())
}
