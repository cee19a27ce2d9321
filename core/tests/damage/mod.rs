//! Makes damaged variants of a valid model: the same ones for the same seed. Shared by several test binaries.
#![allow(dead_code, reason = "each test binary uses a part")]

pub mod wire;

use wire::{Place, len_field, places, varint, varint_field};

/// A damaged model.
pub struct Damaged {
    /// What was done to it.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Whether parsing and validating must fail; otherwise they may.
    pub must_fail: bool,
}

/// A small generator of numbers that look random (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// At least 200 damaged variants of `model`, which has to be valid.
pub fn damaged(model: &[u8], seed: u64) -> Vec<Damaged> {
    let mut random = Random(seed);
    let mut out = Vec::new();
    let places = sample(places(model), 120, &mut random);
    truncations(model, &places, &mut out);
    lengths(model, &sample(places.clone(), 24, &mut random), &mut out);
    wire_types(model, &sample(places, 12, &mut random), &mut out);
    noise(model, &mut random, &mut out);
    additions(model, &mut out);
    depths(model, &mut out);
    crowds(&mut out);
    out
}

/// At most `count` of the items, in order.
fn sample<T>(items: Vec<T>, count: usize, random: &mut Random) -> Vec<T> {
    let total = items.len();
    let offset = random.below(total);
    let chosen = |index: usize| {
        total <= count || (index + offset) * count / total != (index + offset + 1) * count / total
    };
    items.into_iter().enumerate().filter(|(index, _)| chosen(*index)).map(|(_, item)| item).collect()
}

fn push(out: &mut Vec<Damaged>, name: impl Into<String>, bytes: Vec<u8>, must_fail: bool) {
    out.push(Damaged { name: name.into(), bytes, must_fail });
}

/// Cuts the model at every border: before and after each tag, length and value.
fn truncations(model: &[u8], places: &[Place], out: &mut Vec<Damaged>) {
    let mut cuts: Vec<usize> =
        places.iter().flat_map(|place| [place.tag, place.value, place.payload, place.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    for cut in cuts.into_iter().filter(|&cut| cut < model.len()) {
        push(out, format!("cut at byte {cut}"), model[..cut].to_vec(), false);
    }
}

/// Replaces lengths by hostile ones.
fn lengths(model: &[u8], places: &[Place], out: &mut Vec<Damaged>) {
    for place in places.iter().filter(|place| place.wire == 2) {
        let length = (place.end - place.payload) as u64;
        let hostile = [
            ("2^31", varint(1 << 31), true),
            ("2^32 more", varint(length + (1 << 32)), true),
            ("2^63", varint(1 << 63), true),
            ("2^64 - 1", varint(u64::MAX), true),
            ("varint without end", vec![0xff; 12], true),
            (
                "padded varint",
                [&[length as u8 | 0x80][..], &varint((length >> 7) | 0x80)[..], &[0]].concat(),
                false,
            ),
            ("one more", varint(length + 1), false),
            ("one less", varint(length.saturating_sub(1)), false),
            ("zero", vec![0], false),
        ];
        for (name, bytes, must_fail) in hostile {
            let bytes = [&model[..place.value], &bytes, &model[place.payload..]].concat();
            push(out, format!("length {name} at byte {}", place.value), bytes, must_fail);
        }
    }
}

/// Gives fields another wire type, and the number 0.
fn wire_types(model: &[u8], places: &[Place], out: &mut Vec<Damaged>) {
    for place in places {
        for wire in (0..8).filter(|&wire| wire != place.wire) {
            let mut bytes = model.to_vec();
            bytes[place.tag] = bytes[place.tag] & !7 | wire as u8;
            push(out, format!("wire type {wire} at byte {}", place.tag), bytes, wire > 5);
        }
        let mut bytes = model.to_vec();
        bytes[place.tag] &= 7;
        push(out, format!("field 0 at byte {}", place.tag), bytes, place.value - place.tag == 1);
    }
}

/// Flips bits; removes, repeats and overwrites ranges; adds a tail.
fn noise(model: &[u8], random: &mut Random, out: &mut Vec<Damaged>) {
    for index in 0..64 {
        let mut bytes = model.to_vec();
        for _ in 0..=index % 4 {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        push(out, format!("bit flips {index}"), bytes, false);
    }
    for index in 0..16 {
        let start = random.below(model.len());
        let end = (start + 1 + random.below(64)).min(model.len());
        push(out, format!("removed {index}"), [&model[..start], &model[end..]].concat(), false);
        push(out, format!("repeated {index}"), [&model[..end], &model[start..]].concat(), false);
        let noise: Vec<u8> = (start..end).map(|_| random.next() as u8).collect();
        push(out, format!("overwritten {index}"), [&model[..start], &noise, &model[end..]].concat(), false);
        push(out, format!("tail {index}"), [model, &noise].concat(), false);
    }
    push(out, "empty", Vec::new(), true);
    push(out, "twice", [model, model].concat(), false);
}

/// Adds to the main graph: a second `graph` field is merged with the first.
fn with_graph(model: &[u8], graph: &[Vec<u8>]) -> Vec<u8> {
    [model, &len_field(7, &graph.concat())].concat()
}

fn node(op_type: &str, inputs: &[&str], outputs: &[&str], more: &[Vec<u8>]) -> Vec<u8> {
    let inputs = inputs.iter().map(|name| len_field(1, name.as_bytes()));
    let outputs = outputs.iter().map(|name| len_field(2, name.as_bytes()));
    let mut fields: Vec<Vec<u8>> = inputs.chain(outputs).collect();
    fields.push(len_field(4, op_type.as_bytes()));
    fields.extend_from_slice(more);
    len_field(1, &fields.concat())
}

/// An initializer named `evil`, a node that reads it, and an output that needs it.
fn tensor(fields: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let tensor = [fields.concat(), len_field(8, b"evil")].concat();
    let output = len_field(12, &len_field(1, b"evil_out"));
    vec![len_field(5, &tensor), node("Identity", &["evil"], &["evil_out"], &[]), output]
}

fn dims(dims: &[u64]) -> Vec<u8> {
    dims.iter().flat_map(|&dim| varint_field(1, dim)).collect()
}

fn entry(key: &str, value: &str) -> Vec<u8> {
    len_field(13, &[len_field(1, key.as_bytes()), len_field(2, value.as_bytes())].concat())
}

/// Things that are well-formed but wrong.
fn additions(model: &[u8], out: &mut Vec<Damaged>) {
    let mut add =
        |name: &str, graph: &[Vec<u8>], must_fail| push(out, name, with_graph(model, graph), must_fail);
    let float = || varint_field(2, 1);
    let raw = |bytes: usize| len_field(9, &vec![0; bytes]);
    add("unharmed", &tensor(&[dims(&[2]), float(), raw(8)]), false);
    add(
        "two nodes make one value",
        &[node("Identity", &[], &["twin"], &[]), node("Identity", &[], &["twin"], &[])],
        true,
    );
    add("one node makes a value twice", &[node("Split", &[], &["twin", "twin"], &[])], true);
    add("unknown input", &[node("Identity", &["nowhere"], &["evil_out"], &[])], true);
    add("cycle of one", &[node("Identity", &["loop"], &["loop"], &[])], true);
    add("cycle of two", &[node("Abs", &["a_"], &["b_"], &[]), node("Abs", &["b_"], &["a_"], &[])], true);
    add("no operator", &[node("", &[], &["evil_out"], &[])], true);
    add("output from nowhere", &[len_field(12, &len_field(1, b"nowhere"))], true);
    add("input without type", &[len_field(11, &len_field(1, b"evil"))], true);
    add(
        "attribute without name",
        &[node("Abs", &[], &["evil_out"], &[len_field(5, &varint_field(3, 1))])],
        true,
    );
    add("name that is not UTF-8", &[len_field(1, &len_field(1, &[0xff, 0xfe]))], true);
    for (name, fields) in [
        ("raw data too short", vec![dims(&[2]), float(), raw(4)]),
        ("raw data too long", vec![dims(&[2]), float(), raw(12)]),
        ("no data", vec![dims(&[2]), float()]),
        ("float data too short", vec![dims(&[2]), float(), len_field(4, &[0; 4])]),
        ("float data of half a number", vec![dims(&[2]), float(), len_field(4, &[0; 6])]),
        ("integer data cut", vec![dims(&[2]), varint_field(2, 7), len_field(7, &[1, 0x80])]),
        ("data in the wrong field", vec![dims(&[2]), float(), len_field(7, &[1, 2])]),
        ("negative dim", vec![dims(&[u64::MAX]), float(), raw(4)]),
        ("dims overflow", vec![dims(&[1 << 62, 1 << 62]), float(), raw(4)]),
        ("dims overflow to 0", vec![dims(&[1 << 32, 1 << 32]), float(), raw(0)]),
        ("huge dim", vec![dims(&[i64::MAX as u64]), float(), raw(4)]),
        ("no element type", vec![dims(&[1]), raw(4)]),
        ("unknown element type", vec![dims(&[1]), varint_field(2, 99), raw(4)]),
        ("strings as raw data", vec![dims(&[1]), varint_field(2, 8), raw(4)]),
        ("4-bit data too long", vec![dims(&[3]), varint_field(2, 22), raw(3)]),
    ] {
        add(name, &tensor(&fields), true);
    }
    let external =
        |entries: &[Vec<u8>]| tensor(&[dims(&[2]), float(), entries.concat(), varint_field(14, 1)]);
    add("external data that is missing", &external(&[entry("location", "missing.bin")]), false);
    add("external data without place", &external(&[]), true);
    for place in [
        "",
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "C:\\x",
        "\\\\host\\x",
        "a\\..\\x",
        "a\0b",
        "*/_ORT_MEM_ADDR_/*",
    ] {
        add(&format!("external data at {place:?}"), &external(&[entry("location", place)]), true);
    }
    for number in ["-1", "", "x", "99999999999999999999", "1e3", "0x10"] {
        let bad = |key| external(&[entry("location", "w"), entry(key, number)]);
        add(&format!("external offset {number:?}"), &bad("offset"), true);
        add(&format!("external length {number:?}"), &bad("length"), true);
    }
    let huge = [entry("location", "w"), entry("offset", &i64::MAX.to_string()), entry("length", "8")];
    add("external offset huge", &external(&huge), false);
    add(
        "external length wrong",
        &external(&[entry("location", "w"), entry("length", &i64::MAX.to_string())]),
        true,
    );
    add("external place twice", &external(&[entry("location", "a"), entry("location", "b")]), true);
}

/// Nests `levels` fields within each other, each one a path of field numbers; `core` is innermost.
fn nested(path: &[u64], levels: usize, core: &[u8]) -> Vec<u8> {
    // From the inside outwards, so that every length is known when it is written.
    let mut headers = Vec::with_capacity(levels * path.len());
    let mut size = core.len();
    for _ in 0..levels {
        for &number in path.iter().rev() {
            let header = [varint(number << 3 | 2), varint(size as u64)].concat();
            size += header.len();
            headers.push(header);
        }
    }
    headers.iter().rev().flatten().chain(core).copied().collect()
}

/// Nests graphs, types and groups too deeply.
fn depths(model: &[u8], out: &mut Vec<Damaged>) {
    for levels in [10, 30, 34, 100, 1000, 10_000] {
        let deep = levels > 50;
        // graph > node > attribute > graph ...
        let graphs = nested(&[1, 5, 6], levels, &[]);
        push(out, format!("graphs nested {levels} deep"), with_graph(model, &[graphs]), levels > 33);
        // value > type, then sequence > element type ...
        for (name, number) in [("sequences", 4), ("optionals", 9), ("maps", 5)] {
            let inner = if number == 5 { 2 } else { 1 };
            let types = nested(&[number, inner], levels, &[]);
            let value = len_field(13, &[len_field(1, b"deep"), len_field(2, &types)].concat());
            push(out, format!("{name} nested {levels} deep"), with_graph(model, &[value]), deep);
        }
        let groups = [[0xfb, 0x3e].repeat(levels), [0xfc, 0x3e].repeat(levels)].concat();
        push(out, format!("groups nested {levels} deep"), [model, &groups].concat(), levels > 100);
        push(
            out,
            format!("{levels} groups without end"),
            [model, &[0xfb, 0x3e].repeat(levels)].concat(),
            true,
        );
    }
}

/// Few bytes that ask for much memory. These do not depend on the model.
fn crowds(out: &mut Vec<Damaged>) {
    const COUNT: usize = 100_000;
    let mut crowd = |name: &str, graph: Vec<u8>| push(out, name, len_field(7, &graph), true);
    for (name, number) in
        [("nodes", 1), ("initializers", 5), ("inputs", 11), ("annotations", 14), ("sparse", 15)]
    {
        crowd(&format!("{COUNT} empty {name}"), len_field(number, &[]).repeat(COUNT));
    }
    crowd("empty attributes", len_field(1, &len_field(5, &[]).repeat(COUNT)));
    crowd("empty inputs of a node", len_field(1, &len_field(1, &[]).repeat(COUNT)));
    crowd("empty metadata", len_field(16, &[]).repeat(COUNT));
    crowd("empty strings of a tensor", len_field(5, &len_field(6, &[]).repeat(COUNT)));
    crowd("dims", len_field(5, &varint_field(1, 1).repeat(COUNT)));
    crowd("packed dims", len_field(5, &len_field(1, &vec![1; COUNT])));
    crowd("numbers one by one", len_field(5, &varint_field(7, 1).repeat(COUNT)));
    crowd("unknown fields", varint_field(1000, 1).repeat(COUNT));
    let shape = len_field(2, &len_field(1, &len_field(2, &len_field(1, &[]).repeat(COUNT))));
    crowd("empty dimensions", len_field(11, &shape));
    crowd("empty tensors of an attribute", len_field(1, &len_field(5, &len_field(10, &[]).repeat(COUNT))));
    crowd("empty graphs of an attribute", len_field(1, &len_field(5, &len_field(11, &[]).repeat(COUNT))));
}
