//! Runs the program for Arm under an emulator, and compares what it computes with what this machine does.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{alone, example, output};
use crate::tools::DebianFile;
use crate::{dist, pins, tools};

pub const TRIPLE: &str = "aarch64-unknown-linux-gnu";

/// How far results may be off on another processor.
const TOLERANCE: f64 = 1e-4;

/// Where Debian puts the libraries of Arm programs.
const LIBRARIES: &str = "/usr/aarch64-linux-gnu/lib";

const TOOLS: [DebianFile; 4] = [
    (example::ARM_COMPILER, "g++-aarch64-linux-gnu"),
    ("qemu-aarch64", "qemu-user"),
    ("/usr/aarch64-linux-gnu/lib/libc.so.6", "libc6-arm64-cross"),
    ("/usr/aarch64-linux-gnu/lib/libstdc++.so.6", "libstdc++6-arm64-cross"),
];

/// ONNX Runtime reads this file, and must not see the processor that emulates.
const CPU_INFO: &str = "\
processor\t: 0
BogoMIPS\t: 50.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1

";

/// `package` and `native` are unpacked archives, for Arm and for this machine.
pub fn check(package: &Path, native: &Path, model: &Path, folder: &Path) -> Result<()> {
    for file in ["bin/ortlet", "lib/libortlet.so", &format!("lib/{}", pins::RUNTIME_LIBRARY)] {
        is_for_arm(&package.join(file))?;
    }
    tools::debian(&TOOLS)?;
    machine(folder)?;
    let program = package.join("bin/ortlet");
    let version = output(emulated(&program, folder).arg("--version"))?;
    ensure!(version.trim() == format!("ortlet {}", dist::version()), "ortlet --version printed {version}");
    let emulated = outputs(&mut emulated(&program, folder), model)?;
    let expected = outputs(&mut alone(native.join("bin/ortlet")), model)?;
    ensure!(emulated.len() == expected.len() && !expected.is_empty(), "Arm gives another number of values");
    let off = emulated.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    ensure!(off <= TOLERANCE, "results on Arm are off by {off}");
    hears_the_same(package, native, model, folder)
}

/// The example in C++ finds the same speech.
fn hears_the_same(package: &Path, native: &Path, model: &Path, folder: &Path) -> Result<()> {
    let sound = example::speech(folder)?;
    let own = example::native(native, folder)?;
    let expected = example::segments(&mut alone(own), model, &sound)?;
    let program = example::for_arm(package, folder)?;
    let heard = example::segments(&mut emulated(&program, folder), model, &sound)?;
    ensure!(heard == expected, "on Arm the example hears {heard:?}, not {expected:?}");
    Ok(())
}

/// Whether the file's header says so: little endian, 64 bits, machine 183.
pub fn is_for_arm(file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let is = bytes.starts_with(b"\x7fELF\x02\x01") && bytes.get(18..20) == Some(&[183, 0]);
    ensure!(is, "{} is not for Arm", file.display());
    Ok(())
}

/// The files that programs see in place of this machine's.
fn machine(folder: &Path) -> Result<()> {
    cpu_info(folder)?;
    output(Command::new("ln").arg("-s").arg(LIBRARIES).arg(folder.join("lib"))).map(drop)
}

/// Puts the file about the processor into the folder that programs take for `/`.
pub fn cpu_info(folder: &Path) -> Result<()> {
    let proc = folder.join("proc");
    fs::create_dir_all(&proc).with_context(|| format!("create {}", proc.display()))?;
    let info = proc.join("cpuinfo");
    fs::write(&info, CPU_INFO).with_context(|| format!("write {}", info.display()))
}

fn emulated(program: &Path, folder: &Path) -> Command {
    let mut command = emulator(folder);
    command.arg(program);
    command
}

/// Runs the program that is its next argument, which looks for its libraries in the folder first. The processor `max`
/// would compute 8-bit products wrongly.
pub fn emulator(folder: &Path) -> Command {
    let mut command = alone("qemu-aarch64");
    command.args(["-cpu", "neoverse-n1", "-L"]).arg(folder);
    command
}

/// What a run of a voice-activity detector on random samples gives, all outputs behind each other.
fn outputs(program: &mut Command, model: &Path) -> Result<Vec<f64>> {
    program.arg("run").arg(model).args(["--json", "--print", "full", "--random", "7", "--input", "sr=16000"]);
    program.args(["--shape", "input=1,512", "--shape", "state=2,1,128"]);
    let document: Value = serde_json::from_str(&output(program)?).context("read what `ortlet run` prints")?;
    let outputs = document["outputs"].as_array().into_iter().flatten();
    let values = outputs.flat_map(|output| output["data"].as_array().into_iter().flatten());
    values.map(|value| value.as_f64().context("an output is no number")).collect()
}
