//! The values of a model's inputs, from what the command line says about them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ortlet::error::ResultExt;
use ortlet::tensor::{DType, Dim, Shape, SymbolicShape, Tensor, ValueInfo, ValueType};
use ortlet::{Error, Result};

use crate::args::InputArgs;
use crate::files::io_error;
use crate::literal::Literal;
use crate::npy::{Archive, read_npy};
use crate::output::note;
use crate::process::check_memory;
use crate::random::random_tensor;

const ARGUMENT: &str = "input";

/// What is known of the inputs: their declarations, and what the command line says about sizes.
pub struct Declared<'a> {
    required: &'a [ValueInfo],
    /// Initializers that may be given too.
    optional: &'a [ValueInfo],
    dims: &'a BTreeMap<String, usize>,
    shapes: BTreeMap<String, Shape>,
}

/// Makes a tensor for every input.
///
/// # Errors
/// `invalid_argument`, `not_found`, `tensor_mismatch`, `io` and the like: what is wrong with which input.
pub fn gather(
    args: &InputArgs,
    required: &[ValueInfo],
    optional: &[ValueInfo],
    dims: &BTreeMap<String, usize>,
) -> Result<Vec<(String, Tensor)>> {
    let mut declared = Declared { required, optional, dims, shapes: BTreeMap::new() };
    for text in &args.shape {
        let (info, shape) = declared.split_name(text)?;
        let (name, shape) = (info.name.clone(), parse_shape(shape)?);
        declared.shapes.insert(name, shape);
    }
    let mut found = Vec::new();
    for text in &args.input {
        match whole_archive(text) {
            Some(path) => found.extend(declared.archive(Path::new(path))?),
            None => {
                let (info, spec) = declared.split_name(text)?;
                let tensor = declared.value(info, spec).with_context(|| format!("input `{}`", info.name))?;
                found.push((info.name.clone(), tensor));
            }
        }
    }
    if let Some((name, _)) =
        (1..found.len()).find_map(|at| found[..at].iter().find(|one| one.0 == found[at].0))
    {
        return Err(Error::invalid_argument(ARGUMENT, format!("`{name}` is given twice")));
    }
    declared.complete(&mut found, args.random)?;
    Ok(found)
}

/// The path of an archive that is given for all inputs at once.
fn whole_archive(text: &str) -> Option<&str> {
    let path = text.strip_suffix(".npz").map(|_| text)?;
    (!path.contains('=') || Path::new(path).is_file()).then_some(path)
}

impl<'a> Declared<'a> {
    fn all(&self) -> impl Iterator<Item = &'a ValueInfo> + use<'a> {
        self.required.iter().chain(self.optional)
    }

    fn find(&self, name: &str) -> Result<&'a ValueInfo> {
        let names = || self.all().map(|info| info.name.clone());
        self.all().find(|info| info.name == name).ok_or_else(|| Error::not_found("input", name, names()))
    }

    /// Splits `NAME=REST`. Names may hold `=` themselves, so the model's own names are tried first.
    fn split_name<'t>(&self, text: &'t str) -> Result<(&'a ValueInfo, &'t str)> {
        let rest = |info: &&'a ValueInfo| Some((*info, text.strip_prefix(&info.name)?.strip_prefix('=')?));
        let longest = self.all().filter_map(|info| rest(&info)).max_by_key(|(info, _)| info.name.len());
        if let Some(split) = longest {
            return Ok(split);
        }
        // A value never has `=` before a bracket, quote, comma or colon; a name in front of it does.
        let head = text.split(['[', '"', ',', ':']).next().unwrap_or_default();
        if let Some((name, _)) = head.split_once('=') {
            return self.find(name).map(|info| (info, text));
        }
        match self.required {
            [only] => Ok((only, text)),
            _ => {
                let reason =
                    format!("`{text}` needs a name, because the model has several: {}", list(self.required));
                Err(Error::invalid_argument(ARGUMENT, reason))
            }
        }
    }

    fn value(&self, info: &ValueInfo, spec: &str) -> Result<Tensor> {
        let (dtype, shape) = tensor_type(info)?;
        if let Some(seed) = spec.strip_prefix("random:") {
            let seed = seed.parse().map_err(|_| {
                Error::invalid_argument(
                    ARGUMENT,
                    format!("`{seed}` is no seed: a whole number from 0 to 2^64 - 1"),
                )
            })?;
            return self.random(info, seed);
        }
        if let Some(rest) = spec.strip_prefix("raw:") {
            return self.raw(info, rest, dtype, shape);
        }
        if let Some((path, member)) = split_archive(spec) {
            return Archive::open(Path::new(path))?.read(member.unwrap_or(&info.name), Some(dtype));
        }
        if spec.ends_with(".npy") {
            return read_npy(Path::new(spec), Some(dtype));
        }
        let what = || format!("read `{}` as values", abbreviate(spec));
        let literal =
            Literal::parse(spec, dtype).map_err(|error| hint_at_file(error, spec)).with_context(what)?;
        let target = match literal.shape() {
            Some(shape) => shape.clone(),
            None => self.shape_of(info, shape, Some(literal.len()))?.0,
        };
        literal.tensor(target).with_context(what)
    }

    fn raw(&self, info: &ValueInfo, spec: &str, dtype: DType, shape: &SymbolicShape) -> Result<Tensor> {
        let (dtype, given, path) = match split_type(spec) {
            Some((dtype, given, path)) => (dtype, Some(given), path),
            None => (dtype, None, spec),
        };
        if dtype == DType::String {
            return Err(Error::unsupported(
                "raw strings",
                "text has no plain bytes; give it as values or .npy",
            ));
        }
        let path = Path::new(path);
        let file = File::open(path).map_err(|error| io_error("read", path, &error))?;
        let len = file.metadata().map_or(0, |meta| meta.len());
        let element_count = len * 8 / u64::from(dtype.bits());
        let shape = match given {
            Some(shape) => shape,
            None => self.shape_of(info, shape, usize::try_from(element_count).ok())?.0,
        };
        let needed = dtype.size_bytes(shape.element_count()?)?;
        check_memory(needed as u128 * 2)?;
        let mut bytes = Vec::new();
        // One byte more than needed is enough to tell that the file is too long.
        let read = file.take(needed as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| io_error("read", path, &error))?;
        Tensor::from_bytes(dtype, shape, &bytes)
            .with_context(|| format!("read `{}` ({len} bytes)", path.display()))
    }

    fn random(&self, info: &ValueInfo, seed: u64) -> Result<Tensor> {
        let (dtype, declared) = tensor_type(info)?;
        let (shape, assumed) = self.shape_of(info, declared, None)?;
        if assumed {
            note(&format!(
                "input `{}` is declared {dtype}{declared}; random values for {shape} (--dim or --shape change that)",
                info.name
            ));
        }
        random_tensor(dtype, shape, &info.name, seed)
    }

    /// The shape for an input whose values have none of their own, and whether sizes had to be assumed.
    ///
    /// Open dimensions are what `--shape` or `--dim` say; of the others, the last takes what `count` leaves over, if
    /// that is known, and the rest are 1.
    fn shape_of(
        &self,
        info: &ValueInfo,
        declared: &SymbolicShape,
        count: Option<usize>,
    ) -> Result<(Shape, bool)> {
        if let Some(shape) = self.shapes.get(&info.name) {
            return Ok((shape.clone(), false));
        }
        let Some(dims) = declared.dims() else {
            let shape = count.map(|count| (Shape::from([count]), false));
            let reason = format!("the model leaves even the rank of `{}` open: give --shape", info.name);
            return shape.ok_or_else(|| Error::invalid_argument("shape", reason));
        };
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Symbol(name) => self.dims.get(name).copied(),
            Dim::Unknown => None,
        };
        let mut sizes: Vec<Option<usize>> = dims.iter().map(size).collect();
        let known = sizes.iter().flatten().try_fold(1_usize, |product, size| product.checked_mul(*size));
        let open = sizes.iter().rposition(Option::is_none);
        if let (Some(open), Some(known @ 1..), Some(count)) = (open, known, count) {
            if count % known != 0 {
                let (expected, actual) = (&info.value_type, format!("{count} elements"));
                return Err(Error::tensor_mismatch(&info.name, expected, actual));
            }
            sizes[open] = Some(count / known);
        }
        let assumed = sizes.contains(&None);
        Ok((sizes.into_iter().map(|size| size.unwrap_or(1)).collect(), assumed))
    }

    fn archive(&self, path: &Path) -> Result<Vec<(String, Tensor)>> {
        let mut archive = Archive::open(path)?;
        let mut found = Vec::new();
        for name in archive.names()? {
            let info = self.find(&name).with_context(|| format!("read `{}`", path.display()))?;
            found.push((name.clone(), archive.read(&name, Some(tensor_type(info)?.0))?));
        }
        Ok(found)
    }

    fn complete(&self, found: &mut Vec<(String, Tensor)>, random: Option<u64>) -> Result<()> {
        let is_missing = |info: &&ValueInfo| !found.iter().any(|(name, _)| *name == info.name);
        let missing: Vec<ValueInfo> = self.required.iter().filter(is_missing).cloned().collect();
        let Some(seed) = random else {
            if missing.is_empty() {
                return Ok(());
            }
            let reason = format!(
                "no value for {}; give each with -i NAME=SPEC, or fill them with --random SEED",
                list(&missing)
            );
            return Err(Error::invalid_argument(ARGUMENT, reason));
        };
        for info in missing {
            let tensor = self.random(&info, seed).with_context(|| format!("input `{}`", info.name))?;
            found.push((info.name, tensor));
        }
        Ok(())
    }
}

/// The type and shape of an input that takes a tensor.
fn tensor_type(info: &ValueInfo) -> Result<(DType, &SymbolicShape)> {
    fn inner(value_type: &ValueType) -> Option<(DType, &SymbolicShape)> {
        match value_type {
            ValueType::Tensor { dtype, shape } => Some((*dtype, shape)),
            ValueType::Optional { element } => inner(element),
            _ => None,
        }
    }
    inner(&info.value_type).ok_or_else(|| {
        let what = format!("input `{}` of type {}", info.name, info.value_type);
        Error::unsupported(what, "on the command line inputs are tensors; the library takes every value")
    })
}

/// Somebody who names a file does not mean its name as a value.
fn hint_at_file(error: Error, spec: &str) -> Error {
    if !Path::new(spec).is_file() {
        return error;
    }
    Error::invalid_argument(
        ARGUMENT,
        format!("`{spec}` is a file, but neither .npy nor .npz; plain bytes are raw:{spec}"),
    )
}

/// `FILE.npz` or `FILE.npz:MEMBER`.
fn split_archive(spec: &str) -> Option<(&str, Option<&str>)> {
    if spec.ends_with(".npz") {
        return Some((spec, None));
    }
    let at = spec.find(".npz:")? + ".npz".len();
    Some((&spec[..at], Some(&spec[at + 1..])))
}

/// `float32[1,3,4]:FILE`; `None` if there is no type in front.
fn split_type(spec: &str) -> Option<(DType, Shape, &str)> {
    let (head, path) = spec.split_once("]:")?;
    let (name, dims) = head.split_once('[')?;
    Some((DType::from_name(name)?, parse_shape(dims).ok()?, path))
}

fn parse_shape(text: &str) -> Result<Shape> {
    let text = text.trim().trim_start_matches('[').trim_end_matches(']');
    if text.is_empty() {
        return Ok(Shape::from([]));
    }
    let dims = text.split(',').map(|dim| dim.trim().parse());
    let dims = dims.collect::<std::result::Result<Vec<usize>, _>>();
    dims.map(Shape::from).map_err(|_| {
        Error::invalid_argument("shape", format!("`{text}` is no shape; it should look like 1,3,224,224"))
    })
}

fn list(infos: &[ValueInfo]) -> String {
    infos.iter().map(|info| format!("`{}`: {}", info.name, info.value_type)).collect::<Vec<_>>().join(", ")
}

fn abbreviate(text: &str) -> String {
    const MOST: usize = 40;
    let short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ortlet::ErrorCode;

    fn info(name: &str, dtype: DType, dims: Vec<Dim>) -> ValueInfo {
        let shape = SymbolicShape::new(dims);
        ValueInfo { name: name.into(), value_type: ValueType::Tensor { dtype, shape } }
    }

    fn gather_for(infos: &[ValueInfo], args: &InputArgs) -> Result<Vec<(String, Tensor)>> {
        gather(args, infos, &[], &BTreeMap::from([("n".to_string(), 5)]))
    }

    fn args(inputs: &[&str]) -> InputArgs {
        InputArgs { input: inputs.iter().map(ToString::to_string).collect(), ..Default::default() }
    }

    fn two() -> Vec<ValueInfo> {
        vec![
            info("x", DType::F32, vec![Dim::Symbol("n".into()), Dim::Unknown]),
            info("x=y", DType::I64, vec![]),
        ]
    }

    #[test]
    fn names_are_the_models_own() {
        let found = gather_for(&two(), &args(&["x=y=7", "x=[[1,2]]"])).unwrap();
        assert_eq!((found[0].0.as_str(), found[0].1.to_string().as_str()), ("x=y", "int64[]"));
        assert_eq!((found[1].0.as_str(), found[1].1.to_string().as_str()), ("x", "float32[1, 2]"));
        let one = [info("x", DType::F32, vec![Dim::Fixed(1), Dim::Unknown])];
        assert_eq!(gather_for(&one, &args(&["1,2,3"])).unwrap()[0].1.to_string(), "float32[1, 3]");
        assert_eq!(gather_for(&one, &args(&["y=1,2"])).unwrap_err().code(), ErrorCode::NotFound);
        assert!(gather_for(&two(), &args(&["x=1,2"])).unwrap_err().to_string().contains("2 elements"));
        assert_eq!(gather_for(&two(), &args(&["1"])).unwrap_err().code(), ErrorCode::InvalidArgument);
        assert!(
            gather_for(&two(), &args(&["x=[[1]]", "x=[[3]]"])).unwrap_err().to_string().contains("twice")
        );
    }

    #[test]
    fn missing_inputs_are_listed_or_filled() {
        let error = gather_for(&two(), &args(&["x=y=1"])).unwrap_err().to_string();
        assert!(error.contains("`x`: float32[n, ?]"), "{error}");
        let filled = gather_for(&two(), &InputArgs { random: Some(1), ..args(&["x=y=1"]) }).unwrap();
        assert_eq!(filled[1].1.to_string(), "float32[5, 1]");
        let shaped = InputArgs { random: Some(1), shape: vec!["x=2,3".into()], ..args(&["x=y=1"]) };
        assert_eq!(gather_for(&two(), &shaped).unwrap()[1].1.to_string(), "float32[2, 3]");
    }

    #[test]
    fn wrong_values_say_which_input() {
        for (spec, code) in [
            ("x=y=1,2", ErrorCode::TensorMismatch),
            ("x=y=1.5", ErrorCode::InvalidArgument),
            ("x=y=random:-1", ErrorCode::InvalidArgument),
            ("x=y=nowhere.npy", ErrorCode::NotFound),
            ("x=y=nowhere.npz", ErrorCode::NotFound),
            ("x=y=raw:nowhere", ErrorCode::NotFound),
            ("x=y=raw:/dev/zero", ErrorCode::TensorMismatch),
        ] {
            let error = gather_for(&two(), &args(&[spec])).unwrap_err();
            assert_eq!(error.code(), code, "{error}");
            assert!(error.to_string().starts_with("input `x=y`"), "{error}");
        }
    }

    #[test]
    fn raw_types_are_told_from_paths() {
        let (dtype, shape, path) = split_type("float32[1, 3]:a:b]:c").unwrap();
        assert_eq!((dtype, shape.dims(), path), (DType::F32, &[1, 3][..], "a:b]:c"));
        assert!(split_type("folder[1]:x").is_none() && split_type("plain").is_none());
    }
}
