//! Layers timed alone: how long a run takes as floats and in another form.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::lab::Lab;
use crate::engine::race::median;
use crate::engine::session::Session;
use crate::model::ExternalDataResolver;
use crate::model::{Model, NodeProto, ValueInfoProto};
use crate::quantize::{Calibration, QuantizeMode, QuantizeOptions, quantize_with, single_layer};
use crate::random::Random;
use crate::tensor::Tensor;
use crate::{ErrorCode, Result};

/// Rounds in which float and form take turns, and how long each of them runs in one.
const ROUNDS: usize = 7;
const TURN: Duration = Duration::from_millis(2);

/// Times of a run in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Alone {
    pub(super) float_ns: f64,
    pub(super) form_ns: f64,
}

/// Times layers, those that are alike only once.
pub(super) struct Stopwatch<'a> {
    lab: &'a Lab<'a>,
    model: &'a Model,
    calibration: &'a Calibration,
    external: &'a dyn ExternalDataResolver,
    known: HashMap<String, Option<Alone>>,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn new(
        lab: &'a Lab<'a>,
        model: &'a Model,
        calibration: &'a Calibration,
        external: &'a dyn ExternalDataResolver,
    ) -> Self {
        Self { lab, model, calibration, external, known: HashMap::new() }
    }

    /// Times a layer in a form; `None` if it cannot run alone.
    ///
    /// # Errors
    /// `cancelled`.
    pub(super) fn time(
        &mut self,
        layer: &str,
        form: QuantizeMode,
        options: &QuantizeOptions,
    ) -> Result<Option<Alone>> {
        self.lab.check_cancelled()?;
        let Some(float) = single_layer(self.model, layer, self.calibration) else { return Ok(None) };
        // Of a subset of layers, all others are named to be left.
        let options = QuantizeOptions {
            exclude: Vec::new(),
            layers: [(layer.to_owned(), form)].into(),
            ..options.clone()
        };
        let made = quantize_with(&float, form, Some(self.calibration), &options, self.external);
        let Ok((quantized, report)) = made else { return Ok(None) };
        if report.quantized_count == 0 {
            return Ok(None);
        }
        let signature = format!("{form:?} {} {}", signature(&float), signature(&quantized));
        if let Some(known) = self.known.get(&signature) {
            return Ok(*known);
        }
        let timed = match self.race(&float, &quantized) {
            Ok(timed) => Some(timed),
            Err(error) if error.code() == ErrorCode::Cancelled => return Err(error),
            // What does not run alone may still run in the model: the whole is tried in any case.
            Err(_) => None,
        };
        self.known.insert(signature, timed);
        Ok(timed)
    }

    fn race(&self, float: &Model, quantized: &Model) -> Result<Alone> {
        let sessions = [self.lab.session(float)?, self.lab.session(quantized)?];
        let (name, input) = self.input(float)?;
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            self.lab.check_cancelled()?;
            for turn in [round % 2, 1 - round % 2] {
                let took = run_for_a_turn(&sessions[turn], &name, &input)?;
                // The first round warms up.
                if round > 0 {
                    times[turn].push(took);
                }
            }
        }
        let [float_ns, form_ns] = times.map(median);
        Ok(Alone { float_ns, form_ns })
    }

    /// Numbers by chance within the range that the layer's input had.
    fn input(&self, layer: &Model) -> Result<(String, Tensor)> {
        let name =
            layer.graph.iter().flat_map(|graph| &graph.input).map(ValueInfoProto::name).next().unwrap_or("");
        let seen = self.calibration.tensors.get(name);
        let shape = seen.map(|seen| seen.shape.clone()).unwrap_or_default();
        let ends = seen.map(|seen| (seen.range.min().unwrap_or(0.0), seen.range.max().unwrap_or(1.0)));
        let (low, high) = ends.unwrap_or((0.0, 1.0));
        let mut random = Random::new(1);
        let mut next = || low + (high - low) * ((random.next() >> 40) as f32 / (1_u64 << 24) as f32);
        let count = shape.iter().product();
        let values = (0..count).map(|_| next()).collect();
        Ok((name.to_owned(), Tensor::from_vec(shape.as_slice(), values)?))
    }
}

/// The time of a run in nanoseconds: the median of those that fit into a turn.
fn run_for_a_turn(session: &Session, name: &str, input: &Tensor) -> Result<f64> {
    let (start, mut times) = (Instant::now(), Vec::new());
    while times.is_empty() || start.elapsed() < TURN {
        let run = Instant::now();
        session.run([(name, input)])?;
        times.push(run.elapsed().as_nanos() as f64);
    }
    Ok(median(times))
}

/// What has to be the same for a layer to take as long: operators, attributes, and the shapes of everything.
fn signature(layer: &Model) -> String {
    let Some(graph) = &layer.graph else { return String::new() };
    let nodes = graph.node.iter().map(|node| {
        let attributes: Vec<_> =
            node.attribute.iter().map(|attribute| (attribute.name(), attribute.i, &attribute.ints)).collect();
        format!("{}{attributes:?}", NodeProto::op_type(node))
    });
    let shapes = graph.initializer.iter().map(|tensor| format!("{:?}{:?}", tensor.data_type, tensor.dims));
    let inputs = graph.input.iter().map(|input| input.to_value_info().value_type.to_string());
    nodes.chain(shapes).chain(inputs).collect::<Vec<_>>().join(" ")
}
