//! A candidate: tract, with the shapes of the inputs fixed, as it wants them.

use std::process::ExitCode;
use std::sync::Arc;

use ortlet_bench::candidate::{self, Engine, Result};
use ortlet_bench::order::{Data, Elements, Model, Order};
use tract_onnx::prelude::*;

fn main() -> ExitCode {
    candidate::main::<Tract>()
}

struct Tract;

/// The plan, and for each of its inputs the place of the value in the feed.
struct Session {
    plan: Arc<TypedRunnableModel>,
    places: Vec<usize>,
}

impl Engine for Tract {
    type Feed = Vec<TValue>;
    type Session = Session;
    type Outputs = TVec<TValue>;

    fn start(_: &Order) -> Result<Self> {
        Ok(Self)
    }

    fn feed(&self, model: &Model) -> Result<Vec<TValue>> {
        let tensor = |input: &ortlet_bench::order::Input| {
            let tensor = match input.data() {
                Data::Float32(data) => Tensor::from_shape(&input.dims, &data),
                Data::Int32(data) => Tensor::from_shape(&input.dims, &data),
                Data::Int64(data) => Tensor::from_shape(&input.dims, &data),
            };
            Ok(tensor.map_err(one_line)?.into_tvalue())
        };
        model.inputs.iter().map(tensor).collect()
    }

    fn create(&self, model: &Model) -> Result<Session> {
        let inputs = &model.inputs;
        let mut model = tract_onnx::onnx().model_for_path(&model.file).map_err(one_line)?;
        let mut places = Vec::new();
        for at in 0..model.inputs.len() {
            let name = model.node(model.inputs[at].node).name.clone();
            let place = inputs.iter().position(|input| input.name == name);
            let place = place.ok_or_else(|| format!("asks for an input `{name}`"))?;
            let input = &inputs[place];
            let dtype = match input.dtype {
                Elements::Float32 => f32::datum_type(),
                Elements::Int32 => i32::datum_type(),
                Elements::Int64 => i64::datum_type(),
            };
            let fact = InferenceFact::dt_shape(dtype, &input.dims);
            model.set_input_fact(at, fact).map_err(one_line)?;
            places.push(place);
        }
        let plan = model.into_optimized().and_then(IntoRunnable::into_runnable).map_err(one_line)?;
        Ok(Session { plan, places })
    }

    fn run(&self, session: &Session, feed: &Vec<TValue>) -> Result<TVec<TValue>> {
        let inputs = session.places.iter().map(|&place| feed[place].clone()).collect();
        session.plan.run(inputs).map_err(one_line)
    }

    fn elements(&self, outputs: &TVec<TValue>) -> Result<Vec<f32>> {
        let mut elements = Vec::new();
        for output in outputs {
            let view = output.to_plain_array_view::<f32>().map_err(one_line)?;
            elements.extend(view.iter().copied());
        }
        Ok(elements)
    }
}

/// The error with its causes: the outermost only says where in the graph it happened.
#[allow(clippy::needless_pass_by_value)] // what `map_err` calls for
fn one_line(error: TractError) -> Box<dyn std::error::Error + Send + Sync> {
    format!("{error:#}").into()
}
