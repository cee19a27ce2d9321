//! Whatever is wrong, the program says what and where, and ends with the right exit code.

use crate::setup::{Said, command, error, folder, model, ortlet};

fn magika(input: &str) -> [String; 4] {
    ["run".to_string(), model("magika/model.onnx").display().to_string(), "-i".into(), input.into()]
}

/// A `.npy` file with this dictionary and data.
fn npy(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let len = (dictionary.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &len[..], dictionary.as_bytes(), data].concat()
}

#[test]
fn bad_arrays_are_refused() {
    let folder = folder("errors");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let int32 = |shape: &str| format!("{{'descr': '<i4', 'fortran_order': False, 'shape': {shape}, }}");
    let good = npy(&int32("(1, 2048)"), &[0; 8192]);
    for (name, bytes, code) in [
        ("cut.npy", &good[..good.len() - 1], "integrity"),
        ("header.npy", &good[..30], "integrity"),
        ("empty.npy", b"", "integrity"),
        ("text.npy", b"hello, I am no array", "integrity"),
        ("huge.npy", &npy(&int32("(1000000, 1000000)"), &[0; 8]), "integrity"),
        ("overflow.npy", &npy(&int32("(9999999999, 9999999999, 9999999999)"), &[]), "limit_exceeded"),
        (
            "object.npy",
            &npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", &[0; 8]),
            "unsupported",
        ),
        ("shape.npy", &npy(&int32("(1, 2047)"), &[0; 2047 * 4]), "tensor_mismatch"),
        ("dtype.npy", &npy(&int32("(1, 2048)").replace("i4", "f4"), &[0; 8192]), "tensor_mismatch"),
        ("zip.npz", b"PK\x03\x04 not really", "integrity"),
        ("array.npz", &good, "integrity"),
    ] {
        let details = error(1, magika(&format!("bytes={}", file(name, bytes))));
        assert_eq!(details["code"], code, "{details}");
        let message = details["message"].as_str().unwrap();
        assert!(message.contains("bytes") || message.contains(name), "{message}");
    }
    assert_eq!(error(1, magika("bytes=/dev/zero.npy"))["code"], "not_found");
}

#[test]
fn bad_values_are_refused() {
    for (input, code) in [
        ("wrong=1", "not_found"),
        ("bytes=1,2,3", "tensor_mismatch"),
        ("bytes=[[1,2],[3]]", "invalid_argument"),
        ("bytes=[[1,2]", "invalid_argument"),
        ("bytes=1.5", "invalid_argument"),
        ("bytes=abc", "invalid_argument"),
        ("bytes=99999999999", "invalid_argument"),
        ("bytes=random:x", "invalid_argument"),
        ("bytes=nowhere.npy", "not_found"),
        ("bytes=raw:/dev/zero", "tensor_mismatch"),
        ("bytes=raw:int32[1000000,1000000,1000000]:/dev/zero", "limit_exceeded"),
        ("bytes=raw:int32[1,2048]:/dev/zero", "tensor_mismatch"),
    ] {
        assert_eq!(error(1, magika(input))["code"], code, "{input}");
    }
    let no_array = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let hint = error(1, magika(&format!("bytes={no_array}")));
    assert!(hint["message"].as_str().unwrap().contains(&format!("raw:{no_array}")), "{hint}");
    let mut huge = magika("random:1").to_vec();
    huge.push("--shape=1000000,1000000".into());
    assert_eq!(error(1, huge)["code"], "limit_exceeded");
}

#[test]
fn missing_inputs_are_listed_with_their_types() {
    let path = model("minilm/model.onnx");
    let details = error(1, ["run".as_ref(), path.as_os_str(), "-i".as_ref(), "input_ids=[[1]]".as_ref()]);
    let message = details["message"].as_str().unwrap();
    assert!(
        message.contains("`attention_mask`: int64[batch, seq]") && !message.contains("`input_ids`"),
        "{message}"
    );
}

#[test]
fn models_and_runtimes_that_do_not_work_are_named() {
    let folder = folder("models");
    let garbage = folder.join("garbage.onnx");
    std::fs::write(&garbage, [0xFF; 1000]).unwrap();
    for command in ["run", "bench", "compile"] {
        assert_eq!(error(1, [command, garbage.to_str().unwrap()])["code"], "invalid_model");
        assert_eq!(error(1, [command, folder.join("none.onnx").to_str().unwrap()])["code"], "not_found");
        let path = model("magika/model.onnx");
        let nowhere = [command.as_ref(), path.as_os_str(), "--runtime=/nowhere".as_ref()];
        assert_eq!(error(1, nowhere)["code"], "runtime_not_found");
        let level = [command.as_ref(), path.as_os_str(), "--threads=0".as_ref()];
        assert_eq!(error(1, level)["code"], "invalid_argument");
    }
}

#[test]
fn mistakes_in_the_command_line_have_their_own_exit_code() {
    for arguments in [
        &["fly"][..],
        &["run"],
        &["run", "m.onnx", "--jsom"],
        &["run", "m.onnx", "--threads", "many"],
        &["run", "m.onnx", "--dim", "batch"],
        &["run", "m.onnx", "--level", "most"],
        &["run", "m.onnx", "--cache", "x", "--no-cache"],
        &["compile"],
        &["compile", "m.onnx", "--no-cache"],
        &["cache"],
        &["cache", "burn"],
        &["bench", "m.onnx", "--runs", "0"],
        &["bench", "m.onnx", "--seconds", "-1"],
        &["bench", "m.onnx", "--runs", "5", "--seconds", "5"],
    ] {
        assert_eq!(error(2, arguments)["code"], "invalid_argument", "{arguments:?}");
    }
    assert_eq!(ortlet([""; 0]).code, Some(2));
    for asked in [&["--help"][..], &["--version"], &["run", "--help"]] {
        let said = ortlet(asked);
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{asked:?}");
        assert!(!said.stdout.is_empty());
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let mut command = command(["inspect".as_ref(), model("magika/model.onnx").as_os_str()]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    // Only Linux has this device.
    let Ok(full) = full else { return };
    let said: Said = command.stdout(full).output().unwrap().into();
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains("standard output"), "{}", said.stderr);
}
