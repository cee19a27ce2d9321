//! Random messages come back with every field; limits of writing; bytes that are not quite a model.

mod damage;
mod fixtures;

use damage::Random;
use damage::wire::{self, Field, Tree, Value, inner};
use ortlet::model::{
    AttributeProto, Bytes, ElementTypeProto, GraphProto, Model, NodeProto, ParseLimits, TypeProto, TypeValue,
    ValueInfoProto,
};
use ortlet::{ErrorCode, ErrorKind};

/// Fields that are lists of numbers, with the one wire type that writing gives them; 2 stands for packed.
const LISTS: &[(&str, u64, u8)] = &[
    ("Tensor", 1, 0),
    ("Tensor", 4, 2),
    ("Tensor", 5, 2),
    ("Tensor", 7, 2),
    ("Tensor", 10, 2),
    ("Tensor", 11, 2),
    ("Sparse", 3, 0),
    ("Attribute", 7, 5),
    ("Attribute", 8, 0),
];

fn random_value(random: &mut Random, wire: u8) -> Value {
    match wire {
        // Small enough for 32 bits, so that nothing is cut off.
        0 => Value::Varint(random.next() >> (33 + random.below(31))),
        1 => Value::Fixed64(random.next().to_le_bytes()),
        5 => Value::Fixed32((random.next() as u32).to_le_bytes()),
        // ASCII, which is text and varints at once; whole numbers of 4 and 8 bytes.
        _ => Value::Bytes((0..8 * (1 + random.below(3))).map(|_| random.next() as u8 & 0x7f).collect()),
    }
}

/// A message with each field at most once; fields of a `oneof` only one of them.
fn random_tree(random: &mut Random, kind: &str, depth: usize) -> Tree {
    let mut tree = Tree::new();
    let mut oneof = matches!(kind, "Type" | "Dimension");
    for number in (1..30).chain([1000, 536_870_911]) {
        let is_case =
            (kind == "Type" && matches!(number, 1 | 4 | 5 | 7..=9)) || (kind == "Dimension" && number < 3);
        if random.below(5) > 1 || (is_case && !std::mem::take(&mut oneof)) {
            continue;
        }
        let value = match inner(kind, number) {
            Some(kind) if depth < 8 => Value::Message(random_tree(random, kind, depth + 1)),
            Some(_) => continue,
            None => {
                let list = LISTS.iter().find(|(name, field, _)| *name == kind && *field == number);
                let wire = list.map_or([0, 1, 2, 5][random.below(4)], |(_, _, wire)| *wire);
                random_value(random, wire)
            }
        };
        tree.push(Field { number, value });
    }
    // Any order is allowed.
    for index in (1..tree.len()).rev() {
        tree.swap(index, random.below(index + 1));
    }
    tree
}

fn sort(tree: &mut Tree) {
    tree.sort_by_key(|field| field.number);
    for field in tree {
        if let Value::Message(inner) = &mut field.value {
            sort(inner);
        }
    }
}

#[test]
fn random_messages_keep_every_field() {
    let limits = ParseLimits { max_memory_factor: 1000, ..ParseLimits::default() };
    let mut random = Random(11);
    let mut most = 0;
    for round in 0..300 {
        let mut tree = random_tree(&mut random, "Model", 0);
        let bytes = wire::encode(&tree);
        most = most.max(bytes.len());
        let model = Model::parse_with(bytes, &limits).unwrap_or_else(|error| panic!("{round}: {error}"));
        let written = model.to_bytes().unwrap();
        let mut read = wire::parse(&written);
        sort(&mut read);
        sort(&mut tree);
        assert!(read == tree, "{round}");
        assert!(Model::parse_with(written, &limits).unwrap() == model, "{round}");
    }
    assert!(most > 10_000, "the messages are too small to mean anything: {most} bytes");
}

#[test]
fn text_that_is_not_utf8_is_kept_aside() {
    let bytes = wire::len_field(6, b"Gr\xfc\xdfe");
    let model = Model::parse(bytes.clone()).unwrap();
    assert_eq!(model.doc_string, None);
    assert_eq!(model.to_bytes().unwrap(), bytes);
    // The last value of a field counts, whether it is text or not.
    let good = wire::len_field(6, b"good");
    let model = Model::parse([&bytes[..], &good].concat()).unwrap();
    assert_eq!((model.doc_string.as_deref(), model.to_bytes().unwrap()), (Some("good"), good.clone()));
    let model = Model::parse([&good[..], &bytes].concat()).unwrap();
    assert_eq!((model.doc_string.as_deref(), model.to_bytes().unwrap()), (None, bytes));
}

#[test]
fn errors_say_where() {
    let bytes = fixtures::read("perceptron");
    let graph = wire::places(&bytes).into_iter().find(|place| place.end - place.payload > 2000).unwrap();
    let error = Model::parse(bytes[..bytes.len() - 1].to_vec()).unwrap_err();
    let ErrorKind::InvalidModel { offset_bytes, .. } = error.kind() else { panic!("{error:?}") };
    // Either the graph is cut, or what comes after it.
    assert!(offset_bytes.is_some_and(|at| at >= graph.value as u64), "{error}");
    let error = Model::parse(wire::len_field(7, &wire::len_field(1, &[0x0a, 5, b'x']))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "graph: node 0: invalid model at byte 5: length 5, but only 1 bytes are left"
    );
}

#[test]
fn other_files_are_recognised() {
    for (start, name) in [
        (&b"\x20\0\0\0ORTM\0\0\0\0"[..], "ORT-format"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        (b"PK\x03\x04\x14\0", "zip"),
    ] {
        let error = Model::parse(start.to_vec()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_model_beyond_2_gib_is_refused_before_it_is_written() {
    let block = Bytes::from(vec![0; 64 << 20]);
    let attribute = AttributeProto { strings: vec![block; 33], ..AttributeProto::default() };
    let node = NodeProto { attribute: vec![attribute], ..NodeProto::default() };
    let graph = GraphProto { node: vec![node], ..GraphProto::default() };
    let model = Model { graph: Some(graph), ..Model::default() };
    assert!(model.encoded_bytes().unwrap() > 2 << 30);
    let error = model.write_to(&mut |_| panic!("nothing must be written")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::LimitExceeded);
    assert!(error.to_string().contains("external data"), "{error}");
}

#[test]
fn a_model_too_deep_to_be_read_is_not_written() {
    let model = |levels: usize| {
        let mut r#type = TypeProto::default();
        for _ in 0..levels {
            let element =
                ElementTypeProto { elem_type: Some(Box::new(r#type)), ..ElementTypeProto::default() };
            r#type = TypeProto { value: Some(TypeValue::Sequence(element)), ..TypeProto::default() };
        }
        let input = ValueInfoProto { r#type: Some(r#type), ..ValueInfoProto::default() };
        let graph = GraphProto { input: vec![input], ..GraphProto::default() };
        Model { graph: Some(graph), ..Model::default() }
    };
    // graph, input, type, and two for each sequence: 100 at most.
    let deepest = model(48);
    assert!(Model::parse(deepest.to_bytes().unwrap()).unwrap() == deepest);
    assert_eq!(model(49).to_bytes().unwrap_err().code(), ErrorCode::LimitExceeded);
}

#[test]
fn an_error_of_the_sink_ends_the_writing() {
    let model = Model::parse(fixtures::read("perceptron")).unwrap();
    let error = model.write_to(&mut |_| Err(ortlet::Error::internal("full"))).unwrap_err();
    assert_eq!(error, ortlet::Error::internal("full"));
}

#[test]
fn limits_are_applied() {
    let bytes = fixtures::read("control_flow");
    let default = ParseLimits::default;
    for limits in [
        ParseLimits { max_model_bytes: 100, ..default() },
        ParseLimits { max_depth_count: 3, ..default() },
        ParseLimits { max_memory_bytes: 1000, ..default() },
        ParseLimits { max_node_count: 6, ..default() },
        ParseLimits { max_initializer_count: 0, ..default() },
        ParseLimits { max_attribute_count: 1, ..default() },
        ParseLimits { max_rank_count: 0, ..default() },
        ParseLimits { max_name_bytes: 3, ..default() },
    ] {
        let error = Model::parse_with(bytes.clone(), &limits).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::LimitExceeded, "{limits:?}");
    }
    let enough = ParseLimits { max_node_count: 7, max_initializer_count: 1, max_rank_count: 1, ..default() };
    Model::parse_with(bytes, &enough).unwrap();
}
