//! Damaged and hostile models give a clean error or a model, in bounded memory; that the test ends bounds the time.

mod counting;
mod damage;
mod fixtures;

use counting::{Counting, HELD, PEAK};
use damage::{Damaged, damaged};
use ortlet::ErrorCode;
use ortlet::model::Model;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Memory that reading a model may take: a multiple of its size, and a constant for small ones.
fn allowed_bytes(model_bytes: usize) -> usize {
    100 * model_bytes + (4 << 20)
}

/// Parses, validates, reports and writes; gives back the error and the peak of memory.
fn read(bytes: Vec<u8>) -> (Option<ortlet::Error>, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let result = Model::parse(bytes).and_then(|model| {
        let valid = model.validate();
        // Works for invalid models, too.
        let report = model.report();
        assert!(report.node_count >= report.subgraph_count.min(1));
        model.to_bytes()?;
        valid
    });
    (result.err(), PEAK.get() - before)
}

fn check(Damaged { name, bytes, must_fail }: Damaged, fixture: &str) {
    let size = bytes.len();
    let (error, peak) = read(bytes);
    assert!(peak <= allowed_bytes(size), "{fixture}: {name}: {peak} bytes for a model of {size} bytes");
    assert!(error.is_some() || !must_fail, "{fixture}: {name} was accepted");
    if let Some(error) = error {
        let clean = [ErrorCode::InvalidModel, ErrorCode::Unsupported, ErrorCode::LimitExceeded];
        assert!(clean.contains(&error.code()), "{fixture}: {name}: {error:?}");
        assert!(error.to_string().len() < 20_000, "{fixture}: {name}: the message is too long");
    }
}

#[test]
fn damaged_models_give_clean_errors_in_bounded_time_and_memory() {
    for (seed, (name, bytes)) in fixtures::all().into_iter().enumerate() {
        let variants = damaged(&bytes, seed as u64);
        assert!(variants.len() >= 200, "{name}: only {} variants", variants.len());
        for variant in variants {
            check(variant, &name);
        }
    }
}

#[test]
fn the_damage_is_the_same_every_time() {
    let model = fixtures::read("perceptron");
    let bytes = |seed| damaged(&model, seed).into_iter().map(|damaged| damaged.bytes).collect::<Vec<_>>();
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn nothing_is_lost_by_the_additions_themselves() {
    let unharmed =
        damaged(&fixtures::read("perceptron"), 0).into_iter().find(|d| d.name == "unharmed").unwrap();
    assert_eq!(read(unharmed.bytes).0, None);
}

#[test]
fn parsing_does_not_copy_payloads() {
    const PAYLOAD_BYTES: usize = 32 << 20;
    let mut model = Model::parse(fixtures::read("perceptron")).unwrap();
    let tensor = &mut model.graph.as_mut().unwrap().initializer[0];
    tensor.dims = vec![PAYLOAD_BYTES as i64 / 4];
    tensor.raw_data = Some(vec![0; PAYLOAD_BYTES].into());
    let bytes = model.to_bytes().unwrap();
    let before = HELD.get();
    PEAK.set(before);
    let parsed = Model::parse(bytes).unwrap();
    parsed.validate().unwrap();
    assert!(PEAK.get() - before < 256 << 10, "{} bytes", PEAK.get() - before);
    let mut longest = 0;
    parsed
        .write_to(&mut |piece| {
            longest = longest.max(piece.len());
            Ok(())
        })
        .unwrap();
    assert_eq!(longest, PAYLOAD_BYTES, "the payload goes to the sink in one piece");
    assert!(PEAK.get() - before < 512 << 10, "{} bytes", PEAK.get() - before);
}
