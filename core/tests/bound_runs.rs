//! Bound runs give, to the bit, what `run` and plain onnxruntime give.

mod common;

use std::thread;

use common::{Case, reference, two_threads};
use ortlet::tensor::{Tensor, TensorView, Value};
use ortlet::{Binding, Session};

fn session(case: &Case) -> Session {
    Session::load(&case.model, &two_threads()).unwrap()
}

fn assert_same(view: &TensorView<'_>, expected: &Tensor, what: &str) {
    assert_eq!(view.dtype(), expected.dtype(), "{what}");
    assert_eq!(view.shape(), expected.shape(), "{what}");
    assert!(view.bytes() == expected.bytes(), "{what}: other bytes");
}

fn fill(binding: &mut Binding<'_>, name: &str, value: &Value) {
    binding.input_mut(name).unwrap().copy_from(&value.as_tensor().unwrap().view()).unwrap();
}

type Inputs = Vec<(String, Value)>;
type Expected = Vec<(String, Tensor)>;

/// The step's inputs, and the outputs that plain onnxruntime gave.
fn step(case: &Case, number: usize) -> (Inputs, Expected) {
    let step = &case.steps[number];
    let outputs = reference().outputs(step).into_iter();
    let outputs = outputs.map(|(name, value)| (name, value.into_tensor().unwrap()));
    (reference().inputs(step).into_iter().collect(), outputs.collect())
}

fn shapes(inputs: &[(String, Value)]) -> Vec<(String, Vec<usize>)> {
    let shape = |value: &Value| value.as_tensor().unwrap().shape().to_vec();
    inputs.iter().map(|(name, value)| (name.clone(), shape(value))).collect()
}

fn assert_outputs(binding: &Binding<'_>, expected: &[(String, Tensor)], what: &str) {
    assert_eq!(binding.output_names().count(), expected.len(), "{what}");
    for (name, tensor) in expected {
        assert_same(&binding.output(name).unwrap(), tensor, &format!("{what} output {name}"));
    }
}

/// Binds each step's shapes, and compares with plain onnxruntime and with `run`.
fn check(case: &Case) {
    let session = session(case);
    for number in 0..case.steps.len() {
        let (inputs, expected) = step(case, number);
        let what = format!("{} step {number}", case.name);
        let mut binding = session.bind(shapes(&inputs)).unwrap();
        for (name, value) in &inputs {
            fill(&mut binding, name, value);
        }
        // Three times: the first run of a binding is not like the others.
        for _ in 0..3 {
            binding.run().unwrap();
            assert_outputs(&binding, &expected, &what);
        }
        let outputs = session.run(inputs.iter().map(|(name, value)| (name, value))).unwrap();
        for (name, value) in outputs.iter() {
            assert_same(&binding.output(name).unwrap(), value.as_tensor().unwrap(), &what);
        }
    }
}

#[test]
fn real_models_give_the_same_bits() {
    for name in ["magika", "ocr-rec", "ocr-cls", "ocr-det", "minilm"] {
        check(reference().case(name));
    }
}

#[test]
fn numbers_of_every_type_pass_in_and_out() {
    let identities: Vec<_> =
        reference().cases.iter().filter(|case| case.name.starts_with("identity-")).collect();
    assert_eq!(identities.len(), 12);
    identities.into_iter().for_each(check);
}

/// A speech detector whose state is tied.
fn speech(session: &Session) -> Binding<'static> {
    let shapes = session.binder().shape("input", [1, 576]).shape("state", [2, 1, 128]);
    let mut binding = shapes.tie("stateN", "state").bind().unwrap();
    binding.input_mut("sr").unwrap().as_slice_mut::<i64>().unwrap()[0] = 16_000;
    binding
}

/// Makes steps from the first on, starting from a state of zeros.
fn speak(binding: &mut Binding<'_>, case: &Case, steps: usize) {
    for number in 0..steps {
        let (inputs, expected) = step(case, number);
        let (_, input) = inputs.iter().find(|(name, _)| name == "input").unwrap();
        fill(binding, "input", input);
        binding.run().unwrap();
        assert_outputs(binding, &expected, &format!("step {number} of {steps}"));
        let (_, state) = expected.iter().find(|(name, _)| name == "stateN").unwrap();
        assert_same(&binding.input("state").unwrap(), state, "what the next run reads");
    }
}

#[test]
fn tied_state_flows_through_a_hundred_runs() {
    let case = reference().case("silero-vad");
    assert_eq!(case.steps.len(), 100);
    speak(&mut speech(&session(case)), case, 100);
}

#[test]
fn tied_state_can_be_reset_after_odd_and_even_numbers_of_runs() {
    let case = reference().case("silero-vad");
    let mut binding = speech(&session(case));
    for steps in [1, 2, 7, 0, 10, 3] {
        speak(&mut binding, case, steps);
        binding.input_mut("state").unwrap().bytes_mut().fill(0);
    }
}

#[test]
fn memory_stays_where_it_is_and_is_aligned() {
    let case = reference().case("minilm");
    let (inputs, expected) = step(case, 0);
    let mut binding = session(case).bind(shapes(&inputs)).unwrap();
    let address = |view: TensorView<'_>| view.bytes().unwrap().as_ptr().addr();
    let addresses = |binding: &Binding<'_>| -> Vec<usize> {
        let inputs = binding.input_names().map(|name| address(binding.input(name).unwrap()));
        let outputs = binding.output_names().map(|name| address(binding.output(name).unwrap()));
        inputs.chain(outputs).collect()
    };
    binding.run().unwrap();
    let before = addresses(&binding);
    assert_eq!(before.len(), inputs.len() + expected.len());
    assert!(before.iter().all(|address| address.is_multiple_of(64)), "{before:x?}");
    for _ in 0..5 {
        binding.run().unwrap();
        assert_eq!(addresses(&binding), before);
    }
}

#[test]
fn two_bindings_of_a_session_run_on_two_threads() {
    let case = reference().case("silero-vad");
    let session = session(case);
    thread::scope(|scope| {
        for _ in 0..2 {
            let mut binding = speech(&session);
            scope.spawn(move || speak(&mut binding, case, 60));
        }
    });
}

#[test]
fn a_binding_moves_between_threads_and_outlives_the_handle_of_its_session() {
    fn send<T: Send>() {}
    send::<Binding<'_>>();
    let case = reference().case("silero-vad");
    let session = session(case);
    let mut binding = speech(&session);
    drop(session);
    speak(&mut binding, case, 3);
    for _ in 0..3 {
        binding = thread::spawn(move || {
            binding.input_mut("state").unwrap().bytes_mut().fill(0);
            speak(&mut binding, case, 5);
            binding
        })
        .join()
        .unwrap();
    }
}
