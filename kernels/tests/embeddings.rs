//! Rows of tables.

mod common;

use common::{FORMATS, Random, Threads};
use ortlet_kernels::{Embedding, Isa, KernelError, Packed, Parallel, Serial, pack_embedding, unpack};

#[test]
fn rows_are_those_of_the_table() {
    let mut random = Random(50);
    for (rows, width) in [(1, 1), (7, 3), (40, 33), (100, 384)] {
        if cfg!(miri) && width > 3 {
            continue;
        }
        let values = random.wide(rows * width, 2.0);
        let ids: Vec<i64> =
            (0..60).map(|_| random.below(2 * rows) as i64 - rows as i64).chain([0, -1]).collect();
        for format in FORMATS {
            let bytes = pack_embedding(rows, width, &values, format).unwrap();
            let packed = Packed::parse(&bytes).unwrap();
            let table = unpack(&packed);
            for isa in Isa::available() {
                let embedding = Embedding::with_isa(packed.clone(), isa).unwrap();
                for pool in [&Serial as &dyn Parallel, &Threads(3)] {
                    let mut out = vec![f32::NAN; ids.len() * width];
                    embedding.lookup(&ids, &mut out, pool).unwrap();
                    for (id, out) in ids.iter().zip(out.chunks_exact(width)) {
                        let row = if *id < 0 { id + rows as i64 } else { *id } as usize;
                        assert_eq!(out, &table[row * width..][..width], "{isa:?} {format:?} {id}");
                    }
                }
            }
        }
    }
}

#[test]
fn wrong_ids_are_named() {
    let bytes = pack_embedding(3, 2, &[1.0; 6], ortlet_kernels::Format::Bf16).unwrap();
    let embedding = Embedding::new(Packed::parse(&bytes).unwrap()).unwrap();
    for index in [3, -4, i64::MAX, i64::MIN] {
        let mut out = [0.0; 6];
        let error = embedding.lookup(&[0, index, 99], &mut out, &Serial);
        assert_eq!(error, Err(KernelError::Index { index, rows: 3 }));
    }
    let error = embedding.lookup(&[0], &mut [0.0; 3], &Serial);
    assert_eq!(error, Err(KernelError::Length { what: "out", expected: 2, found: 3 }));
    assert_eq!(embedding.lookup(&[], &mut [], &Threads(2)), Ok(()));
}

#[test]
#[cfg_attr(miri, ignore = "large")]
fn the_first_wrong_id_is_named_whichever_thread_finds_one() {
    let bytes = pack_embedding(3, 2, &[1.0; 6], ortlet_kernels::Format::Bf16).unwrap();
    let embedding = Embedding::new(Packed::parse(&bytes).unwrap()).unwrap();
    let mut ids = vec![1; 20_000];
    ids[7000] = 5;
    ids[19_999] = 6;
    let mut out = vec![0.0; 40_000];
    let error = embedding.lookup(&ids, &mut out, &Threads(4));
    assert_eq!(error, Err(KernelError::Index { index: 5, rows: 3 }));
}
