//! Builds models and artifacts for the tests of artifacts.
#![allow(dead_code, reason = "each test binary uses a part")]

use ortlet::artifact::{Artifact, ArtifactWriter, DeviceKey, ModelManifest};
use ortlet::model::{
    AttributeProto, Bytes, FunctionProto, GraphProto, MemoryFiles, Model, NodeProto, StringStringEntryProto,
    TensorProto,
};

pub const F32: i32 = 1;
pub const I64: i32 = 7;

pub fn entry(key: &str, value: impl Into<String>) -> StringStringEntryProto {
    StringStringEntryProto { key: Some(key.into()), value: Some(value.into()), ..Default::default() }
}

/// A tensor of bytes.
pub fn bytes_tensor(name: &str, data: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.into()),
        data_type: Some(2),
        dims: vec![data.len() as i64],
        raw_data: Some(data.into()),
        ..Default::default()
    }
}

/// A tensor of bytes in the file `name`, with further entries.
pub fn external_tensor(
    name: &str,
    file: &str,
    offset: usize,
    len: usize,
    more: &[(&str, String)],
) -> TensorProto {
    let mut entries =
        vec![entry("location", file), entry("offset", offset.to_string()), entry("length", len.to_string())];
    entries.extend(more.iter().map(|(key, value)| entry(key, value.clone())));
    TensorProto {
        name: Some(name.into()),
        data_type: Some(2),
        dims: vec![len as i64],
        data_location: Some(1),
        external_data: entries,
        ..Default::default()
    }
}

pub fn graph(initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> GraphProto {
    GraphProto { name: Some("g".into()), initializer, node, ..Default::default() }
}

pub fn model(graph: GraphProto) -> Model {
    Model { ir_version: Some(8), graph: Some(graph), ..Default::default() }
}

pub fn node(op_type: &str, attribute: AttributeProto) -> NodeProto {
    NodeProto { op_type: Some(op_type.into()), attribute: vec![attribute], ..Default::default() }
}

pub fn tensor_attribute(name: &str, tensor: TensorProto) -> AttributeProto {
    AttributeProto {
        name: Some(name.into()),
        t: Some(Box::new(tensor)),
        r#type: Some(4),
        ..Default::default()
    }
}

pub fn graph_attribute(graph: GraphProto) -> AttributeProto {
    AttributeProto { name: Some("then_branch".into()), g: Some(Box::new(graph)), ..Default::default() }
}

/// Large and small tensors of several types in every place.
pub fn varied() -> Model {
    let floats = TensorProto {
        name: Some("floats".into()),
        data_type: Some(F32),
        dims: vec![300],
        float_data: (0..300_u16).map(f32::from).collect::<Vec<_>>().into(),
        ..Default::default()
    };
    let halves = TensorProto {
        name: Some("halves".into()),
        data_type: Some(10),
        dims: vec![600],
        int32_data: (0..600).collect::<Vec<_>>().into(),
        ..Default::default()
    };
    let longs = |name: &str, count: i64| TensorProto {
        name: Some(name.into()),
        data_type: Some(I64),
        dims: vec![count],
        int64_data: (0..count).collect::<Vec<_>>().into(),
        ..Default::default()
    };
    let texts = TensorProto {
        name: Some("texts".into()),
        data_type: Some(8),
        dims: vec![500],
        string_data: vec![Bytes::from("some text"); 500],
        ..Default::default()
    };
    let inside =
        graph(vec![bytes_tensor("inside", vec![5; 2000]), bytes_tensor("tiny", vec![5; 20])], vec![]);
    let nodes = vec![
        node("If", graph_attribute(inside)),
        node("Constant", tensor_attribute("value", bytes_tensor("constant", vec![6; 3000]))),
        node("Other", tensor_attribute("value", bytes_tensor("fixed", vec![7; 3000]))),
    ];
    let initializers = vec![
        floats,
        halves,
        longs("short", 200),
        longs("shape", 8191),
        longs("table", 8192),
        texts,
        bytes_tensor("page", vec![1; 70_000]),
        bytes_tensor("again", vec![1; 70_000]),
        bytes_tensor("almost", vec![2; 1023]),
        bytes_tensor("enough", vec![2; 1024]),
        bytes_tensor("empty", vec![]),
    ];
    let function = FunctionProto {
        name: Some("f".into()),
        node: vec![node("Constant", tensor_attribute("value", bytes_tensor("in function", vec![8; 1500])))],
        ..Default::default()
    };
    Model { functions: vec![function], ..model(graph(initializers, nodes)) }
}

pub fn about(name: &str) -> ModelManifest {
    ModelManifest { name: name.into(), digest: "00".into(), bytes: 1 }
}

pub fn key(runtime: &str) -> DeviceKey {
    DeviceKey { runtime_version: runtime.into(), architecture: "x86_64".into(), ..Default::default() }
}

pub fn write(writer: &ArtifactWriter) -> Vec<u8> {
    let mut file = Vec::new();
    writer
        .write_to(&mut |bytes| {
            file.extend_from_slice(bytes);
            Ok(())
        })
        .unwrap();
    file
}

/// An artifact as file, read.
pub fn finish(writer: &ArtifactWriter) -> (Vec<u8>, Artifact) {
    let file = write(writer);
    let artifact = Artifact::parse(file.clone()).unwrap();
    artifact.verify_data().unwrap();
    (file, artifact)
}

/// A device model and its data as ONNX Runtime would write them: tensors and pre-packed weights one after the other.
pub fn device(tensors: &[(&str, Vec<u8>)], prepacked: &[Vec<u8>]) -> (Model, MemoryFiles) {
    let mut data = Vec::new();
    let mut initializers = Vec::new();
    for (index, (name, bytes)) in tensors.iter().enumerate() {
        let offset = data.len();
        data.extend_from_slice(bytes);
        let mut more = Vec::new();
        if index == 0 && !prepacked.is_empty() {
            let mut value = "MatMul+123".to_owned();
            for blob in prepacked {
                value.push_str(&format!("|{};{};0", data.len(), blob.len()));
                data.extend_from_slice(blob);
            }
            more.push(("prepacked_0", value));
        }
        initializers.push(external_tensor(name, "opt.bin", offset, bytes.len(), &more));
    }
    let files = MemoryFiles::from_iter([("opt.bin", data)]);
    (model(graph(initializers, vec![])), files)
}

/// Replaces the manifest, which is the last section, and makes all digests fit.
pub fn with_manifest(file: &[u8], change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
    let artifact = Artifact::parse(file.to_vec()).unwrap();
    let section = *artifact.sections().last().unwrap();
    let start = section.offset_bytes as usize;
    let mut json = serde_json::from_slice(&file[start..]).unwrap();
    change(&mut json);
    let json = serde_json::to_vec(&json).unwrap();
    let entry = 24 + (artifact.sections().len() - 1) * 64;
    let mut out = file[..start].to_vec();
    out.extend_from_slice(&json);
    let size = out.len() as u64;
    out[16..24].copy_from_slice(&size.to_le_bytes());
    out[entry + 16..entry + 24].copy_from_slice(&(json.len() as u64).to_le_bytes());
    out[entry + 24..entry + 56].copy_from_slice(blake3::hash(&json).as_bytes());
    seal(&mut out);
    out
}

/// Makes the header's digest fit.
pub fn seal(file: &mut [u8]) {
    let digest = blake3::hash(&file[..4064]);
    file[4064..4096].copy_from_slice(digest.as_bytes());
}
