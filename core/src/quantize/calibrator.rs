//! [`Calibrator`]: watches the values of a model's tensors while something else runs the model.

use std::collections::{HashMap, HashSet};

use super::calibration::{Calibration, ChannelStatistics, TensorStatistics};
use super::shapes::{shapes_model, untyped};
use super::watched::{keep_needed, watched};
use crate::model::{Model, ValueInfoProto};
use crate::tensor::{DType, TensorView};
use crate::{Error, Result};

/// Watches the values of a model's tensors while something else runs the model, and makes a [`Calibration`] of what it
/// saw.
///
/// It watches the `float32` values of the main graph that change with the inputs. Whoever has an engine runs
/// [`model`](Self::model) on one batch of inputs after the other and hands over what it gives; memory stays the same for
/// any number of batches: about 64 KiB for each value.
///
/// # Examples
/// ```
/// use ortlet::model::{GraphProto, Model, NodeProto, OperatorSetIdProto, ValueInfoProto};
/// # use ortlet::model::{TensorTypeProto, TypeProto, TypeValue};
/// use ortlet::quantize::Calibrator;
/// use ortlet::tensor::TensorView;
/// # use ortlet::tensor::DType;
///
/// # fn float(name: &str) -> ValueInfoProto {
/// #     let tensor = TensorTypeProto { elem_type: Some(DType::F32.onnx()), ..Default::default() };
/// #     let r#type = TypeProto { value: Some(TypeValue::Tensor(tensor)), ..Default::default() };
/// #     ValueInfoProto { name: Some(name.into()), r#type: Some(r#type), ..Default::default() }
/// # }
/// # let relu = |from: &str, to: &str| NodeProto {
/// #     op_type: Some("Relu".into()),
/// #     input: vec![from.into()],
/// #     output: vec![to.into()],
/// #     ..Default::default()
/// # };
/// # let graph = GraphProto {
/// #     node: vec![relu("x", "h"), relu("h", "y")],
/// #     input: vec![float("x")],
/// #     output: vec![float("y")],
/// #     ..Default::default()
/// # };
/// # let opset = OperatorSetIdProto { version: Some(17), ..Default::default() };
/// # let model = Model { ir_version: Some(8), graph: Some(graph), opset_import: vec![opset], ..Default::default() };
/// // A model that computes y = Relu(h) and h = Relu(x).
/// let mut calibrator = Calibrator::new(&model)?;
/// assert_eq!(calibrator.watched().collect::<Vec<_>>(), ["x", "h", "y"]);
/// calibrator.observe("h", &TensorView::from_slice([3], &[0.0_f32, 1.0, 2.5])?)?;
/// calibrator.end_sample();
/// let calibration = calibrator.finish()?;
/// assert_eq!(calibration.tensors["h"].range.max(), Some(2.5));
/// # Ok::<(), ortlet::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Calibrator {
    model: Model,
    values: Vec<Value>,
    /// Name to place in `values`.
    places: HashMap<String, usize>,
    sample_count: u64,
}

/// A value and what was seen of it.
#[derive(Clone, Debug)]
struct Value {
    name: String,
    is_input: bool,
    has_channels: bool,
    statistics: Option<TensorStatistics>,
}

impl Calibrator {
    /// One that has seen nothing. The model is not copied: its weights are shared.
    ///
    /// # Errors
    /// Those of [`Model::validate`].
    pub fn new(model: &Model) -> Result<Self> {
        model.validate()?;
        let values = watched(model).into_iter().map(|value| Value {
            name: value.name,
            is_input: value.is_input,
            has_channels: value.has_channels,
            statistics: None,
        });
        let mut calibrator =
            Self { model: model.clone(), values: values.collect(), places: HashMap::new(), sample_count: 0 };
        calibrator.index();
        Ok(calibrator)
    }

    /// Watches no other values than those for which `is_wanted` is true of their name. What was seen of the others is
    /// forgotten.
    pub fn retain(&mut self, is_wanted: impl Fn(&str) -> bool) {
        self.values.retain(|value| is_wanted(&value.name));
        self.index();
    }

    fn index(&mut self) {
        self.places = self.values.iter().enumerate().map(|(at, value)| (value.name.clone(), at)).collect();
    }

    /// Names of the values that are watched, in an order in which the model computes them; first those that are inputs
    /// of the model.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| value.name.as_str())
    }

    /// Names of the watched values that the model computes: those that are no inputs.
    pub fn computed(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|value| !value.is_input).map(|value| value.name.as_str())
    }

    /// The model with the watched values as further outputs, inputs excepted: whoever has the batches has those. Shares
    /// the weights.
    pub fn model(&self) -> Model {
        let mut model = self.model.clone();
        if let Some(graph) = &mut model.graph {
            let known: HashSet<String> = graph.output.iter().map(|value| value.name().to_owned()).collect();
            let new = self.computed().filter(|name| !known.contains(*name));
            graph.output.extend(new.map(untyped));
        }
        model
    }

    /// The part of the model that computes these values, which are its only outputs. An engine may hold all outputs of
    /// a model at once, so that parts take less memory.
    pub fn part(&self, values: &[&str]) -> Model {
        let mut model = self.model.clone();
        if let Some(graph) = &mut model.graph {
            let known: HashMap<&str, &ValueInfoProto> =
                graph.output.iter().map(|value| (value.name(), value)).collect();
            let outputs = values
                .iter()
                .map(|&name| known.get(name).map_or_else(|| untyped(name), |&value| value.clone()));
            graph.output = outputs.collect();
            keep_needed(graph);
        }
        model
    }

    /// A model that gives the shapes of the [computed](Self::computed) values instead of the values, and takes little
    /// more memory than the original; with the output for each value. `None` for models of operator sets before 5.
    ///
    /// It tells how large outputs of [`part`](Self::part) are before there are any.
    pub fn shapes(&self) -> Option<(Model, Vec<(String, String)>)> {
        shapes_model(&self.model, &self.computed().collect::<Vec<_>>())
    }

    /// The [computed](Self::computed) values in groups for [`part`](Self::part), in an order in which the model computes
    /// them: as many as take no more than `max_bytes` together, at least one. `sizes` has the bytes of values by name;
    /// one of unknown size has a group of its own. There is always a group, which may be empty.
    pub fn groups(&self, sizes: &HashMap<String, u64>, max_bytes: u64) -> Vec<Vec<String>> {
        let (mut groups, mut group, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
        for name in self.computed() {
            let size = sizes.get(name).copied().unwrap_or(max_bytes);
            bytes = bytes.saturating_add(size);
            if bytes > max_bytes && !group.is_empty() {
                groups.push(std::mem::take(&mut group));
                bytes = size;
            }
            group.push(name.to_owned());
        }
        groups.push(group);
        groups
    }

    /// Takes what a watched value was in a run. Other element types than `float32` are ignored.
    ///
    /// # Errors
    /// `not_found` if no value of this name is watched.
    pub fn observe(&mut self, name: &str, tensor: &TensorView<'_>) -> Result<()> {
        let Some(&at) = self.places.get(name) else {
            return Err(Error::not_found("watched value", name, self.watched()));
        };
        if tensor.dtype() != DType::F32 {
            return Ok(());
        }
        let elements =
            tensor.as_slice::<f32>().map_err(|error| error.context(format!("observe `{name}`")))?;
        self.values[at].observe(tensor.shape().dims(), elements);
        Ok(())
    }

    /// Says that all values of a batch of inputs were handed over.
    pub fn end_sample(&mut self) {
        self.sample_count = self.sample_count.saturating_add(1);
    }

    /// What was seen. Values of which nothing was seen are left out.
    ///
    /// # Errors
    /// `invalid_argument` if there was no batch.
    pub fn finish(self) -> Result<Calibration> {
        if self.sample_count == 0 {
            return Err(Error::invalid_argument(
                "samples",
                "a calibration needs at least one batch of inputs",
            ));
        }
        let seen = self.values.into_iter().filter_map(|value| Some((value.name, value.statistics?)));
        Ok(Calibration { sample_count: self.sample_count, tensors: seen.collect() })
    }
}

impl Value {
    fn observe(&mut self, dims: &[usize], elements: &[f32]) {
        let is_first = self.statistics.is_none();
        let statistics = self.statistics.get_or_insert_default();
        statistics.range.observe(elements);
        statistics.shape = dims.to_vec();
        let channel_count = dims.last().copied().filter(|count| self.has_channels && *count > 0);
        let Some(channel_count) = channel_count else {
            statistics.channels = None;
            // An empty axis has another length than before, too.
            self.has_channels = false;
            return;
        };
        if is_first {
            statistics.channels = Some(ChannelStatistics::new(channel_count));
        }
        statistics.channels =
            statistics.channels.take().filter(|known| known.max_magnitude.len() == channel_count);
        if let Some(channels) = &mut statistics.channels {
            channels.observe(elements);
        }
    }
}

impl ChannelStatistics {
    fn new(count: usize) -> Self {
        Self { count: 0, max_magnitude: vec![0.0; count], sum_of_squares: vec![0.0; count] }
    }

    /// Takes rows of as many elements as there are channels.
    fn observe(&mut self, elements: &[f32]) {
        let rows = elements.chunks_exact(self.max_magnitude.len());
        self.count = self.count.saturating_add(rows.len() as u64);
        for row in rows {
            let sums = self.max_magnitude.iter_mut().zip(&mut self.sum_of_squares);
            for (&value, (largest, sum)) in row.iter().zip(sums) {
                let magnitude = if value.abs() < f32::INFINITY { value.abs() } else { 0.0 };
                *largest = if magnitude > *largest { magnitude } else { *largest };
                *sum += f64::from(magnitude) * f64::from(magnitude);
            }
        }
    }
}
