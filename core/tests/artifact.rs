//! Artifacts give back what was put in, store nothing twice, and can be rebuilt with other devices.

mod artifacts;
mod damage;
mod fixtures;

use artifacts::{about, bytes_tensor, device, finish, graph, key, model, varied, with_manifest, write};
use damage::Random;
use ortlet::ErrorCode;
use ortlet::artifact::{Artifact, ArtifactWriter, EXTERNAL_LOCATION, SectionKind, model_digest};
use ortlet::model::{
    ExternalDataResolver, GraphProto, MemoryFiles, Model, NoExternalData, StringStringEntryProto, TensorProto,
};

fn writer(model: &Model, resolver: &dyn ExternalDataResolver) -> ArtifactWriter {
    ArtifactWriter::new(model, resolver, about("m")).unwrap()
}

/// The file as external data of its own models.
fn itself(name: &str, file: &[u8]) -> MemoryFiles {
    MemoryFiles::from_iter([(name, file.to_vec())])
}

fn data(tensor: &TensorProto, resolver: &dyn ExternalDataResolver) -> Option<Vec<u8>> {
    tensor.data_bytes(resolver).ok().map(|bytes| bytes.to_vec())
}

/// Every tensor of both models is the same, wherever its data is; so is everything else.
fn assert_same(original: &Model, resolver: &dyn ExternalDataResolver, stored: &Model, file: &MemoryFiles) {
    assert_eq!(original.tensors().count(), stored.tensors().count());
    for (left, right) in original.tensors().zip(stored.tensors()) {
        assert_eq!((left.name(), &left.dims, left.data_type), (right.name(), &right.dims, right.data_type));
        assert_eq!(data(left, resolver), data(right, file), "{}", left.name());
        assert_eq!(left.string_data, right.string_data);
    }
    assert_eq!(without_data(original), without_data(stored));
}

fn without_data(model: &Model) -> Model {
    let mut model = model.clone();
    model.graph.iter_mut().for_each(strip_graph);
    for function in &mut model.functions {
        function.node.iter_mut().flat_map(|node| &mut node.attribute).for_each(strip_attribute);
    }
    model
}

fn strip_graph(graph: &mut GraphProto) {
    graph.initializer.iter_mut().for_each(strip);
    for sparse in &mut graph.sparse_initializer {
        sparse.values.iter_mut().chain(&mut sparse.indices).for_each(strip);
    }
    graph.node.iter_mut().flat_map(|node| &mut node.attribute).for_each(strip_attribute);
}

fn strip_attribute(attribute: &mut ortlet::model::AttributeProto) {
    attribute.t.as_deref_mut().into_iter().for_each(strip);
    attribute.g.as_deref_mut().into_iter().chain(&mut attribute.graphs).for_each(strip_graph);
}

fn strip(tensor: &mut TensorProto) {
    *tensor = TensorProto {
        name: tensor.name.take(),
        dims: std::mem::take(&mut tensor.dims),
        data_type: tensor.data_type,
        unknown: std::mem::take(&mut tensor.unknown),
        ..Default::default()
    };
}

/// Every reference of the model lies in the data it may use, on a border.
fn assert_aligned(model: &Model) {
    for location in model.tensors().filter_map(|tensor| tensor.external_location().unwrap()) {
        let border = if location.length_bytes.unwrap_or(0) >= 65536 { 4096 } else { 64 };
        assert_eq!(location.offset_bytes % border, 0);
    }
}

#[test]
fn fixtures_come_back() {
    let external = std::fs::read(fixtures::folder().join("external.bin")).unwrap();
    let files = MemoryFiles::from_iter([("external.bin", external)]);
    for (name, bytes) in fixtures::all() {
        let original = Model::parse(bytes).unwrap();
        let (file, artifact) = finish(&writer(&original, &files));
        let stored = Model::parse(artifact.relocated_portable_model("renamed.ortlet").unwrap()).unwrap();
        assert_same(&original, &files, &stored, &itself("renamed.ortlet", &file));
        assert_aligned(&stored);
        if artifact.portable_data().is_empty() && !original.tensors().any(TensorProto::is_external) {
            assert_eq!(artifact.portable_model().to_vec(), original.to_bytes().unwrap(), "{name}");
        }
    }
}

#[test]
fn large_tensors_move_and_small_ones_stay() {
    let original = varied();
    let (file, artifact) = finish(&writer(&original, &NoExternalData));
    let stored = Model::parse(artifact.portable_model()).unwrap();
    assert_same(&original, &NoExternalData, &stored, &itself(EXTERNAL_LOCATION, &file));
    assert_aligned(&stored);
    let moved: Vec<_> =
        stored.tensors().filter(|tensor| tensor.is_external()).map(TensorProto::name).collect();
    let expected =
        ["floats", "halves", "table", "page", "again", "enough", "inside", "constant", "in function"];
    assert_eq!(moved, expected);
    assert_eq!(artifact.manifest().portable.tensor_count, expected.len() as u64);
    // `page` and `again` are the same.
    assert!(artifact.portable_data().end - artifact.portable_data().start < 70_000 + 65_536 + 20_000);
}

#[test]
fn damaged_tensors_stay_as_they_are() {
    let mut damaged = bytes_tensor("damaged", vec![1; 2000]);
    damaged.dims = vec![3000];
    let original = model(graph(vec![damaged], vec![]));
    let (_, artifact) = finish(&writer(&original, &NoExternalData));
    assert_eq!(Model::parse(artifact.portable_model()).unwrap(), original);
}

#[test]
fn devices_share_what_is_portable() {
    let shared = vec![3; 100_000];
    let original = model(graph(vec![bytes_tensor("a", shared.clone())], vec![]));
    let mut writer = writer(&original, &NoExternalData);
    let own = vec![4; 5000];
    let tensors = [("a", shared.clone()), ("b", own.clone()), ("c", own.clone()), ("d", vec![5; 10])];
    let (optimised, files) = device(&tensors, &[vec![6; 70_000], vec![], vec![7; 100]]);
    writer.set_device(key("1"), &optimised, &files, vec!["note".into()]).unwrap();
    let (file, artifact) = finish(&writer);
    let part = artifact.device(0).unwrap();
    assert_eq!(part.data.end - part.data.start, 70_016 + 128 + 5_000);
    assert_eq!(part.manifest.data_bytes, part.data.end - part.data.start);
    assert_eq!((part.manifest.prepacked_count, part.manifest.prepacked_bytes), (1, 70_100));
    assert_eq!((part.manifest.tensor_count, part.manifest.notes.as_slice()), (3, &["note".to_owned()][..]));
    let stored = Model::parse(artifact.relocated_device_model(0, "x").unwrap()).unwrap();
    assert_same(&optimised, &files, &stored, &itself("x", &file));
    assert_aligned(&stored);
    let first = stored.tensors().next().unwrap().external_location().unwrap().unwrap();
    assert_eq!(first.offset_bytes, artifact.portable_data().start);
    assert_eq!(prepacked_contents(&stored, &file), [vec![6; 70_000], vec![], vec![7; 100]]);
    assert!(artifact.device(1).is_none());
    assert_eq!(artifact.relocated_device_model(1, "x").unwrap_err().code(), ErrorCode::NotFound);
}

/// The contents of all pre-packed weights.
fn prepacked_contents(model: &Model, file: &[u8]) -> Vec<Vec<u8>> {
    let entries = model.tensors().flat_map(|tensor| &tensor.external_data);
    let values =
        entries.filter(|entry| entry.key().starts_with("prepacked")).map(StringStringEntryProto::value);
    let buffers = values.flat_map(|value| value.split('|').skip(1));
    let range = |buffer: &str| {
        let numbers: Vec<usize> = buffer.split(';').take(2).map(|number| number.parse().unwrap()).collect();
        assert_eq!(numbers[0] % 64, 0);
        file[numbers[0]..numbers[0] + numbers[1]].to_vec()
    };
    buffers.map(range).collect()
}

#[test]
fn a_model_may_not_use_the_data_of_another_device() {
    let mut writer = writer(&Model::default(), &NoExternalData);
    for runtime in ["1", "2"] {
        let content = vec![runtime.as_bytes()[0]; 2000];
        let (optimised, files) = device(&[("a", content)], &[]);
        writer.set_device(key(runtime), &optimised, &files, vec![]).unwrap();
    }
    let (file, artifact) = finish(&writer);
    // The first device's model is told to use the second one's data, and all digests are made to fit.
    let own = artifact.device(0).unwrap().data.start.to_string();
    let other = artifact.device(1).unwrap().data.start.to_string();
    let section =
        *artifact.sections().iter().find(|section| section.kind == SectionKind::DeviceModel).unwrap();
    let range = section.offset_bytes as usize..(section.offset_bytes + section.length_bytes) as usize;
    let mut hostile = file;
    let model = &mut hostile[range.clone()];
    let at = model.windows(own.len()).position(|window| window == own.as_bytes()).unwrap();
    model[at..at + own.len()].copy_from_slice(other.as_bytes());
    let digest = *blake3::hash(model).as_bytes();
    let index = artifact.sections().iter().position(|other| *other == section).unwrap();
    hostile[24 + index * 64 + 24..24 + index * 64 + 56].copy_from_slice(&digest);
    artifacts::seal(&mut hostile);
    let hostile = Artifact::parse(hostile).unwrap();
    assert_eq!(hostile.relocated_device_model(0, "x").unwrap_err().code(), ErrorCode::InvalidModel);
    assert!(hostile.relocated_device_model(1, "x").is_ok());
}

#[test]
fn an_artifact_can_be_rebuilt() {
    let mut first = writer(&varied(), &NoExternalData);
    first.created_unix_s = 7;
    first.measured.insert("load_ms".into(), 1.5);
    first.report = Some(serde_json::json!({"scheme": "int8"}));
    let (one, one_files) = device(&[("page", vec![1; 70_000]), ("x", vec![9; 3000])], &[vec![8; 500]]);
    first.set_device(key("1"), &one, &one_files, vec![]).unwrap();
    let (file, artifact) = finish(&first);
    // Nothing changed, so nothing changes.
    assert_eq!(write(&artifact.to_writer().unwrap()), file);

    let mut second = artifact.to_writer().unwrap();
    let (two, two_files) = device(&[("y", vec![11; 6000])], &[]);
    assert_eq!(second.set_device(key("2"), &two, &two_files, vec![]).unwrap(), 1);
    let (file, artifact) = finish(&second);
    assert_eq!(artifact.device_for(&key("2")), Ok(1));
    let reason = artifact.device_for(&key("3")).unwrap_err();
    assert_eq!(
        reason,
        "device 0: made for ONNX Runtime 1, this is 3; device 1: made for ONNX Runtime 2, this is 3"
    );
    let stored = Model::parse(artifact.relocated_device_model(0, "x").unwrap()).unwrap();
    assert_same(&one, &one_files, &stored, &itself("x", &file));

    // Replacing the first moves the second.
    let mut third = artifact.to_writer().unwrap();
    let (larger, larger_files) = device(&[("z", vec![12; 90_000])], &[]);
    assert_eq!(third.set_device(key("1"), &larger, &larger_files, vec![]).unwrap(), 0);
    let (file, artifact) = finish(&third);
    for (index, original, files) in [(0, &larger, &larger_files), (1, &two, &two_files)] {
        let stored = Model::parse(artifact.relocated_device_model(index, "x").unwrap()).unwrap();
        assert_same(original, files, &stored, &itself("x", &file));
    }
    let mut fourth = artifact.to_writer().unwrap();
    assert_eq!(fourth.remove_device(0), Some(key("1")));
    assert_eq!(fourth.remove_device(1), None);
    let (_, artifact) = finish(&fourth);
    assert_eq!(artifact.device_for(&key("2")), Ok(0));
    assert_eq!(artifact.manifest().measured["load_ms"], 1.5);
    assert_eq!(artifact.manifest().created_unix_s, 7);
}

#[test]
fn random_contents_come_back() {
    let mut random = Random(5);
    for _ in 0..60 {
        let mut tensors = |count: usize| -> Vec<(String, Vec<u8>)> {
            // Few different contents, so that many are equal.
            (0..count)
                .map(|index| {
                    let size = [0, 1, 1023, 1024, 1025, 65_535, 65_536, 100_001][random.below(8)];
                    (format!("t{index}"), vec![random.below(3) as u8; size])
                })
                .collect()
        };
        let initializers = tensors(12).into_iter().map(|(name, data)| bytes_tensor(&name, data)).collect();
        let original = model(graph(initializers, vec![]));
        let mut writer = writer(&original, &NoExternalData);
        let mut devices = Vec::new();
        for index in 0..4 {
            let own = tensors(5);
            let own: Vec<_> = own.iter().map(|(name, data)| (name.as_str(), data.clone())).collect();
            let blobs: Vec<_> = tensors(3).into_iter().map(|(_, data)| data).collect();
            let (optimised, files) = device(&own, &blobs);
            writer.set_device(key(&index.to_string()), &optimised, &files, vec![]).unwrap();
            devices.push((optimised, files, blobs));
        }
        let (file, artifact) = finish(&writer);
        let files = itself("f", &file);
        let stored = Model::parse(artifact.relocated_portable_model("f").unwrap()).unwrap();
        assert_same(&original, &NoExternalData, &stored, &files);
        for (index, (optimised, own, blobs)) in devices.iter().enumerate() {
            let stored = Model::parse(artifact.relocated_device_model(index, "f").unwrap()).unwrap();
            assert_same(optimised, own, &stored, &files);
            assert_eq!(prepacked_contents(&stored, &file), *blobs);
        }
        assert_eq!(write(&artifact.to_writer().unwrap()), file);
    }
}

#[test]
fn what_a_newer_version_adds_to_the_manifest_is_ignored() {
    let (file, artifact) = finish(&writer(&varied(), &NoExternalData));
    let newer = with_manifest(&file, |json| {
        json["novel"] = serde_json::json!({"a": [1, 2]});
        json["model"]["novel"] = 1.into();
        json["measured"]["novel_ms"] = 2.5.into();
    });
    let newer = Artifact::parse(newer).unwrap();
    assert_eq!(newer.manifest().model, artifact.manifest().model);
    assert_eq!(newer.manifest().measured["novel_ms"], 2.5);
}

#[test]
fn what_cannot_be_written_is_refused() {
    let mut refused = writer(&varied(), &NoExternalData);
    refused.measured.insert("nothing".into(), f64::NAN);
    let error = refused.write_to(&mut |_| panic!("nothing may be written")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);

    let missing = artifacts::external_tensor("w", "absent.bin", 0, 2000, &[]);
    let missing = model(graph(vec![missing], vec![]));
    let error = ArtifactWriter::new(&missing, &NoExternalData, about("m")).err().unwrap();
    assert_eq!(error.code(), ErrorCode::NotFound);

    let mut crowded = writer(&Model::default(), &NoExternalData);
    let none = Model::default();
    for index in 0..28 {
        crowded.set_device(key(&index.to_string()), &none, &NoExternalData, vec![]).unwrap();
    }
    let error = crowded.set_device(key("28"), &none, &NoExternalData, vec![]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::LimitExceeded);
    assert_eq!(crowded.set_device(key("3"), &none, &NoExternalData, vec![]).unwrap(), 3);
    assert_eq!(finish(&crowded).1.manifest().devices.len(), 28);

    let (outside, files) = device(&[("a", vec![1; 2000])], &[vec![2; 10]]);
    let mut outside = outside;
    let graph = outside.graph.as_mut().unwrap();
    graph.initializer[0].external_data[3].value = Some("M|1999;12;0".into());
    let error = crowded.set_device(key("3"), &outside, &files, vec![]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidModel);
}

#[test]
fn the_sinks_errors_end_the_writing() {
    let writer = writer(&varied(), &NoExternalData);
    let mut calls = 0;
    let error = writer.write_to(&mut |_| {
        calls += 1;
        if calls == 3 { Err(ortlet::Error::internal("full")) } else { Ok(()) }
    });
    assert_eq!((error.unwrap_err().code(), calls), (ErrorCode::Internal, 3));
}

#[test]
fn the_digest_of_a_model_covers_its_external_data() {
    let plain = varied().to_bytes().unwrap();
    let digest = model_digest(plain.clone(), &NoExternalData).unwrap();
    assert_eq!(digest, blake3::hash(&plain).to_hex().to_string());

    let external = fixtures::read("external");
    let data = std::fs::read(fixtures::folder().join("external.bin")).unwrap();
    let of = |data: Vec<u8>| {
        model_digest(external.clone(), &MemoryFiles::from_iter([("external.bin", data)])).unwrap()
    };
    let mut changed = data.clone();
    changed[100] ^= 1;
    assert_ne!(of(data.clone()), of(changed));
    assert_eq!(of(data.clone()), of(data));
}
