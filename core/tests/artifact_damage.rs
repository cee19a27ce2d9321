//! Damaged and hostile artifacts are refused with an error that fits, and never with a panic.

mod artifacts;
mod damage;

use std::sync::Arc;

use artifacts::{about, bytes_tensor, device, finish, graph, key, model, seal, with_manifest};
use damage::Random;
use ortlet::artifact::{Artifact, ArtifactWriter, SectionKind};
use ortlet::model::{Bytes, NoExternalData};
use ortlet::{Error, ErrorCode};

/// A small artifact with every kind of section.
fn example() -> (Vec<u8>, Artifact) {
    let original = model(graph(vec![bytes_tensor("a", vec![1; 2000])], vec![]));
    let mut writer = ArtifactWriter::new(&original, &NoExternalData, about("m")).unwrap();
    for runtime in ["1", "2"] {
        let content = vec![runtime.as_bytes()[0]; 1500];
        let (optimised, files) = device(&[("a", vec![1; 2000]), ("b", content)], &[vec![3; 100]]);
        writer.set_device(key(runtime), &optimised, &files, vec![]).unwrap();
    }
    finish(&writer)
}

fn parse(file: &[u8]) -> Result<Artifact, Error> {
    Artifact::parse(Bytes::from(Arc::<[u8]>::from(file)))
}

fn assert_refused(file: &[u8], what: &str) -> Error {
    let error = parse(file).err().unwrap_or_else(|| panic!("{what}: accepted"));
    let fits =
        matches!(error.code(), ErrorCode::Integrity | ErrorCode::InvalidModel | ErrorCode::Unsupported);
    assert!(fits, "{what}: {error:?}");
    error
}

#[test]
fn every_bit_of_the_header_counts() {
    let (mut file, _) = example();
    for bit in 0..4096 * 8 {
        file[bit / 8] ^= 1 << (bit % 8);
        assert_refused(&file, &format!("bit {bit}"));
        file[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_byte_of_the_sections_counts() {
    let (mut file, artifact) = example();
    let find = |at: u64| artifact.sections().iter().find(|section| section.range().contains(&at));
    for at in 4096..file.len() {
        file[at] ^= 1 << (at % 8);
        match find(at as u64) {
            Some(section) if !matches!(section.kind, SectionKind::PortableData | SectionKind::DeviceData) => {
                let error = assert_refused(&file, &section.to_string());
                assert!(error.to_string().contains(&section.to_string()), "{error}");
            }
            section => {
                let damaged = parse(&file).unwrap();
                let error = damaged.verify_data().unwrap_err();
                assert_eq!(error.code(), ErrorCode::Integrity);
                let name = section.map_or("bytes before the".into(), ToString::to_string);
                assert!(error.to_string().contains(&name), "{error}");
                assert_eq!(damaged.to_writer().err().unwrap().code(), ErrorCode::Integrity);
            }
        }
        file[at] ^= 1 << (at % 8);
    }
}

#[test]
fn incomplete_files_are_refused() {
    let (file, artifact) = example();
    let ends = artifact.sections().iter().flat_map(|section| [section.range().start, section.range().end]);
    let borders = ends.flat_map(|border| [border - 1, border, border + 1]).map(|border| border as usize);
    let cuts = borders.chain((0..file.len()).step_by(61)).filter(|&cut| cut < file.len());
    for cut in cuts {
        assert_refused(&file[..cut], &format!("cut at {cut}"));
    }
    assert_refused(&[&file[..], &[0]].concat(), "one byte more");
}

#[test]
fn tables_that_are_changed_on_purpose_do_no_harm() {
    let (file, artifact) = example();
    let mut random = Random(3);
    let hostile =
        [0, 1, 63, 64, 4095, 4096, 1 << 31, 1 << 32, 1 << 63, u64::MAX, u64::MAX - 4095, file.len() as u64];
    for _ in 0..2000 {
        let mut changed = file.clone();
        for _ in 0..1 + random.below(2) {
            let entry = 24 + random.below(artifact.sections().len()) * 64;
            let (at, len) =
                [(8, 4), (12, 4), (16, 8), (entry, 4), (entry + 4, 4), (entry + 8, 8), (entry + 16, 8)]
                    [random.below(7)];
            let value = hostile[random.below(hostile.len())].to_le_bytes();
            changed[at..at + len].copy_from_slice(&value[..len]);
        }
        seal(&mut changed);
        // A section may have become one to be ignored; nothing else can have been accepted.
        if let Ok(artifact) = parse(&changed) {
            let _ =
                (artifact.verify_data(), artifact.relocated_portable_model("m"), artifact.to_writer().err());
        }
    }
}

#[test]
fn manifests_that_are_changed_on_purpose_do_no_harm() {
    let (file, _) = example();
    let refused = |name: &str, change: fn(&mut serde_json::Value)| {
        let error = assert_refused(&with_manifest(&file, change), name);
        assert_eq!(error.code(), ErrorCode::Integrity, "{name}");
    };
    refused("another version", |json| json["format_version"] = 2.into());
    refused("another size", |json| json["portable"]["model_bytes"] = 1.into());
    refused("another size of data", |json| json["devices"][1]["data_bytes"] = 0.into());
    refused("another index", |json| json["devices"][0]["index"] = 1.into());
    refused("a huge index", |json| json["devices"][0]["index"] = u64::MAX.into());
    refused("no devices", |json| json["devices"] = serde_json::json!([]));
    refused("no model", |json| *json = serde_json::json!({"format_version": 1}));
    refused("nothing", |json| *json = serde_json::Value::Null);
    refused("more devices", |json| {
        let device = json["devices"][0].clone();
        json["devices"].as_array_mut().unwrap().push(device);
    });
}

#[test]
fn other_files_are_told_apart() {
    for other in [&b""[..], b"ORTLET", b"ORTLET\r\n", b"PK\x03\x04", &[0; 5000]] {
        assert_eq!(assert_refused(other, "another file").code(), ErrorCode::InvalidModel);
    }
}
