//! A candidate: Ortlet, cold or with its cache of compiled models.

use std::process::ExitCode;

use ortlet::runtime::Runtime;
use ortlet::tensor::TensorView;
use ortlet::{CacheOutcome, Outputs, Session, SessionOptions};
use ortlet_bench::candidate::{self, Engine, Result};
use ortlet_bench::order::{Data, Model, Order};
use ortlet_bench::ortlet_options;

fn main() -> ExitCode {
    candidate::main::<Ortlet>()
}

struct Ortlet(SessionOptions);

/// What makes each input, so that making it is part of the run as in any program.
struct Fed {
    name: String,
    dims: Vec<usize>,
    data: Data,
}

impl Engine for Ortlet {
    type Feed = Vec<Fed>;
    type Session = Session;
    type Outputs = Outputs;

    fn start(order: &Order) -> Result<Self> {
        let options = ortlet_options::of(order);
        Runtime::load(&options.runtime)?;
        Ok(Self(options))
    }

    fn feed(&self, model: &Model) -> Result<Vec<Fed>> {
        let fed = model.inputs.iter().map(|input| Fed {
            name: input.name.clone(),
            dims: input.dims.clone(),
            data: input.data(),
        });
        Ok(fed.collect())
    }

    fn create(&self, model: &Model) -> Result<Session> {
        Ok(Session::load(&model.file, &self.0)?)
    }

    fn run(&self, session: &Session, feed: &Vec<Fed>) -> Result<Outputs> {
        let inputs = feed.iter().map(|fed| {
            let dims = &fed.dims[..];
            let view = match &fed.data {
                Data::Float32(data) => TensorView::from_slice(dims, data),
                Data::Int32(data) => TensorView::from_slice(dims, data),
                Data::Int64(data) => TensorView::from_slice(dims, data),
            };
            Ok((fed.name.as_str(), view?))
        });
        Ok(session.run(inputs.collect::<ortlet::Result<Vec<_>>>()?)?)
    }

    fn elements(&self, outputs: &Outputs) -> Result<Vec<f32>> {
        let mut elements = Vec::new();
        for (_, value) in outputs.iter() {
            elements.extend_from_slice(value.as_tensor()?.as_slice::<f32>()?);
        }
        Ok(elements)
    }

    fn report(&self, session: &Session) -> (Option<bool>, Option<serde_json::Value>) {
        let report = session.report();
        (Some(report.cache.outcome == CacheOutcome::Hit), serde_json::to_value(report).ok())
    }
}
