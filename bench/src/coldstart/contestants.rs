//! The candidates: which program each is and how it is called.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// A way to run a model, as a program.
pub struct Contestant {
    /// How tables call it.
    pub name: &'static str,
    /// Whether it keeps compiled models in a folder.
    pub cached: bool,
    program: Program,
}

enum Program {
    /// Built beside this one.
    Beside(&'static str),
    /// A Python script, and the variable that names its interpreter.
    Python(&'static str, &'static str),
}

/// The peer that every ratio is against.
pub const PEER: &str = "plain ORT";
/// The candidate that the targets are about.
pub const SUBJECT: &str = "Ortlet cached";
/// Candidates that must compute what the peer computes, to the bit.
pub const EXACT: [&str; 2] = ["Ortlet cold", SUBJECT];

const OPENVINO: Program = Program::Python("src/candidates/run_openvino.py", "ORTLET_BENCH_PYTHON");

/// All of them, the peer first.
pub const ALL: [Contestant; 6] = [
    Contestant { name: PEER, cached: false, program: Program::Beside("candidate-plain-ort") },
    Contestant { name: "Ortlet cold", cached: false, program: Program::Beside("candidate-ortlet") },
    Contestant { name: SUBJECT, cached: true, program: Program::Beside("candidate-ortlet") },
    Contestant { name: "OpenVINO", cached: false, program: OPENVINO },
    Contestant { name: "OpenVINO cached", cached: true, program: OPENVINO },
    Contestant { name: "tract", cached: false, program: Program::Beside("candidate-tract") },
];

impl Contestant {
    /// How to call it, or why it cannot be.
    pub fn command(&self) -> Result<Command> {
        match self.program {
            Program::Beside(name) => {
                let own = env::current_exe().context("find this program")?;
                let path = own.with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX));
                present(&path).context("it was not built")?;
                Ok(Command::new(path))
            }
            Program::Python(script, variable) => {
                let python = env::var_os(variable).context("its Python environment was not made")?;
                let mut command = Command::new(python);
                command.arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(script));
                Ok(command)
            }
        }
    }
}

fn present(path: &Path) -> Result<()> {
    path.metadata().map(drop).with_context(|| format!("{} is missing", path.display()))
}
