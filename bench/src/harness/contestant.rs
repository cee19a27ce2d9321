//! The candidates: which program each is and how it is called.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::places;
use crate::order::Precision;

/// A way to run a model, as a program.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// How tables call it.
    pub name: &'static str,
    /// The program.
    pub program: Program,
    /// Threads that compute; `None` means its default.
    pub threads: Option<u32>,
    /// Whether it keeps compiled models in a folder.
    pub cached: bool,
    /// With what numbers it computes.
    pub precision: Precision,
    /// Whether it must compute what the peer computes, to the bit.
    pub exact: bool,
}

/// Where a program is.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    /// Built beside this one.
    Beside(&'static str),
    /// A Python script, and the variable that names its interpreter.
    Python(&'static str, &'static str),
}

/// The peer: ONNX Runtime with its defaults.
pub const PLAIN_ORT: Contestant = Contestant {
    name: "plain ORT",
    program: Program::Beside("candidate-plain-ort"),
    threads: None,
    cached: false,
    precision: Precision::Original,
    exact: true,
};

/// Ortlet with its defaults.
pub const ORTLET: Contestant =
    Contestant { name: "Ortlet", program: Program::Beside("candidate-ortlet"), ..PLAIN_ORT };

/// OpenVINO with float32, as the peer computes.
pub const OPENVINO: Contestant = Contestant {
    name: "OpenVINO",
    program: Program::Python("src/candidates/run_openvino.py", "ORTLET_BENCH_PYTHON"),
    exact: false,
    ..PLAIN_ORT
};

impl Contestant {
    /// How to call it.
    ///
    /// # Errors
    /// It cannot be called, and why.
    pub fn command(&self) -> Result<Command> {
        match self.program {
            Program::Beside(name) => Ok(Command::new(places::beside(name)?)),
            Program::Python(script, variable) => {
                let python = env::var_os(variable).context("its Python environment was not made")?;
                let mut command = Command::new(python);
                command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(script));
                Ok(command)
            }
        }
    }
}
