//! `cargo xtask kernels`: the tests of the kernels as no test run on this machine takes them: under Miri, with the
//! address sanitizer, and on Arm processors that are emulated.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::packaging::ARM;
use crate::say;
use crate::tools::{self, DebianFile};
use crate::{repo, test};

const TESTS: [&str; 5] = ["test", "-p", "ortlet-kernels", "--locked", "--quiet"];
/// Those that Miri gets through in a few minutes: tiles and layout by themselves, then everything around them.
const INTERPRETED: [&str; 5] = ["--lib", "--test", "embeddings", "--test", "independence"];

/// Processors that the emulator knows, and the best instruction set of ours that they have: the tests run all up to it.
const PROCESSORS: [(&str, &str); 2] = [("neoverse-n1", "neon-dotprod"), ("max", "neon-i8mm")];

/// A test whose processes would not be emulated.
const STARTS_PROCESSES: &str = "the_variable_forces_what_there_is";

const EMULATION: [DebianFile; 3] = [
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("qemu-aarch64", "qemu-user"),
    ("/usr/aarch64-linux-gnu/lib/libc.so.6", "libc6-arm64-cross"),
];

pub fn run() -> Result<ExitCode> {
    let mut commands = Vec::new();
    let nightly = [("Miri", miri()), ("the address sanitizer", address_sanitizer())];
    for (name, command) in nightly {
        commands.extend(say::skip_if_missing(name, command)?);
    }
    commands.extend(say::skip_if_missing("Arm", arm())?.unwrap_or_default());
    for command in &mut commands {
        let status = command.status().with_context(|| format!("run {command:?}"))?;
        if !status.success() {
            say::note(format_args!("failed: {command:?}"));
            return Ok(test::exit_code(status.code()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Undefined behaviour in the code that is not for a certain processor, and in all that is around it.
///
/// # Errors
/// If Miri is not there and cannot be added to the nightly toolchain.
pub fn miri() -> Result<Command> {
    tools::miri()?;
    let mut command = tools::nightly_cargo();
    command.arg("miri").args(TESTS).args(INTERPRETED);
    Ok(command)
}

/// Reads and writes beside memory, in the code for every instruction set of this processor.
///
/// # Errors
/// If there is no nightly toolchain, which alone can have code sanitized.
pub fn address_sanitizer() -> Result<Command> {
    tools::nightly()?;
    let mut command = tools::nightly_cargo();
    // With a target that is named, programs that only help to build are not sanitized.
    let target = format!("{}-unknown-linux-gnu", env::consts::ARCH);
    command.args(TESTS).args(["--tests", "--target", &target]).env("RUSTFLAGS", "-Zsanitizer=address");
    Ok(command)
}

/// The code for Arm, on each of the emulated processors. Where this machine is an Arm, any test run takes it.
///
/// # Errors
/// If the emulator or a compiler is missing and cannot be installed.
pub fn arm() -> Result<Vec<Command>> {
    if ARM.starts_with(env::consts::ARCH) {
        return Ok(Vec::new());
    }
    tools::rust_target(ARM)?;
    tools::debian(&EMULATION)?;
    Ok(PROCESSORS.map(|(processor, isa)| emulated(processor, isa)).into())
}

fn emulated(processor: &str, isa: &str) -> Command {
    let mut command = repo::cargo();
    let runner = format!("qemu-aarch64 -cpu {processor} -L /usr/aarch64-linux-gnu");
    command
        .args(TESTS)
        .args(["--tests", "--target", ARM, "--", "--skip", STARTS_PROCESSES])
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", EMULATION[0].0)
        .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", runner)
        // An error if it is not detected, so that nothing is left out in silence.
        .env("ORTLET_KERNELS", isa);
    command
}
