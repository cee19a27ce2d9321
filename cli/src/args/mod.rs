//! The command line: commands, options and what they mean to the library.

mod precision;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ortlet::quantize::RangeMethod;
use ortlet::runtime::RuntimeOptions;
use ortlet::{Cache, Error, Provider, QuantizeMode, Result, SessionOptions, Threads};

pub use precision::PrecisionArgs;

const SPEC_HELP: &str = "\
Input values (SPEC):
  FILE.npy                  a NumPy array
  FILE.npz:MEMBER           an array of a NumPy archive; without :MEMBER the one named like the input
  FILE.npz                  without NAME=: every array goes to the input of its name
  raw:FILE                  plain bytes, of the type and shape that the model declares
  raw:float32[1,3,4]:FILE   plain bytes, of this type and shape
  1,2,3  [[1,2],[3,4]]      values; without brackets they take the declared shape
  \"text\"  [\"a\",\"b\"]       strings
  random:SEED               floats from 0 to 1, integers and bool 0 or 1; the same for the same seed

Types that NumPy lacks: bfloat16 is stored as V2 and 8-bit floats as V1 (as ml_dtypes does),
4-bit and 2-bit integers as int8 or uint8.";

/// Run ONNX models on this machine, look into them and measure them.
#[derive(Parser)]
#[command(name = "ortlet", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// Print JSON to standard output, and errors as JSON to standard error.
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// Show what is in a model, compiled or not: inputs, outputs, operators, parameters. Needs no ONNX Runtime.
    Inspect(InspectArgs),
    /// Compile a model for this device into one file that loads fast, or add this device to such a file.
    Compile(CompileArgs),
    /// Make a smaller or faster model, and say what became of each layer. Modes without samples need no ONNX Runtime.
    Quantize(QuantizeArgs),
    /// Run a model once and show or save its outputs.
    Run(RunArgs),
    /// Measure how long a model takes and what it needs.
    Bench(BenchArgs),
    /// Find out which threads, graph and provider run a model fastest on this machine, and keep that for later loads.
    Tune(TuneArgs),
    /// List or clear the compiled models and plans that `run`, `bench` and `tune` keep.
    Cache(CacheArgs),
    /// Say which ONNX Runtime was found, what the machine can do, and what to do about anything missing.
    Doctor(DoctorArgs),
}

#[derive(Args)]
pub struct InspectArgs {
    /// The model file.
    pub model: PathBuf,
    /// Check all the data of a compiled model, not only its structure.
    #[arg(long)]
    pub verify: bool,
}

#[derive(Args)]
pub struct CompileArgs {
    /// The model file, or a compiled model that gets a part for this device.
    pub model: PathBuf,
    /// The file to write. Without it, beside the model, with the extension `ortlet`.
    #[arg(short = 'o', long, value_name = "OUT.ortlet")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct QuantizeArgs {
    /// The model file.
    pub model: PathBuf,
    /// The file to write. Without it, beside the model, with an extension that says how it was made.
    #[arg(short = 'o', long, value_name = "OUT.onnx")]
    pub output: Option<PathBuf>,
    /// How to quantize: `int8-dynamic` (or `int8`), `int8-static` (needs --samples), `weights-8`, `weights-4` or
    /// `float16`.
    #[arg(long, value_name = "MODE", default_value = "int8-dynamic", value_parser = word::<QuantizeMode>,
          conflicts_with = "precision")]
    pub mode: QuantizeMode,
    #[command(flatten)]
    pub layers: LayerArgs,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    /// The choice of `--precision auto` takes this long at most.
    #[arg(long, value_name = "S", default_value_t = 300.0, value_parser = parse_seconds)]
    pub time: f64,
    /// Decides how samples are divided and in which order candidates run.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Write a report of the choice: one page that needs no network.
    #[arg(long, value_name = "FILE.html", requires = "precision")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// How a mode goes about it.
#[derive(Args)]
#[command(next_help_heading = "Mode options")]
pub struct LayerArgs {
    /// Leave this node as it is. May be repeated.
    #[arg(long, value_name = "NODE")]
    pub exclude: Vec<String>,
    /// Give this node another form. May be repeated.
    #[arg(long = "layer", value_name = "NODE=MODE", value_parser = parse_layer)]
    pub layer: Vec<(String, QuantizeMode)>,
    /// Smaller weights, for x86 processors without VNNI; by default, if this one is without.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    pub reduce_range: Option<bool>,
    /// Leave the tables of `Gather` as they are.
    #[arg(long)]
    pub no_embeddings: bool,
    /// Use operators of the ONNX standard only.
    #[arg(long)]
    pub standard_operators: bool,
    /// How ranges of activations are chosen: `mean_squared_error`, `min_max`, `entropy`, or the percentage of values to
    /// keep.
    #[arg(long, value_name = "METHOD", value_parser = parse_range_method)]
    pub range_method: Option<RangeMethod>,
    /// The most channels of a layer that stay floats beside 8-bit ones, where samples show that they are outliers.
    #[arg(long, value_name = "N")]
    pub outlier_channels: Option<usize>,
    /// Weights that share a scale in `weights-8` and `weights-4`: 16, 32, 64, 128 or 256.
    #[arg(long, value_name = "N")]
    pub block_size: Option<usize>,
}

#[derive(Args)]
pub struct CacheArgs {
    #[command(subcommand)]
    pub action: CacheAction,
    /// The cache folder. Without it, what ORTLET_CACHE names, else the platform's.
    #[arg(long, global = true, value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// What to do with the cache.
#[derive(Clone, Copy, Subcommand)]
pub enum CacheAction {
    /// Show the compiled models and plans, the least recently used first.
    List,
    /// Remove the compiled models and plans.
    Clear,
}

#[derive(Args)]
#[command(after_help = SPEC_HELP)]
pub struct RunArgs {
    /// The model file.
    pub model: PathBuf,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Compute only this output. May be repeated.
    #[arg(short = 'o', long = "only", value_name = "NAME")]
    pub only: Vec<String>,
    /// Save every output as NAME.npy in this folder.
    #[arg(long, value_name = "DIR")]
    pub output_dir: Option<PathBuf>,
    /// Save one output as this file. May be repeated.
    #[arg(long, value_name = "NAME=FILE.npy", value_parser = parse_pair::<PathBuf>)]
    pub output: Vec<(String, PathBuf)>,
    /// Give the run up after this time.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub deadline: Option<f64>,
    /// How much of the outputs to print.
    #[arg(long, value_enum, default_value_t = Print::Summary)]
    pub print: Print,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub engine: LoadArgs,
}

/// How much of the outputs to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Print {
    /// Type, range and first values.
    Summary,
    /// Every value.
    Full,
    /// Nothing.
    None,
}

#[derive(Args)]
#[command(after_help = SPEC_HELP)]
pub struct BenchArgs {
    /// The model file.
    pub model: PathBuf,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Measure this many runs.
    #[arg(long, value_name = "N", conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Measure for this long.
    #[arg(long, value_name = "S", default_value_t = 5.0, value_parser = parse_seconds)]
    pub seconds: f64,
    /// Runs before measuring. Without it, until latencies are stable, for three seconds at most.
    #[arg(long, value_name = "N")]
    pub warmup: Option<u64>,
    /// Also say where the time goes, by operator and by node.
    ///
    /// Profiling slows runs down, by some microseconds for each node, so it is done after the measurement, in a session
    /// and in runs of its own: as many as were measured, but 100 at most. Compare its times with each other, not with
    /// the latency.
    #[arg(long)]
    pub ops: bool,
    /// Write a report with latency histogram and timeline: one page that needs no network.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Write the session's metrics as OpenMetrics text, warm-up included.
    #[arg(long, value_name = "FILE")]
    pub metrics: Option<PathBuf>,
    #[command(flatten)]
    pub precision: PrecisionArgs,
    #[command(flatten)]
    pub engine: LoadArgs,
}

#[derive(Args)]
#[command(after_help = SPEC_HELP)]
pub struct TuneArgs {
    /// The model file, or a compiled model, which then carries the plan.
    pub model: PathBuf,
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Folder of .npz files, each a batch of inputs. Real ones tell more than the random ones that are used otherwise.
    #[arg(long, value_name = "DIR", conflicts_with = "input")]
    pub samples: Option<PathBuf>,
    /// Callers that run the model at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub concurrency: u32,
    /// The race takes this long at most.
    #[arg(long, value_name = "S", default_value_t = 20.0, value_parser = parse_seconds)]
    pub time: f64,
    /// By how much outputs may differ from the default's, as a share of their largest magnitude.
    #[arg(long, value_name = "SHARE", default_value_t = 1e-3)]
    pub tolerance: f64,
    /// Also try fixing the open dimensions to the sizes of the inputs. Loads that follow such a plan refuse other sizes.
    #[arg(long)]
    pub fix_dims: bool,
    /// Write a report with a plot of the race: one page that needs no network.
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    #[command(flatten)]
    pub engine: LoadArgs,
}

#[derive(Args)]
pub struct DoctorArgs {
    /// The ONNX Runtime library, or a folder that holds it.
    #[arg(long, value_name = "PATH")]
    pub runtime: Option<PathBuf>,
}

/// Where the values of inputs come from.
#[derive(Args, Clone, Default)]
pub struct InputArgs {
    /// Value of an input; NAME may be left out if the model has one input. May be repeated.
    #[arg(short = 'i', long = "input", value_name = "NAME=SPEC")]
    pub input: Vec<String>,
    /// Fill the inputs that are not given with random values.
    #[arg(long, value_name = "SEED")]
    pub random: Option<u64>,
    /// Shape of an input that is random or raw; NAME may be left out if the model has one input. May be repeated.
    #[arg(long, value_name = "NAME=1,3,224,224")]
    pub shape: Vec<String>,
}

/// How the model is run.
#[derive(Args)]
#[command(next_help_heading = "Engine options")]
pub struct EngineArgs {
    /// The ONNX Runtime library, or a folder that holds it.
    #[arg(long, value_name = "PATH")]
    pub runtime: Option<PathBuf>,
    /// Threads that one run may use: a number, or `auto`.
    #[arg(long, value_name = "N|auto", value_parser = parse_threads)]
    pub threads: Option<Threads>,
    /// What matters most about runs, where `--threads` is `auto`.
    #[arg(long, value_name = "PROFILE", value_parser = ["latency", "battery", "throughput"])]
    pub profile: Option<String>,
    /// Execution provider to try, in order. May be repeated.
    #[arg(long, value_name = "NAME[:KEY=VALUE,…]", value_parser = parse_provider)]
    pub provider: Vec<Provider>,
    /// Size of a dimension that the model leaves open by this name. May be repeated.
    #[arg(long, value_name = "NAME=N", value_parser = parse_pair::<usize>)]
    pub dim: Vec<(String, usize)>,
    /// How far ONNX Runtime may rewrite the graph.
    #[arg(long, value_name = "LEVEL", value_parser = ["none", "basic", "extended", "layout", "all"])]
    pub level: Option<String>,
    /// Configuration entry of an ONNX Runtime session. May be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair::<String>)]
    pub config: Vec<(String, String)>,
}

impl EngineArgs {
    /// The library's options. What is not given keeps the library's default.
    ///
    /// # Errors
    /// `internal` if the library does not know a word that the command line offers.
    pub fn session_options(&self) -> Result<SessionOptions> {
        let mut options =
            SessionOptions { runtime: runtime_options(self.runtime.as_ref()), ..Default::default() };
        if let Some(threads) = self.threads {
            options.threads = threads;
        }
        if !self.provider.is_empty() {
            options.providers = self.provider.clone();
        }
        if let Some(profile) = &self.profile {
            options.profile = word(profile)?;
        }
        if let Some(level) = &self.level {
            options.optimization_level = word(level)?;
        }
        options.dims.extend(self.dim.iter().cloned());
        options.config.extend(self.config.iter().cloned());
        Ok(options)
    }
}

/// A value of the library's by its word.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_value(text.into()).map_err(|error| Error::internal(error.to_string()))
}

/// How the model is run, and where what was made of it is kept.
#[derive(Args)]
pub struct LoadArgs {
    #[command(flatten)]
    engine: EngineArgs,
    #[command(flatten)]
    kept: KeptArgs,
}

impl LoadArgs {
    /// The library's options.
    ///
    /// # Errors
    /// As [`EngineArgs::session_options`].
    pub fn session_options(&self) -> Result<SessionOptions> {
        let KeptArgs { cache, no_cache, no_plan, verify } = &self.kept;
        let cache = if *no_cache { Cache::Off } else { cache_at(cache.as_deref()) };
        Ok(SessionOptions { cache, use_plan: !no_plan, verify: *verify, ..self.engine.session_options()? })
    }
}

/// Where compiled models are kept.
#[derive(Args)]
#[command(next_help_heading = "Cache options")]
struct KeptArgs {
    /// Folder to keep compiled models in. Without it, what ORTLET_CACHE names, else the platform's.
    #[arg(long, value_name = "DIR", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,
    /// Neither use nor keep compiled models.
    #[arg(long)]
    no_cache: bool,
    /// Do not follow a plan that `tune` has kept.
    #[arg(long)]
    no_plan: bool,
    /// Check all the data of a compiled model, not only its structure.
    #[arg(long)]
    verify: bool,
}

/// The cache in this folder; without one in that of the environment, else in the platform's.
pub fn cache_at(folder: Option<&Path>) -> Cache {
    match folder {
        Some(folder) => Cache::Folder(folder.to_owned()),
        None if Cache::Default.folder().is_some() => Cache::Default,
        None => Cache::Platform,
    }
}

/// Where to look for the runtime.
pub fn runtime_options(path: Option<&PathBuf>) -> RuntimeOptions {
    RuntimeOptions { path: path.cloned(), ..Default::default() }
}

fn parse_pair<T: std::str::FromStr>(text: &str) -> Result<(String, T), String>
where
    T::Err: std::fmt::Display,
{
    // Names of dimensions may hold anything, values of the kinds used here no `=`.
    let (name, value) = text.split_once('=').ok_or("should be NAME=VALUE")?;
    let value = value.parse().map_err(|error| format!("`{value}`: {error}"))?;
    Ok((name.to_string(), value))
}

fn parse_layer(text: &str) -> Result<(String, QuantizeMode), String> {
    // Names of nodes may hold anything.
    let (node, mode) = text.rsplit_once('=').ok_or("should be NODE=MODE")?;
    Ok((node.to_string(), word(mode).map_err(|error| error.to_string())?))
}

fn parse_range_method(text: &str) -> Result<RangeMethod, String> {
    let method = match text.parse::<f64>() {
        Ok(percent) => serde_json::json!({ "method": "percentile", "percent": percent }),
        Err(_) => serde_json::json!({ "method": text }),
    };
    serde_json::from_value(method).map_err(|error| error.to_string())
}

fn parse_threads(text: &str) -> Result<Threads, String> {
    if text == "auto" {
        return Ok(Threads::Auto);
    }
    text.parse().map(Threads::Count).map_err(|_| "should be a number or `auto`".into())
}

fn parse_provider(text: &str) -> Result<Provider, String> {
    let (name, options) = text.split_once(':').unwrap_or((text, ""));
    let options = options.split(',').filter(|option| !option.is_empty()).map(parse_pair);
    let options = options.collect::<Result<BTreeMap<String, String>, String>>()?;
    Ok(Provider { name: name.to_string(), options })
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "should be a number of seconds")?;
    // A day is more than anybody waits, and bounds what is added to clocks.
    if seconds > 0.0 && seconds <= 86_400.0 {
        Ok(seconds)
    } else {
        Err("should be above 0 and at most 86400".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_are_parsed_and_wrong_ones_refused() {
        let provider = parse_provider("cuda:device_id=1,arena=a=b").unwrap();
        assert_eq!((provider.name.as_str(), provider.options["arena"].as_str()), ("cuda", "a=b"));
        assert!(parse_provider("cpu").unwrap().options.is_empty());
        assert!(parse_provider("cpu:x").is_err());
        assert!(parse_pair::<usize>("n=x").is_err() && parse_pair::<usize>("n").is_err());
        assert!(parse_threads("-1").is_err());
        for wrong in ["0", "-1", "nan", "inf", "1e9", "x"] {
            assert!(parse_seconds(wrong).is_err(), "{wrong}");
        }
    }
}
