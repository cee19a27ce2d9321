//! A second, independent and unbounded reader and writer of Protocol Buffers, for tests only: messages as trees.

/// A message: its fields in order.
pub type Tree = Vec<Field>;

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub number: u64,
    pub value: Value,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Tree),
}

/// Where a field is in the encoded model.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// First byte of the tag.
    pub tag: usize,
    /// After the tag.
    pub value: usize,
    /// After the length, if there is one.
    pub payload: usize,
    /// After the field.
    pub end: usize,
    pub wire: u64,
}

/// Field numbers that hold messages, for each kind of message.
const MESSAGES: &[(&str, &[(u64, &str)])] = &[
    ("Model", &[(7, "Graph"), (8, "Leaf"), (14, "Leaf"), (20, "Training"), (25, "Function")]),
    ("Training", &[(1, "Graph"), (2, "Graph"), (3, "Leaf"), (4, "Leaf")]),
    (
        "Graph",
        &[
            (1, "Node"),
            (5, "Tensor"),
            (11, "Value"),
            (12, "Value"),
            (13, "Value"),
            (14, "Note"),
            (15, "Sparse"),
            (16, "Leaf"),
        ],
    ),
    ("Node", &[(5, "Attribute"), (9, "Leaf")]),
    (
        "Attribute",
        &[
            (5, "Tensor"),
            (6, "Graph"),
            (10, "Tensor"),
            (11, "Graph"),
            (14, "Type"),
            (15, "Type"),
            (22, "Sparse"),
            (23, "Sparse"),
        ],
    ),
    ("Function", &[(7, "Node"), (9, "Leaf"), (11, "Attribute"), (12, "Value"), (14, "Leaf")]),
    ("Tensor", &[(3, "Leaf"), (13, "Leaf"), (16, "Leaf")]),
    ("Sparse", &[(1, "Tensor"), (2, "Tensor")]),
    ("Value", &[(2, "Type"), (4, "Leaf")]),
    ("Note", &[(2, "Leaf")]),
    (
        "Type",
        &[(1, "TensorType"), (4, "Element"), (5, "Map"), (7, "Leaf"), (8, "TensorType"), (9, "Element")],
    ),
    ("TensorType", &[(2, "Shape")]),
    ("Shape", &[(1, "Dimension")]),
    ("Element", &[(1, "Type")]),
    ("Map", &[(2, "Type")]),
    ("Dimension", &[]),
    ("Leaf", &[]),
];

/// The kind of message that a field of a message holds.
pub fn inner(kind: &str, number: u64) -> Option<&'static str> {
    let (_, fields) = MESSAGES.iter().find(|(name, _)| *name == kind)?;
    fields.iter().find(|(field, _)| *field == number).map(|(_, kind)| *kind)
}

pub fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// A field whose value is `bytes` with their length.
pub fn len_field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

pub fn varint_field(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn read_varint(bytes: &[u8], at: &mut usize) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

/// The tree of a valid model.
pub fn parse(bytes: &[u8]) -> Tree {
    let mut places = Vec::new();
    walk(bytes, 0, bytes.len(), "Model", &mut places)
}

/// Every field of a valid model, outer ones first.
pub fn places(bytes: &[u8]) -> Vec<Place> {
    let mut places = Vec::new();
    walk(bytes, 0, bytes.len(), "Model", &mut places);
    places
}

fn walk(bytes: &[u8], mut at: usize, end: usize, kind: &str, places: &mut Vec<Place>) -> Tree {
    let mut tree = Tree::new();
    while at < end {
        let tag = at;
        let key = read_varint(bytes, &mut at);
        let (number, wire, value) = (key >> 3, key & 7, at);
        let index = places.len();
        places.push(Place { tag, value, payload: value, end: value, wire });
        let read = match wire {
            0 => Value::Varint(read_varint(bytes, &mut at)),
            1 => {
                at += 8;
                Value::Fixed64(bytes[at - 8..at].try_into().unwrap())
            }
            5 => {
                at += 4;
                Value::Fixed32(bytes[at - 4..at].try_into().unwrap())
            }
            2 => {
                let length = read_varint(bytes, &mut at) as usize;
                places[index].payload = at;
                at += length;
                match inner(kind, number) {
                    Some(kind) => Value::Message(walk(bytes, at - length, at, kind, places)),
                    None => Value::Bytes(bytes[at - length..at].to_vec()),
                }
            }
            other => panic!("wire type {other} in a valid model"),
        };
        places[index].end = at;
        tree.push(Field { number, value: read });
    }
    tree
}

/// The encoding of a tree.
pub fn encode(tree: &Tree) -> Vec<u8> {
    let field = |field: &Field| match &field.value {
        Value::Varint(value) => varint_field(field.number, *value),
        Value::Fixed64(bytes) => [varint(field.number << 3 | 1), bytes.to_vec()].concat(),
        Value::Fixed32(bytes) => [varint(field.number << 3 | 5), bytes.to_vec()].concat(),
        Value::Bytes(bytes) => len_field(field.number, bytes),
        Value::Message(tree) => len_field(field.number, &encode(tree)),
    };
    tree.iter().flat_map(field).collect()
}
