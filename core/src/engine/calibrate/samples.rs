//! Batches of real inputs: opened, counted, and checked one by one against what a model declares.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::runtime::{Sample, Samples};
use crate::error::ResultExt;
use crate::model::Model;
use crate::tensor::{DType, Tensor, Value, ValueInfo, ValueType, npy, numbers};
use crate::{Error, ErrorKind, Result};

/// What errors call the samples.
const SAMPLES: &str = "samples";

/// Batches of inputs for one model. Of those in a folder, none is kept in memory.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Batches {
    source: Source,
    /// What every batch has to hold.
    inputs: Vec<ValueInfo>,
    /// What it may hold: initializers that are inputs.
    optional: Vec<ValueInfo>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Archives, by name.
    Files(Vec<PathBuf>),
    Memory(Arc<[Sample]>),
}

impl Batches {
    /// Finds the batches; reads none of them.
    ///
    /// # Errors
    /// `invalid_argument` if there is none, `not_found` or `io` if the folder cannot be read.
    pub(in crate::engine) fn open(samples: &Samples, model: &Model) -> Result<Self> {
        let graph = model.graph.iter();
        let (optional, inputs): (Vec<_>, Vec<_>) = graph
            .flat_map(|graph| graph.input.iter().map(move |input| (graph, input)))
            .filter(|(_, input)| !input.name().is_empty())
            .partition(|(graph, input)| graph.initializer(input.name()).is_some());
        let infos = |inputs: Vec<(_, &crate::model::ValueInfoProto)>| {
            inputs.into_iter().map(|(_, input)| input.to_value_info()).collect::<Vec<_>>()
        };
        let (inputs, optional) = (infos(inputs), infos(optional));
        let source = match samples {
            Samples::None => return Err(none(&inputs, "there are none")),
            Samples::Batches(batches) if batches.is_empty() => {
                return Err(none(&inputs, "there is no batch"));
            }
            Samples::Batches(batches) => Source::Memory(batches.clone()),
            Samples::Folder(folder) => {
                let files = archives(folder)?;
                if files.is_empty() {
                    let reason = format!("there is no .npz file in `{}`", folder.display());
                    return Err(none(&inputs, &reason));
                }
                Source::Files(files)
            }
        };
        Ok(Self { source, inputs, optional })
    }

    /// How many there are, at least one.
    pub(in crate::engine) fn count(&self) -> usize {
        match &self.source {
            Source::Files(files) => files.len(),
            Source::Memory(batches) => batches.len(),
        }
    }

    /// The batch of this number, from 0.
    ///
    /// # Errors
    /// `io` or `integrity` if it cannot be read; `not_found`, `tensor_mismatch` or `invalid_argument` if it is none for
    /// the model, saying which input of which batch is wrong and why.
    pub(in crate::engine) fn get(&self, index: usize) -> Result<Cow<'_, Sample>> {
        let beyond = || Error::internal(format!("there is no batch {index} of {}", self.count()));
        match &self.source {
            Source::Files(files) => {
                let path = files.get(index).ok_or_else(beyond)?;
                let read = || {
                    let batch = self.read(path)?;
                    self.check(&batch)?;
                    Ok(Cow::Owned(batch))
                };
                read().with_context(|| format!("batch `{}`", path.display()))
            }
            Source::Memory(batches) => {
                let batch = batches.get(index).ok_or_else(beyond)?;
                self.check(batch).with_context(|| format!("batch {index} of the samples"))?;
                Ok(Cow::Borrowed(batch))
            }
        }
    }

    /// Reads what the model has inputs for; other arrays, such as labels, are left alone.
    fn read(&self, path: &Path) -> Result<Sample> {
        let file = File::open(path).map_err(|error| io_error(path, &error))?;
        let mut archive = npy::Archive::new(BufReader::new(file))?;
        let names = archive.names()?;
        let given = self.optional.iter().filter(|info| names.contains(&info.name));
        let wanted = self.inputs.iter().chain(given);
        let arrays = wanted.map(|info| {
            let dtype = match &info.value_type {
                ValueType::Tensor { dtype, .. } => Some(*dtype),
                _ => None,
            };
            Ok((info.name.clone(), archive.read(&info.name, dtype)?.into()))
        });
        arrays.collect()
    }

    fn check(&self, batch: &Sample) -> Result<()> {
        let declared = || self.inputs.iter().chain(&self.optional);
        for (at, (name, value)) in batch.iter().enumerate() {
            let Some(info) = declared().find(|info| info.name == *name) else {
                return Err(Error::not_found("input", name, declared().map(|info| info.name.as_str())));
            };
            if batch[..at].iter().any(|(other, _)| other == name) {
                return Err(Error::invalid_argument(SAMPLES, format!("input `{name}` is given twice")));
            }
            check_value(info, value)?;
        }
        let is_given = |info: &&ValueInfo| batch.iter().any(|(name, _)| *name == info.name);
        let may_lack = |info: &&ValueInfo| matches!(info.value_type, ValueType::Optional { .. });
        match self.inputs.iter().find(|info| !is_given(info) && !may_lack(info)) {
            Some(info) => Err(Error::tensor_mismatch(&info.name, &info.value_type, "nothing")),
            None => Ok(()),
        }
    }
}

/// Why there are no samples, and what is needed.
fn none(inputs: &[ValueInfo], reason: &str) -> Error {
    let inputs: Vec<_> = inputs.iter().map(|info| format!("`{info}`")).collect();
    let needed = "give batches of real inputs, or a folder of .npz files";
    Error::invalid_argument(SAMPLES, format!("{reason}; {needed}, each with {}", inputs.join(", ")))
}

fn check_value(info: &ValueInfo, value: &Value) -> Result<()> {
    let (Value::Tensor(tensor), ValueType::Tensor { dtype, shape }) = (value, &info.value_type) else {
        return Ok(());
    };
    if tensor.dtype() != *dtype || !shape.accepts(tensor.shape().dims()) {
        return Err(Error::tensor_mismatch(&info.name, &info.value_type, tensor));
    }
    match first_not_finite(tensor) {
        Some((at, what)) => {
            let index = index_of(at, tensor.shape().dims());
            let reason = format!("input `{}` is {what} at index {index:?}", info.name);
            Err(Error::invalid_argument(SAMPLES, reason))
        }
        None => Ok(()),
    }
}

/// The place of the first number that is not finite, and what it is.
fn first_not_finite(tensor: &Tensor) -> Option<(usize, &'static str)> {
    let what = |is_nan: bool| if is_nan { "NaN" } else { "infinite" };
    // The usual type without a copy.
    if let (DType::F32, Ok(values)) = (tensor.dtype(), tensor.as_slice::<f32>()) {
        let at = values.iter().position(|value| !value.is_finite())?;
        return Some((at, what(values[at].is_nan())));
    }
    let values = numbers(tensor)?;
    let at = values.iter().position(|value| !value.is_finite())?;
    let parts = if matches!(tensor.dtype(), DType::Complex64 | DType::Complex128) { 2 } else { 1 };
    Some((at / parts, what(values[at].is_nan())))
}

/// The index along each axis of an element in row-major order.
fn index_of(mut at: usize, dims: &[usize]) -> Vec<usize> {
    let mut index = vec![0; dims.len()];
    for (place, &size) in index.iter_mut().zip(dims).rev() {
        *place = at % size.max(1);
        at /= size.max(1);
    }
    index
}

/// The archives of a folder, by name.
fn archives(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: io::Error| io_error(folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "npz") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn io_error(path: &Path, error: &io::Error) -> Error {
    let path = path.display().to_string();
    if error.kind() == io::ErrorKind::NotFound {
        return Error::not_found("samples", path, [""; 0]);
    }
    let (operation, reason) = ("read".to_owned(), error.to_string());
    ErrorKind::Io { operation, path, reason, os_code: error.raw_os_error() }.into()
}
