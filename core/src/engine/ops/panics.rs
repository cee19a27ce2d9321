//! What happens when a kernel panics, and who works on its loops: by an operator that only these tests have.

use std::ffi::CStr;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use ortlet_kernels::Parallel;

use super::context::Context;
use super::info::Info;
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};
use crate::engine::runtime::{SessionOptions, Threads};
use crate::engine::session::Session;
use crate::model::{
    AttributeProto, GraphProto, Model, NodeProto, OperatorSetIdProto, TensorTypeProto, TypeProto, TypeValue,
    ValueInfoProto,
};
use crate::tensor::Tensor;

const TASKS: usize = 64;

/// Fails in one of several ways; otherwise gives its input plus what it knows of threads.
pub(super) struct PanicOp {
    way: &'static str,
    threads: usize,
}

impl Operator for PanicOp {
    const NAME: &'static CStr = c"Panic";
    const INPUTS: &'static [Input] = &[Input::floats("X")];

    fn new(info: &Info) -> Outcome<Self> {
        let ways = ["none", "create", "compute", "task", "tasks", "error", "meet"];
        let way = info.word(c"activation", &ways.map(|way| (way, way)))?;
        assert_ne!(way, "create", "on purpose: create");
        Ok(Self { way, threads: info.threads() })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        let x = context.input(0)?;
        let numbers = context.floats(0, &x)?;
        let pool = context.pool(self.threads);
        match self.way {
            "compute" => panic!("on purpose: compute"),
            "error" => return Err(Problem::new("an error with a \0 in it")),
            "task" => pool.run(TASKS, &|task| assert_ne!(task, 7, "on purpose: task")),
            "tasks" => pool.run(TASKS, &|task| panic!("on purpose: task {task}")),
            "meet" => meet(&pool),
            _ => {}
        }
        let y = context.output(x.dims)?;
        y.iter_mut().zip(numbers).for_each(|(y, x)| *y = x + pool.threads() as f32);
        Ok(())
    }
}

/// A loop of two tasks that only ends well if two threads work on it at the same time.
fn meet(pool: &dyn Parallel) {
    let (arrived, changed) = (Mutex::new(0), Condvar::new());
    pool.run(2, &|_| {
        let mut count = arrived.lock().unwrap();
        *count += 1;
        changed.notify_all();
        let waited = changed.wait_timeout_while(count, Duration::from_secs(60), |count| *count < 2).unwrap();
        assert!(!waited.1.timed_out(), "nobody came");
    });
}

fn session(way: &str, threads: u32) -> crate::Result<Session> {
    let value = |name: &str| {
        let tensor = TensorTypeProto { elem_type: Some(1), ..Default::default() };
        let of = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() };
        ValueInfoProto { name: Some(name.into()), r#type: Some(of), ..Default::default() }
    };
    let attribute = AttributeProto {
        name: Some("activation".into()),
        s: Some(way.as_bytes().to_vec().into()),
        r#type: Some(3),
        ..Default::default()
    };
    let node = NodeProto {
        name: Some("panics".into()),
        op_type: Some("Panic".into()),
        domain: Some(super::DOMAIN.into()),
        input: vec!["x".into()],
        output: vec!["y".into()],
        attribute: vec![attribute],
        ..Default::default()
    };
    let graph = GraphProto {
        name: Some("graph".into()),
        node: vec![node],
        input: vec![value("x")],
        output: vec![value("y")],
        ..Default::default()
    };
    let import = |domain: &str, version| OperatorSetIdProto {
        domain: Some(domain.into()),
        version: Some(version),
        ..Default::default()
    };
    let opset_import = vec![import("", 18), import(super::DOMAIN, 1)];
    let model = Model { ir_version: Some(8), graph: Some(graph), opset_import, ..Default::default() };
    let options = SessionOptions { threads: Threads::Count(threads), ..Default::default() };
    Session::of_model(&model, &options)
}

fn run(session: &Session) -> crate::Result<Vec<f32>> {
    let x = Tensor::from_vec([2], vec![1.0_f32, 2.0])?;
    let y = session.run([("x", &x)])?.remove("y").unwrap().into_tensor()?;
    Ok(y.as_slice::<f32>()?.to_vec())
}

#[test]
fn panics_are_errors_and_leave_the_session_alone() {
    for threads in [1, 2, 4] {
        let error = session("create", threads).unwrap_err().to_string();
        assert!(error.contains("on purpose: create"), "{error}");
        for way in ["compute", "task", "tasks"] {
            let session = session(way, threads).unwrap();
            for _ in 0..3 {
                let error = run(&session).unwrap_err().to_string();
                assert!(
                    error.contains("panicked") && error.contains(&format!("on purpose: {}", &way[..4])),
                    "{error}"
                );
            }
            // Neither its threads nor ONNX Runtime's have taken harm.
            assert_eq!(
                run(&self::session("none", threads).unwrap()).unwrap(),
                [1.0 + threads as f32, 2.0 + threads as f32]
            );
        }
        let error = run(&session("error", threads).unwrap()).unwrap_err().to_string();
        assert!(error.contains("an error with a   in it"), "{error}");
    }
}

#[test]
fn the_threads_of_the_session_work_on_loops() {
    for threads in [2, 3] {
        assert_eq!(run(&session("meet", threads).unwrap()).unwrap()[0], 1.0 + threads as f32);
    }
}
