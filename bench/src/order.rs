//! What a candidate is told, as one JSON argument, and what it answers, as one JSON line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::load::Runs;

/// One job for a candidate: create a session of each model, run it, say what that took.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// The ONNX Runtime library, for those who use it.
    pub runtime: PathBuf,
    /// The models, one or more.
    pub models: Vec<Model>,
    /// Threads that compute; `None` means the candidate's default.
    pub threads: Option<u32>,
    /// The folder of the candidate's cache, if it is to use one.
    pub cache: Option<PathBuf>,
    /// With what numbers it computes.
    pub precision: Precision,
    /// A folder of real inputs, an `.npz` file each, for those who need some to choose numbers.
    pub samples: Option<PathBuf>,
    /// Where to put the first outputs: their elements as float32, one output after the other.
    pub outputs: Option<PathBuf>,
    /// Whether to stay alive after the answer, until standard input ends. Every line of it is a [`Load`] to run,
    /// answered by [`Runs`].
    ///
    /// [`Load`]: crate::load::Load
    pub hold: bool,
}

/// With what numbers a candidate computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// The model's own.
    #[default]
    Original,
    /// Whatever the candidate takes unless it is told otherwise.
    Default,
    /// Ortlet's own kernels with float32.
    KernelsFp32,
    /// Ortlet's own kernels with bfloat16.
    KernelsBf16,
    /// Ortlet's own kernels with 8-bit integers.
    KernelsInt8,
}

/// A model to create a session of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its file.
    pub file: PathBuf,
    /// What it is fed with.
    pub inputs: Vec<Input>,
}

/// An input: element `i` is `(start + (37 * i + 11) % modulus) / divisor`. That is exact in every element type and
/// language as long as the divisor is a power of two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name in the model.
    pub name: String,
    /// The type of its elements.
    pub dtype: Elements,
    /// Its shape.
    pub dims: Vec<usize>,
    /// Added to every element.
    pub start: i64,
    /// After how many steps the pattern repeats; 1 makes all elements alike.
    pub modulus: i64,
    /// Divides every element.
    pub divisor: i64,
}

/// Element types of inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Elements {
    /// 32-bit floating point.
    Float32,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
}

/// The elements of an input.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// 32-bit floating point.
    Float32(Vec<f32>),
    /// 32-bit integer.
    Int32(Vec<i32>),
    /// 64-bit integer.
    Int64(Vec<i64>),
}

impl Input {
    /// The elements.
    pub fn data(&self) -> Data {
        let len: i64 = self.dims.iter().product::<usize>() as i64;
        let steps = (0..len).map(|at| self.start + (37 * at + 11) % self.modulus);
        match self.dtype {
            Elements::Float32 => Data::Float32(steps.map(|step| step as f32 / self.divisor as f32).collect()),
            Elements::Int32 => Data::Int32(steps.map(|step| (step / self.divisor) as i32).collect()),
            Elements::Int64 => Data::Int64(steps.map(|step| step / self.divisor).collect()),
        }
    }
}

/// What a candidate answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It worked.
    Sample(Sample),
    /// What was measured of the load that was asked for.
    Runs(Runs),
    /// It did not: the reason.
    Error(String),
}

/// What one process measured about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Creating the sessions; the library is loaded before.
    pub create_ns: u64,
    /// From the start of the creation to the first output of every model.
    pub first_output_ns: u64,
    /// How much anonymous memory the candidate's language has before anything is loaded: an interpreter's own, which
    /// is not the engine's. A native program has none to speak of.
    pub language_kib: u64,
    /// Anonymous memory after the first output.
    pub anonymous_kib: Option<u64>,
    /// How much of it creating the sessions has added.
    pub load_kib: Option<u64>,
    /// Whether the first session came out of the candidate's cache, if it can tell.
    pub cache_hit: Option<bool>,
    /// What else the candidate can tell about the first session, in its own words.
    pub report: Option<serde_json::Value>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(dtype: Elements, start: i64, modulus: i64, divisor: i64) -> Data {
        Input { name: "x".into(), dtype, dims: vec![1, 3], start, modulus, divisor }.data()
    }

    #[test]
    fn inputs_follow_their_pattern() {
        assert_eq!(input(Elements::Float32, -20, 40, 8), Data::Float32(vec![-9.0 / 8.0, -1.5, -15.0 / 8.0]));
        assert_eq!(input(Elements::Int64, 16000, 1, 1), Data::Int64(vec![16000; 3]));
        assert_eq!(input(Elements::Int32, 0, 40, 1), Data::Int32(vec![11, 8, 5]));
    }
}
