//! Bytes that are not what they should be, packing, and back.

mod common;

use common::{FORMATS, Random, bf16};
use ortlet_kernels::{
    AlignedBytes, CodedWeights, Embedding, Format, Isa, KernelError, Kind, LayoutError, Linear,
    LinearWeights, PackError, PackOptions, Packed, pack_codes, pack_embedding, pack_linear, unpack,
};

fn examples() -> Vec<AlignedBytes> {
    let mut random = Random(40);
    let (k, n) = (150, 19);
    let (values, bias) = (random.units(k * n), random.units(n));
    let mut examples = Vec::new();
    for format in FORMATS {
        for bias in [None, Some(&bias[..])] {
            let weights = LinearWeights { k, n, values: &values, bias };
            examples.push(pack_linear(&weights, &PackOptions::new(format)).unwrap());
            if format == Format::Int8 {
                let options = PackOptions { format, group: true, outliers: &[0, 7, 149] };
                examples.push(pack_linear(&weights, &options).unwrap());
            }
        }
        examples.push(pack_embedding(k, n, &values, format).unwrap());
    }
    examples
}

#[test]
fn whole_bytes_are_read_and_end_on_a_border() {
    for bytes in examples() {
        assert!(bytes.len().is_multiple_of(64));
        let packed = Packed::parse(&bytes).unwrap();
        assert_eq!(packed.verify(), Ok(()));
        assert_eq!((packed.k(), packed.n()), (150, 19));
        assert!(std::ptr::eq(packed.bytes(), &*bytes));
    }
}

#[test]
fn cut_bytes_are_errors() {
    for bytes in examples() {
        let step = if cfg!(miri) { 97 } else { 1 };
        for length in (0..bytes.len()).step_by(step) {
            let expected = if length < 128 { 128 } else { bytes.len() } as u64;
            let error = LayoutError::Length { expected, found: length as u64 };
            assert_eq!(Packed::parse(&bytes[..length]).unwrap_err(), error);
        }
        let mut longer = AlignedBytes::zeroed(bytes.len() + 64);
        longer[..bytes.len()].copy_from_slice(&bytes);
        assert!(matches!(Packed::parse(&longer), Err(LayoutError::Length { .. })));
    }
}

#[test]
fn every_flipped_bit_of_the_header_is_an_error() {
    for mut bytes in examples() {
        for bit in 0..128 * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            match Packed::parse(&bytes) {
                Err(error) => assert!(!error.to_string().is_empty()),
                // The checksum of the rest is only compared by `verify`, but is itself under the header's.
                Ok(_) => panic!("bit {bit} of the header does not matter"),
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn flipped_bits_of_the_rest_are_found_by_verify() {
    let mut random = Random(41);
    for mut bytes in examples() {
        for _ in 0..if cfg!(miri) { 2 } else { 200 } {
            let bit = 128 * 8 + random.below((bytes.len() - 128) * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            match Packed::parse(&bytes) {
                Ok(packed) => assert_eq!(packed.verify(), Err(LayoutError::Checksum("weights"))),
                Err(error) => assert_eq!(error, LayoutError::Outliers),
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

/// Headers that are sealed with a right checksum, but whose numbers cannot be.
#[test]
fn numbers_that_cannot_be_are_errors() {
    let bytes = &examples()[0];
    let seal = |bytes: &mut AlignedBytes| {
        let checksum = ortlet_kernels::layout::xxh64(&bytes[..64]);
        bytes[64..72].copy_from_slice(&checksum.to_le_bytes());
    };
    let mut same = bytes.clone();
    seal(&mut same);
    assert_eq!(&same, bytes);
    for (at, size) in [(12, 4), (16, 4), (20, 4), (24, 8), (32, 8), (40, 4), (44, 4), (48, 8)] {
        for value in
            [0, 1, 2, 3, 4, 5, 128, 149, 151, 1 << 16, 1 << 31, u64::MAX / 2, u64::MAX - 63, u64::MAX]
        {
            let mut changed = bytes.clone();
            changed[at..at + size].copy_from_slice(&value.to_le_bytes()[..size]);
            if changed == *bytes {
                continue;
            }
            seal(&mut changed);
            let result = Packed::parse(&changed);
            // Some numbers fit others of the same size, such as another K that needs as many bytes.
            if let Ok(packed) = result {
                assert_eq!(packed.bytes().len(), bytes.len(), "at {at}: {value}");
                let _ = unpack(&packed);
            }
        }
    }
}

#[test]
fn other_versions_and_other_files_are_named() {
    let bytes = &examples()[0];
    let mut other = bytes.clone();
    other[8] = 2;
    assert_eq!(Packed::parse(&other).unwrap_err(), LayoutError::Version { expected: 1, found: 2 });
    other[0] = b'X';
    assert_eq!(Packed::parse(&other).unwrap_err(), LayoutError::Magic);
    let mut shifted = AlignedBytes::zeroed(bytes.len() + 4);
    shifted[4..].copy_from_slice(bytes);
    assert_eq!(Packed::parse(&shifted[4..]).unwrap_err(), LayoutError::Alignment);
    assert!(Packed::parse(&AlignedBytes::copy_of(&shifted[4..])).is_ok());
}

#[test]
fn outlier_channels_have_to_be_ascending_and_there() {
    let values = [1.0; 40];
    let options = PackOptions { format: Format::Int8, group: false, outliers: &[1, 3] };
    let bytes = pack_linear(&LinearWeights { k: 4, n: 10, values: &values, bias: None }, &options).unwrap();
    let at = Packed::parse(&bytes).unwrap().outlier_indices().as_ptr().addr() - bytes.as_ptr().addr();
    for indices in [[3_u32, 3], [3, 1], [1, 4], [1, u32::MAX]] {
        let mut changed = bytes.clone();
        changed[at..at + 4].copy_from_slice(&indices[0].to_le_bytes());
        changed[at + 4..at + 8].copy_from_slice(&indices[1].to_le_bytes());
        assert_eq!(Packed::parse(&changed).unwrap_err(), LayoutError::Outliers);
    }
}

#[test]
fn a_table_is_no_matrix() {
    let table = pack_embedding(2, 3, &[1.0; 6], Format::Fp32).unwrap();
    let weights = LinearWeights { k: 2, n: 3, values: &[1.0; 6], bias: None };
    let matrix = pack_linear(&weights, &PackOptions::new(Format::Fp32)).unwrap();
    let (table, matrix) = (Packed::parse(&table).unwrap(), Packed::parse(&matrix).unwrap());
    let wrong = |expected, found| KernelError::Layout(LayoutError::Kind { expected, found });
    let error = Linear::with_isa(table, Isa::Portable).unwrap_err();
    assert_eq!(error, wrong(Kind::Linear, Kind::Embedding));
    let error = Embedding::with_isa(matrix, Isa::Portable).unwrap_err();
    assert_eq!(error, wrong(Kind::Embedding, Kind::Linear));
}

#[test]
fn weights_come_back_as_they_were_rounded() {
    let mut random = Random(42);
    for (k, n) in [(1, 1), (3, 17), (130, 33)] {
        let values = random.wide(k * n, 3.0);
        let weights = LinearWeights { k, n, values: &values, bias: None };
        let back = |options: &PackOptions<'_>| {
            let bytes = pack_linear(&weights, options).unwrap();
            unpack(&Packed::parse(&bytes).unwrap())
        };
        assert_eq!(back(&PackOptions::new(Format::Fp32)), values);
        let rounded: Vec<f32> = values.iter().map(|value| bf16(*value)).collect();
        assert_eq!(back(&PackOptions::new(Format::Bf16)), rounded);
        for (half, value) in back(&PackOptions::new(Format::Fp16)).iter().zip(&values) {
            assert!((half - value).abs() <= value.abs() / 2048.0 + 2_f32.powi(-25), "{half} {value}");
        }
        let outliers = if k > 1 { vec![1, k as u32 - 1] } else { vec![] };
        let options = PackOptions { format: Format::Int8, group: false, outliers: &outliers };
        let back = back(&options);
        for column in 0..n {
            let rows = |at: &usize| !outliers.contains(&(*at as u32));
            let largest = (0..k).filter(rows).fold(0_f32, |max, row| max.max(values[row * n + column].abs()));
            for row in 0..k {
                let (back, value) = (back[row * n + column], values[row * n + column]);
                let bound = if rows(&row) { largest / 127.0 * 0.500_01 } else { 0.0 };
                assert!((back - value).abs() <= bound, "{back} {value} {largest}");
            }
        }
    }
}

#[test]
fn columns_of_zeros_and_of_the_smallest_numbers_are_kept_apart() {
    let values = [0.0, 1e-45, 1e-38, 1e38, 3e38, -0.0, -1e-45, -1e-38, -1e38, -3e38];
    let weights = LinearWeights { k: 2, n: 5, values: &values, bias: None };
    let bytes = pack_linear(&weights, &PackOptions::new(Format::Int8)).unwrap();
    let packed = Packed::parse(&bytes).unwrap();
    assert_eq!(packed.scales()[0], 1.0);
    assert!(packed.scales()[..5].iter().all(|scale| scale.is_normal()));
    let back = unpack(&packed);
    assert_eq!([back[0], back[5]], [0.0, 0.0]);
    for at in [3, 4, 8, 9] {
        assert!((back[at] / values[at] - 1.0).abs() < 1e-6, "{} {}", back[at], values[at]);
    }
}

#[test]
fn weights_without_a_value_are_errors() {
    let error = |values: &[f32], format| {
        let weights = LinearWeights { k: 2, n: 2, values, bias: None };
        pack_linear(&weights, &PackOptions::new(format)).map(|bytes| unpack(&Packed::parse(&bytes).unwrap()))
    };
    let wrong = Err(PackError::Value { row: 1, column: 0 });
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let values = [0.0, 1.0, value, 1.0];
        assert_eq!(error(&values, Format::Int8), wrong);
        assert_eq!(error(&values, Format::Fp16), wrong);
        for format in [Format::Fp32, Format::Bf16] {
            let kept = error(&values, format).unwrap()[2];
            assert!(kept == value || kept.is_nan() && value.is_nan());
        }
        assert_eq!(pack_embedding(2, 2, &values, Format::Int8), Err(PackError::Value { row: 1, column: 0 }));
    }
    assert_eq!(error(&[0.0, 1.0, 65520.0, 1.0], Format::Fp16), wrong);
    assert_eq!(error(&[0.0, 1.0, 65519.0, 1.0], Format::Fp16).unwrap()[2], 65504.0);
}

#[test]
fn what_does_not_fit_together_is_not_packed() {
    let weights = LinearWeights { k: 2, n: 2, values: &[0.0; 4], bias: None };
    let fp32 = PackOptions::new(Format::Fp32);
    let pack = |weights, options| pack_linear(&weights, &options).unwrap_err();
    let error = pack(LinearWeights { values: &[0.0; 3], ..weights }, fp32);
    assert_eq!(error, PackError::Length { what: "weights", expected: 4, found: 3 });
    let error = pack(LinearWeights { bias: Some(&[0.0; 3]), ..weights }, fp32);
    assert_eq!(error, PackError::Length { what: "bias", expected: 2, found: 3 });
    let error = pack(LinearWeights { k: 0, values: &[], ..weights }, fp32);
    assert_eq!(error, PackError::Size { k: 0, n: 2 });
    let error = pack(LinearWeights { k: usize::MAX, ..weights }, fp32);
    assert_eq!(error, PackError::Size { k: usize::MAX, n: 2 });
    assert_eq!(pack(weights, PackOptions { group: true, ..fp32 }), PackError::Format("groups"));
    let error = pack(weights, PackOptions { outliers: &[0], ..fp32 });
    assert_eq!(error, PackError::Format("outlier channels"));
    let int8 = PackOptions::new(Format::Int8);
    for outliers in [&[2][..], &[1, 0], &[0, 0]] {
        assert_eq!(pack(weights, PackOptions { outliers, ..int8 }), PackError::Outliers);
    }
    let long = LinearWeights { k: 65537, n: 1, values: &vec![0.0; 65537], bias: None };
    assert_eq!(pack(long, int8), PackError::Size { k: 65537, n: 1 });
    assert!(pack_linear(&long, &PackOptions { group: true, ..int8 }).is_ok());
    let coded = CodedWeights {
        k: 2,
        n: 2,
        codes: &[0, 0, 0, -128],
        scales: &[1.0; 2],
        bias: None,
        outliers: &[],
        outlier_rows: &[],
        group: false,
    };
    assert_eq!(pack_codes(&coded), Err(PackError::Code { row: 1, column: 1 }));
    // Codes of outlier channels are not looked at.
    assert!(pack_codes(&CodedWeights { outliers: &[1], outlier_rows: &[1.0; 2], ..coded }).is_ok());
    let error = pack_codes(&CodedWeights { scales: &[1.0, f32::NAN], ..coded });
    assert_eq!(error, Err(PackError::Value { row: 0, column: 1 }));
    let error = pack_codes(&CodedWeights { outliers: &[1], ..coded });
    assert_eq!(error, Err(PackError::Length { what: "outlier rows", expected: 2, found: 0 }));
}
