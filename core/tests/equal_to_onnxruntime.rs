//! Sessions compute, to the bit, what plain onnxruntime computes with the same settings.

mod common;

use common::{Case, reference, two_threads};
use ortlet::Session;
use ortlet::tensor::{DType, F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, Tensor, pack, unpack};

/// An uncached session of the case's model against plain onnxruntime.
fn check(case: &Case) {
    common::check(case, &Session::load(&case.model, &two_threads()).unwrap());
}

#[test]
fn real_models_give_the_same_bits() {
    for name in ["magika", "silero-vad", "ocr-rec", "ocr-cls", "minilm"] {
        check(reference().case(name));
    }
    assert_eq!(reference().case("silero-vad").steps.len(), 100);
}

#[test]
fn every_kind_of_value_passes_in_and_out() {
    for name in ["strings", "sequence", "maps", "map-input", "optional", "passed-through"] {
        check(reference().case(name));
    }
}

#[test]
fn numeric_types_pass_in_and_out() {
    let identities: Vec<_> =
        reference().cases.iter().filter(|case| case.name.starts_with("identity-")).collect();
    assert_eq!(identities.len(), 12);
    identities.into_iter().for_each(check);
}

/// Runs one of the script's small cast models.
fn cast(model: &str, input: &Tensor) -> Tensor {
    let path = reference().folder.join(format!("{model}.onnx"));
    let session = Session::load(path, &two_threads()).unwrap();
    session.run([("x", input)]).unwrap().remove("y").unwrap().into_tensor().unwrap()
}

/// Every pattern of an 8-bit float means to ONNX Runtime what it means to us, and `f32` rounds to the same pattern.
fn check_float8(dtype: DType, decode: fn(u8) -> f32, encode: fn(f32) -> u8) {
    let patterns: Vec<u8> = (0..=255).collect();
    let floats = cast(&format!("cast-from-{dtype}"), &Tensor::from_bytes(dtype, [256], &patterns).unwrap());
    for (&pattern, float) in patterns.iter().zip(floats.as_slice::<f32>().unwrap()) {
        let own = decode(pattern);
        assert!(own == *float || own.is_nan() && float.is_nan(), "{dtype} {pattern:#x}: {own} and {float}");
    }
    let mut numbers: Vec<f32> = (0..4000).map(|n| (n as f32 * 0.37 - 700.0) * 0.01_f32.powi(n % 5)).collect();
    numbers.extend([0.0, -0.0, 1e30, -1e30, f32::NAN, f32::MIN_POSITIVE, 1e-40]);
    let rounded =
        cast(&format!("cast-to-{dtype}"), &Tensor::from_vec([numbers.len()], numbers.clone()).unwrap());
    for (number, pattern) in numbers.iter().zip(rounded.bytes().unwrap()) {
        let (own, runtime) = (decode(encode(*number)), decode(*pattern));
        assert!(
            own.to_bits() == runtime.to_bits() || own.is_nan() && runtime.is_nan(),
            "{dtype} of {number}"
        );
    }
}

#[test]
fn eight_bit_floats_mean_the_same() {
    check_float8(DType::F8E4M3FN, |b| F8E4M3FN(b).to_f32(), |v| F8E4M3FN::from_f32(v).0);
    check_float8(DType::F8E4M3FNUZ, |b| F8E4M3FNUZ(b).to_f32(), |v| F8E4M3FNUZ::from_f32(v).0);
    check_float8(DType::F8E5M2, |b| F8E5M2(b).to_f32(), |v| F8E5M2::from_f32(v).0);
    check_float8(DType::F8E5M2FNUZ, |b| F8E5M2FNUZ(b).to_f32(), |v| F8E5M2FNUZ::from_f32(v).0);
}

#[test]
fn four_bit_integers_are_packed_alike() {
    for (dtype, values) in
        [(DType::U4, (0..15).collect::<Vec<u8>>()), (DType::I4, (-8..7_i8).map(|v| v as u8).collect())]
    {
        let packed = Tensor::from_bytes(dtype, [15], &pack(dtype, &values).unwrap()).unwrap();
        let floats = cast(&format!("cast-from-{dtype}"), &packed);
        let expected: Vec<f32> = values
            .iter()
            .map(|&v| if dtype == DType::I4 { f32::from(v as i8) } else { f32::from(v) })
            .collect();
        assert_eq!(floats.as_slice::<f32>().unwrap(), expected);
        let back = cast(&format!("cast-to-{dtype}"), &floats);
        assert_eq!(unpack(dtype, back.bytes().unwrap(), 15).unwrap(), values);
    }
}

#[test]
fn bfloat16_means_the_same() {
    let numbers: Vec<f32> = (0..2000).map(|n| (n as f32 - 1000.0) * 1.37).collect();
    let rounded = cast("cast-to-bfloat16", &Tensor::from_vec([2000], numbers.clone()).unwrap());
    let own: Vec<half::bf16> = numbers.into_iter().map(half::bf16::from_f32).collect();
    assert_eq!(rounded.as_slice::<half::bf16>().unwrap(), own);
    let back = cast("cast-from-bfloat16", &rounded);
    assert!(back.as_slice::<f32>().unwrap().iter().zip(&own).all(|(a, b)| *a == b.to_f32()));
}

#[test]
fn misaligned_input_is_copied_not_refused() {
    let case = reference().case("identity-float64");
    let session = Session::load(&case.model, &two_threads()).unwrap();
    let bytes: Vec<u8> = (0..49).collect();
    for start in 0..2 {
        let view =
            ortlet::tensor::TensorView::from_bytes(DType::F64, [2, 3], &bytes[start..start + 48]).unwrap();
        let outputs = session.run([("x", view)]).unwrap();
        assert_eq!(outputs["y"].as_tensor().unwrap().bytes().unwrap(), &bytes[start..start + 48]);
    }
}
