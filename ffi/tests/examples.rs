//! The examples in C and C++: built as a user builds them, compared with other programs that do the same.

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::{Linking, compile, ffi, place, scratch, succeeds};

const RATE: u32 = 16_000;

/// Speech, with silence before and behind it, as espeak-ng makes it at another rate.
fn speech(folder: &Path) -> Vec<i16> {
    let spoken = folder.join("spoken.wav");
    let mut command = Command::new("espeak-ng");
    succeeds(command.arg("-w").arg(&spoken).arg("The quick brown fox jumps over the lazy dog."));
    let bytes = fs::read(&spoken).unwrap();
    let rate = u32::from_le_bytes(bytes[24..28].try_into().unwrap());
    let samples: Vec<i16> = bytes[44..].chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect();
    let count = samples.len() as u64 * u64::from(RATE) / u64::from(rate);
    let nearest = (0..count).map(|at| samples[(at * u64::from(rate) / u64::from(RATE)) as usize]);
    let silence = vec![0; RATE as usize];
    silence.iter().copied().chain(nearest).chain(silence.iter().copied()).collect()
}

fn write_wav(path: &Path, samples: &[i16]) {
    let size = u32::try_from(samples.len() * 2).unwrap();
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + size).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(RATE.to_le_bytes());
    bytes.extend((2 * RATE).to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend(size.to_le_bytes());
    bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_c_example_tells_files_apart() {
    let folder = scratch("filetype-c");
    let source = ffi().join("../examples/filetype-c/main.c");
    let flags = ["-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let program = compile("cc", &source, &flags, Linking::Shared, &folder);
    let magika = place("ORTLET_TEST_MODELS").join("magika");
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("short"), " \u{e4}bc\n").unwrap();
    fs::write(folder.join("bytes"), b"\xff\xfe\x00").unwrap();
    let files = [
        ("examples/filetype/main.rs", "rust"),
        ("Cargo.toml", "toml"),
        ("tests/reference/reference.py", "python"),
        ("ffi/include/ortlet/ortlet.hpp", "cpp"),
        ("tests/conformance/run.json", "json"),
        ("README.md", "markdown"),
        ("tests/fixtures/models/perceptron.onnx", "onnx"),
        ("core", "directory"),
    ];
    let mut command = Command::new(&program);
    command.current_dir(ffi().join("..")).arg(magika.join("model.onnx")).arg(magika.join("config.min.json"));
    command.args(files.map(|(file, _)| file)).arg("no-such-file");
    command.args(["empty", "short", "bytes"].map(|name| folder.join(name)));
    let text = String::from_utf8(succeeds(&mut command).stdout).unwrap();
    let label = |line: &str| {
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).nth(1).map(str::to_owned)
    };
    let labels: Vec<_> = text.lines().skip(1).filter_map(label).collect();
    let expected =
        files.map(|(_, label)| label).into_iter().chain(["(not readable)", "empty", "txt", "unknown"]);
    assert_eq!(labels, expected.collect::<Vec<_>>(), "{text}");

    let output =
        Command::new(&program).arg("no-such-model").arg(magika.join("config.min.json")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-model"));
}

#[test]
fn the_voice_activity_detector_finds_what_plain_onnx_runtime_finds() {
    if Command::new("espeak-ng").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "espeak-ng is not installed");
        return;
    }
    let folder = scratch("voice-activity");
    let source = ffi().join("../examples/voice-activity/main.cpp");
    let program = compile("c++", &source, &["-std=c++17", "-O1"], Linking::Shared, &folder);
    let (model, sound) =
        (place("ORTLET_TEST_MODELS").join("silero-vad/silero_vad.onnx"), folder.join("16k.wav"));
    write_wav(&sound, &speech(&folder));
    let output = succeeds(Command::new(&program).arg(&model).arg(&sound));
    let text = String::from_utf8(output.stdout).unwrap();

    let script = ffi().join("../tests/reference/voice_activity.py");
    let mut reference = Command::new(place("ORTLET_TEST_PYTHON"));
    let reference = succeeds(reference.arg("-B").arg(script).arg(&model).arg(&sound));
    let expected = String::from_utf8(reference.stdout).unwrap();
    let found: Vec<String> = text.lines().skip(1).filter_map(segment).collect();
    assert!(!found.is_empty(), "{text}");
    assert_eq!(found, expected.lines().collect::<Vec<_>>());
    assert!(text.contains("p50 ") && text.contains("p99 "), "{text}");

    fs::write(&sound, "RIFF").unwrap();
    let output = Command::new(&program).arg(&model).arg(&sound).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no WAV file"));
}

/// `1.06 1.73` of a line of the table.
fn segment(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let &[_, start, end] = words.as_slice() else { return None };
    Some(format!("{} {}", start.strip_suffix('s')?, end.strip_suffix('s')?))
}
