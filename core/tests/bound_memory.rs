//! What memory a binding's inputs and outputs lie in: shapes that change with the data, shapes that a model tells
//! wrongly, the caller's memory, values that pass through, and inputs that need not be given.

mod common;
mod fixtures;
mod graphs;

use graphs::{graph, model, node, value};
use ortlet::tensor::{DType, Tensor, TensorView, TensorViewMut};
use ortlet::{Binding, ErrorCode, Session, SessionOptions};

const F32: DType = DType::F32;

fn session(graph: ortlet::model::GraphProto) -> Session {
    graphs::session(&model(graph), &SessionOptions::default())
}

fn set(binding: &mut Binding<'_>, name: &str, numbers: &[f32]) {
    binding.input_mut(name).unwrap().as_slice_mut().unwrap().copy_from_slice(numbers);
}

fn dims(view: &TensorView<'_>) -> Vec<usize> {
    view.shape().to_vec()
}

/// `y`: the places in `x` that are not zero. `size` is what the model says of their number.
fn places(size: &str) -> Session {
    session(graph(
        vec![node("NonZero", &["x"], &["y"])],
        vec![value("x", F32, &["n"])],
        vec![value("y", DType::I64, &["1", size])],
        vec![],
    ))
}

/// Runs on data with outputs of every size, growing, shrinking and empty.
fn check_places(binding: &mut Binding<'_>, rounds: usize) {
    let data: [[f32; 4]; 6] = [
        [0.0, 1.0, 0.0, 2.0],
        [1.0, 1.0, 1.0, 1.0],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 3.0, 0.0],
        [1.0, 0.0, 3.0, 5.0],
        [1.0, 1.0, 1.0, 1.0],
    ];
    for numbers in data.iter().cycle().take(rounds) {
        set(binding, "x", numbers);
        binding.run().unwrap();
        let expected: Vec<i64> = (0..4).filter(|&at| numbers[at as usize] != 0.0).collect();
        let output = binding.output("y").unwrap();
        assert_eq!(dims(&output), [1, expected.len()]);
        assert_eq!(output.as_slice::<i64>().unwrap(), expected);
    }
}

#[test]
fn an_output_takes_the_shape_that_the_data_gives_it() {
    check_places(&mut places("k").bind([("x", [4])]).unwrap(), 30);
    check_places(&mut places("").bind([("x", [4])]).unwrap(), 30);
}

#[test]
fn an_output_whose_name_of_a_dimension_lies_takes_the_shape_of_the_data() {
    // The first run does not fit what the names say.
    check_places(&mut places("n").bind([("x", [4])]).unwrap(), 30);
    // The first run happens to fit, a later one does not.
    let mut binding = places("n").bind([("x", [4])]).unwrap();
    set(&mut binding, "x", &[1.0; 4]);
    binding.run().unwrap();
    check_places(&mut binding, 30);
}

#[test]
fn a_lying_name_beside_a_tie_keeps_the_state() {
    // `sum` goes round; `y` is said to be as long as `x`, and is twice as long.
    let mut twice = node("Concat", &["sum", "sum"], &["y"]);
    twice.attribute.push(graphs::whole("axis", 0));
    let session = session(graph(
        vec![node("Add", &["x", "state"], &["sum"]), twice],
        vec![value("x", F32, &["n"]), value("state", F32, &["n"])],
        vec![value("sum", F32, &["n"]), value("y", F32, &["n"])],
        vec![],
    ));
    let shapes = session.binder().shape("x", [2]).shape("state", [2]);
    let mut binding = shapes.tie("sum", "state").bind().unwrap();
    for number in 1..6 {
        set(&mut binding, "x", &[1.0, 10.0]);
        binding.run().unwrap();
        let sum = [number as f32, 10.0 * number as f32];
        assert_eq!(binding.output("sum").unwrap().as_slice::<f32>().unwrap(), sum);
        assert_eq!(binding.output("y").unwrap().as_slice::<f32>().unwrap(), [sum, sum].concat());
    }
}

#[test]
fn a_shape_that_the_caller_said_is_kept_to() {
    let session = places("k");
    let mut binding = session.binder().shape("x", [4]).shape("y", [1, 2]).bind().unwrap();
    set(&mut binding, "x", &[1.0, 0.0, 1.0, 0.0]);
    binding.run().unwrap();
    let address = binding.output("y").unwrap().bytes().unwrap().as_ptr();
    set(&mut binding, "x", &[1.0; 4]);
    assert_eq!(binding.run().unwrap_err().code(), ErrorCode::RuntimeFailed);
    assert_eq!(binding.output("y").unwrap_err().code(), ErrorCode::InvalidArgument, "no run was made");
    set(&mut binding, "x", &[0.0, 0.0, 7.0, 7.0]);
    binding.run().unwrap();
    let output = binding.output("y").unwrap();
    assert_eq!((output.as_slice::<i64>().unwrap(), output.bytes().unwrap().as_ptr()), (&[2, 3][..], address));
}

/// `y = -x`
fn negation(dims: &[&str]) -> Session {
    session(graph(
        vec![node("Neg", &["x"], &["y"])],
        vec![value("x", F32, dims)],
        vec![value("y", F32, dims)],
        vec![],
    ))
}

#[test]
fn runs_read_and_write_the_callers_memory() {
    let session = negation(&["n", "3"]);
    let (mut x, mut y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0_f32], [0.0_f32; 6]);
    {
        let place = y.as_ptr().addr();
        let binder = session.binder().memory("x", TensorViewMut::from_slice([2, 3], &mut x).unwrap());
        let binder = binder.memory("y", TensorViewMut::from_slice([2, 3], &mut y).unwrap());
        let mut binding = binder.bind().unwrap();
        binding.run().unwrap();
        let output = binding.output("y").unwrap();
        assert_eq!(output.bytes().unwrap().as_ptr().addr(), place);
        assert_eq!(output.as_slice::<f32>().unwrap(), [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0]);
        binding.input_mut("x").unwrap().as_slice_mut::<f32>().unwrap()[5] = 60.0;
        binding.run().unwrap();
    }
    assert_eq!(x[5], 60.0);
    assert_eq!(y, [-1.0, -2.0, -3.0, -4.0, -5.0, -60.0]);
}

#[test]
fn misaligned_memory_of_the_callers_is_refused() {
    let session = negation(&["n"]);
    let mut words = [0_u64; 4];
    let bytes: &mut [u8] = bytemuck::bytes_of_mut(&mut words);
    for start in 0..8 {
        let memory = TensorViewMut::from_bytes(F32, [3], &mut bytes[start..start + 12]).unwrap();
        let bound = session.binder().memory("x", memory).bind();
        if start % 4 == 0 {
            bound.unwrap().run().unwrap();
            continue;
        }
        let error = bound.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        assert!(error.to_string().contains("input `x`"), "{error}");
        assert!(error.to_string().contains("border of 4 bytes"), "{error}");
        let memory = TensorViewMut::from_bytes(F32, [3], &mut bytes[start..start + 12]).unwrap();
        let error = session.binder().shape("x", [3]).memory("y", memory).bind().unwrap_err();
        assert!(error.to_string().contains("output `y`"), "{error}");
    }
}

#[test]
fn memory_of_another_type_or_shape_is_refused() {
    let session = negation(&["n", "3"]);
    let mut numbers = [0_i32; 6];
    let memory = TensorViewMut::from_slice([2, 3], &mut numbers).unwrap();
    let error = session.binder().memory("x", memory).bind().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TensorMismatch, "{error}");
    let mut numbers = [0_f32; 6];
    let memory = TensorViewMut::from_slice([3, 2], &mut numbers).unwrap();
    let error = session.binder().shape("x", [3, 3]).memory("y", memory).bind().unwrap_err();
    assert_eq!(error.code(), ErrorCode::TensorMismatch, "{error}");
}

#[test]
fn an_output_that_is_an_input_passes_through() {
    let session = session(graph(
        vec![node("Identity", &["x"], &["y"])],
        vec![value("x", F32, &["n"])],
        vec![value("y", F32, &["n"]), value("x", F32, &["n"])],
        vec![],
    ));
    let mut binding = session.bind([("x", [3])]).unwrap();
    for number in 0..3 {
        let numbers = [number as f32, 2.0, 3.0];
        set(&mut binding, "x", &numbers);
        binding.run().unwrap();
        assert_eq!(binding.output("y").unwrap().as_slice::<f32>().unwrap(), numbers);
        assert_eq!(binding.output("x").unwrap().as_slice::<f32>().unwrap(), numbers);
    }
    // The caller's memory is input and output too.
    let mut numbers = [4.0_f32, 5.0, 6.0];
    let memory = TensorViewMut::from_slice([3], &mut numbers).unwrap();
    let mut binding = session.binder().memory("x", memory).bind().unwrap();
    binding.run().unwrap();
    for name in ["x", "y"] {
        assert_eq!(binding.output(name).unwrap().as_slice::<f32>().unwrap(), [4.0, 5.0, 6.0]);
    }
    let error = session.binder().shape("x", [3]).tie("x", "x").bind().unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("itself an input"), "{error}");
}

#[test]
fn a_tied_input_that_is_an_output_too_is_what_the_run_read() {
    let session = session(graph(
        vec![node("Add", &["x", "state"], &["sum"])],
        vec![value("x", F32, &["n"]), value("state", F32, &["n"])],
        vec![value("state", F32, &["n"]), value("sum", F32, &["n"])],
        vec![],
    ));
    let shapes = session.binder().shape("x", [1]).shape("state", [1]);
    let mut binding = shapes.tie("sum", "state").bind().unwrap();
    set(&mut binding, "x", &[1.0]);
    for number in 0..5_u8 {
        binding.run().unwrap();
        assert_eq!(binding.output("state").unwrap().as_slice::<f32>().unwrap(), [f32::from(number)]);
        assert_eq!(binding.output("sum").unwrap().as_slice::<f32>().unwrap(), [f32::from(number) + 1.0]);
    }
}

#[test]
fn an_output_that_is_a_constant_is_there_after_every_run() {
    let session = session(graph(
        vec![node("Neg", &["x"], &["y"])],
        vec![value("x", F32, &["n"])],
        vec![value("y", F32, &["n"]), value("c", F32, &["2"])],
        vec![graphs::constant("c", &[2], &[7.0, 8.0])],
    ));
    let mut binding = session.bind([("x", [1])]).unwrap();
    for _ in 0..3 {
        binding.run().unwrap();
        assert_eq!(binding.output("c").unwrap().as_slice::<f32>().unwrap(), [7.0, 8.0]);
    }
}

#[test]
fn scalars_and_tensors_without_elements() {
    let scalar = negation(&[]);
    let mut binding = scalar.bind::<&str, [usize; 0]>([]).unwrap();
    set(&mut binding, "x", &[4.0]);
    binding.run().unwrap();
    let output = binding.output("y").unwrap();
    assert_eq!((dims(&output), output.as_slice::<f32>().unwrap()), (vec![], &[-4.0][..]));

    let open = negation(&["n", "3"]);
    let mut binding = open.bind([("x", [0, 3])]).unwrap();
    for _ in 0..2 {
        binding.run().unwrap();
        assert_eq!(dims(&binding.output("y").unwrap()), [0, 3]);
    }
    let (mut x, mut y): ([f32; 0], [f32; 0]) = ([], []);
    let binder = open.binder().memory("x", TensorViewMut::from_slice([0, 3], &mut x).unwrap());
    let binder = binder.memory("y", TensorViewMut::from_slice([0, 3], &mut y).unwrap());
    binder.bind().unwrap().run().unwrap();
}

#[test]
fn an_initializer_is_replaced_only_if_it_is_named() {
    let model = fixtures::folder().join("overridable.onnx");
    let session = Session::load(model, &SessionOptions::default()).unwrap();
    let x = Tensor::from_vec([2], vec![3.0_f32, 5.0]).unwrap();
    let w = Tensor::from_vec([2], vec![-1.0_f32, 100.0]).unwrap();
    let own = session.run([("x", &x)]).unwrap();
    let replaced = session.run([("x", &x), ("w", &w)]).unwrap();
    assert_ne!(own, replaced);

    let mut binding = session.bind([("x", [2])]).unwrap();
    set(&mut binding, "x", &[3.0, 5.0]);
    binding.run().unwrap();
    assert_eq!(binding.input_names().collect::<Vec<_>>(), ["x"]);
    assert_eq!(binding.output("y").unwrap().bytes(), own["y"].as_tensor().unwrap().bytes());

    let mut binding = session.bind([("x", [2]), ("w", [2])]).unwrap();
    set(&mut binding, "x", &[3.0, 5.0]);
    set(&mut binding, "w", &[-1.0, 100.0]);
    binding.run().unwrap();
    assert_eq!(binding.output("y").unwrap().bytes(), replaced["y"].as_tensor().unwrap().bytes());
}

#[test]
fn an_optional_input_is_bound_only_if_it_is_named() {
    let session = session(graph(
        vec![node("OptionalHasElement", &["x"], &["has"])],
        vec![graphs::optional("x", F32, &["n"])],
        vec![value("has", DType::Bool, &[])],
        vec![],
    ));
    for (shapes, expected) in [(vec![], 0_u8), (vec![("x", [3])], 1)] {
        let mut binding = session.bind(shapes).unwrap();
        binding.run().unwrap();
        assert_eq!(binding.output("has").unwrap().bytes().unwrap(), [expected]);
    }
}
