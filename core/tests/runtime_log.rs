//! ONNX Runtime's log arrives as `tracing` events, and a subscriber that panics does no harm.

mod common;

use std::fmt::Debug;
use std::sync::Mutex;

use common::model;
use ortlet::tensor::{DType, Tensor};
use ortlet::{ErrorCode, Session, SessionOptions};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

static HEARD: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

/// Keeps what it hears from ONNX Runtime, then panics.
struct Listener;

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "onnxruntime" && *metadata.level() <= Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        HEARD.lock().unwrap().push((*event.metadata().level(), message.0));
        panic!("a subscriber that panics");
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn failures_of_a_run_are_logged() {
    tracing::subscriber::set_global_default(Listener).unwrap();
    let session = Session::load(model("silero-vad/silero_vad.onnx"), &SessionOptions::default()).unwrap();
    let input = Tensor::zeros(DType::F32, [1, 1]).unwrap();
    let state = Tensor::zeros(DType::F32, [2, 1, 128]).unwrap();
    let rate = Tensor::from_vec([], vec![16000_i64]).unwrap();
    let error = session.run([("input", &input), ("state", &state), ("sr", &rate)]).unwrap_err();
    assert_eq!(error.code(), ErrorCode::RuntimeFailed);
    let heard = HEARD.lock().unwrap();
    assert!(heard.iter().any(|(level, text)| *level == Level::ERROR && text.contains("Pad")), "{heard:?}");
}
