//! Decides what memory a binding's inputs and outputs lie in.

use std::sync::Arc;

use crate::engine::runtime::BoundTensor;
use crate::engine::session::Binding;
use crate::engine::session::inner::Inner;
use crate::tensor::{DType, Dim, Shape, SymbolicShape, TensorViewMut, ValueInfo, ValueType};
use crate::{Error, Result};

/// Says what a [`Binding`] is to be; made by [`Session::binder`](crate::Session::binder).
///
/// An input needs a shape unless the model fixes it. An output whose shape is said, is fixed by the model, or follows
/// from the inputs' by the model's names of dimensions gets fixed memory too; any other is allocated by each run.
pub struct Binder<'m> {
    inner: Arc<Inner>,
    shapes: Vec<(String, Shape)>,
    memory: Vec<(String, TensorViewMut<'m>)>,
    ties: Vec<(String, String)>,
}

/// What is bound to what.
pub(super) struct Bound<'m> {
    pub(super) tensors: Vec<BoundTensor<'m>>,
    pub(super) inputs: Vec<Slot>,
    pub(super) outputs: Vec<Slot>,
}

/// An input or output.
#[derive(Clone)]
pub(super) struct Slot {
    /// Which, among the session's inputs (and initializers behind them) or outputs.
    pub(super) index: usize,
    /// The tensors it is in by turns; the same twice unless it is tied. An output without is allocated by each run.
    pub(super) tensors: Option<[usize; 2]>,
    /// The shape was concluded from names of dimensions.
    is_concluded: bool,
}

impl Bound<'_> {
    pub(super) fn has_ties(&self) -> bool {
        self.outputs.iter().any(|slot| slot.tensors.is_some_and(|[even, odd]| even != odd))
    }

    pub(super) fn has_concluded(&self) -> bool {
        self.outputs.iter().any(|slot| slot.is_concluded)
    }

    /// Puts outputs that are themselves inputs into the inputs' memory: ONNX Runtime does not copy them elsewhere.
    fn pass_through(&mut self, inner: &Inner) {
        for output in &mut self.outputs {
            let name = &inner.raw.outputs()[output.index].name;
            let input = self.inputs.iter().find(|slot| inner.input_info(slot.index).name == *name);
            if let Some(input) = input {
                (output.tensors, output.is_concluded) = (input.tensors, false);
            }
        }
    }

    /// Has each run allocate the outputs whose shapes were concluded.
    pub(super) fn forget_concluded(&mut self) {
        for slot in self.outputs.iter_mut().filter(|slot| slot.is_concluded) {
            (slot.tensors, slot.is_concluded) = (None, false);
        }
    }
}

impl<'m> Binder<'m> {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner, shapes: Vec::new(), memory: Vec::new(), ties: Vec::new() }
    }

    /// The shape of an input or output.
    #[must_use]
    pub fn shape(mut self, name: impl Into<String>, shape: impl Into<Shape>) -> Self {
        self.shapes.push((name.into(), shape.into()));
        self
    }

    /// Memory of the caller's for an input or output, which runs then read or write in place.
    #[must_use]
    pub fn memory(mut self, name: impl Into<String>, memory: TensorViewMut<'m>) -> Self {
        self.memory.push((name.into(), memory));
        self
    }

    /// Makes each run's output the next run's input, without a copy. The input is zeros before the first run.
    #[must_use]
    pub fn tie(mut self, output: impl Into<String>, input: impl Into<String>) -> Self {
        self.ties.push((output.into(), input.into()));
        self
    }

    /// Prepares the memory.
    ///
    /// # Errors
    /// `not_found` for names that the model does not have; `invalid_argument` for an input without a shape, for a
    /// name given twice and for misaligned memory; `tensor_mismatch` for types and shapes that are not as declared;
    /// `unsupported` for strings, sequences and maps; `limit_exceeded` if there is not enough memory.
    pub fn bind(mut self) -> Result<Binding<'m>> {
        self.check_names()?;
        let mut bound = Bound { tensors: Vec::new(), inputs: Vec::new(), outputs: Vec::new() };
        let inner = self.inner.clone();
        let named_initializers =
            |at: &usize| *at < inner.raw.inputs().len() || self.is_named(&inner.input_info(*at).name);
        let places: Vec<usize> = (0..inner.input_count()).filter(named_initializers).collect();
        for place in places {
            self.bind_input(&mut bound, place)?;
        }
        let symbols = Symbols::of(&inner, &bound);
        for index in 0..inner.raw.outputs().len() {
            self.bind_output(&mut bound, index, &symbols)?;
        }
        bound.pass_through(&inner);
        Binding::new(inner, bound)
    }

    fn bind_input(&mut self, bound: &mut Bound<'m>, place: usize) -> Result<()> {
        let inner = self.inner.clone();
        let info = inner.input_info(place);
        if matches!(info.value_type, ValueType::Optional { .. }) && !self.is_named(&info.name) {
            return Ok(());
        }
        let title = || format!("input `{}`", info.name);
        let (dtype, declared) = tensor_type(info).map_err(|error| error.context(title()))?;
        let tensor = match self.take_memory(&info.name) {
            Some(memory) => {
                check_fits(info, declared, memory.dtype() == dtype, memory.shape(), &memory)?;
                BoundTensor::borrowed(memory)
            }
            None => {
                let shape = self.said_shape(&info.name).or_else(|| declared.fixed()).ok_or_else(|| {
                    let reason = format!("has the shape {declared}, so say which to bind");
                    Error::invalid_argument(info.name.as_str(), reason)
                })?;
                check_fits(info, declared, true, &shape, &format!("{dtype}{shape}"))?;
                BoundTensor::zeros(dtype, shape)
            }
        };
        let tensor = tensor.map_err(|error| error.context(title()))?;
        bound.tensors.push(tensor);
        let even = bound.tensors.len() - 1;
        bound.inputs.push(Slot { index: place, tensors: Some([even; 2]), is_concluded: false });
        Ok(())
    }

    fn bind_output(&mut self, bound: &mut Bound<'m>, index: usize, symbols: &Symbols) -> Result<()> {
        let inner = self.inner.clone();
        let info = &inner.raw.outputs()[index];
        let title = || format!("output `{}`", info.name);
        let (dtype, declared) = tensor_type(info).map_err(|error| error.context(title()))?;
        if let Some(input) = self.take_tie(&info.name) {
            return tie(bound, &inner, index, &input);
        }
        let mut is_concluded = false;
        let tensor = match self.take_memory(&info.name) {
            Some(memory) => {
                check_fits(info, declared, memory.dtype() == dtype, memory.shape(), &memory)?;
                Some(BoundTensor::borrowed(memory))
            }
            None => {
                let said = self.said_shape(&info.name);
                if let Some(shape) = &said {
                    check_fits(info, declared, true, shape, &format!("{dtype}{shape}"))?;
                }
                is_concluded = said.is_none();
                let shape = said.or_else(|| symbols.conclude(declared));
                shape.filter(|_| dtype != DType::String).map(|shape| BoundTensor::zeros(dtype, shape))
            }
        };
        let tensor = tensor.transpose().map_err(|error| error.context(title()))?;
        let tensors = tensor.map(|tensor| {
            bound.tensors.push(tensor);
            [bound.tensors.len() - 1; 2]
        });
        bound.outputs.push(Slot { index, tensors, is_concluded: is_concluded && tensors.is_some() });
        Ok(())
    }

    /// Every name is the model's, and said only once.
    fn check_names(&self) -> Result<()> {
        let inner = &self.inner;
        let inputs: Vec<&str> =
            (0..inner.input_count()).map(|at| inner.input_info(at).name.as_str()).collect();
        let outputs: Vec<&str> = inner.raw.outputs().iter().map(|info| info.name.as_str()).collect();
        let either = || inputs.iter().chain(&outputs).copied();
        let tied = self.ties.iter().flat_map(|(output, input)| [(output, &outputs), (input, &inputs)]);
        for (name, known) in tied {
            if !known.contains(&name.as_str()) {
                let what = if known == &outputs { "output" } else { "input" };
                return Err(Error::not_found(what, name, known.iter().copied()));
            }
        }
        let said = self.shapes.iter().map(|(name, _)| name);
        let said: Vec<&String> = said.chain(self.memory.iter().map(|(name, _)| name)).collect();
        for (at, name) in said.iter().enumerate() {
            if !either().any(|known| known == *name) {
                return Err(Error::not_found("input or output", *name, either()));
            }
            if said[..at].contains(name) {
                return Err(Error::invalid_argument(*name, "is given twice"));
            }
        }
        for (at, (output, input)) in self.ties.iter().enumerate() {
            if self.ties[..at].iter().any(|(other, to)| other == output || to == input) {
                return Err(Error::invalid_argument("tie", format!("`{output}` or `{input}` is tied twice")));
            }
            if inputs.contains(&output.as_str()) {
                let reason = format!("`{output}` is itself an input, so no run computes it");
                return Err(Error::invalid_argument("tie", reason));
            }
            if self.memory.iter().any(|(name, _)| name == output || name == input) {
                let reason = format!("`{output}` and `{input}` take turns, so neither can be given memory");
                return Err(Error::invalid_argument("tie", reason));
            }
        }
        Ok(())
    }

    fn is_named(&self, name: &str) -> bool {
        self.shapes.iter().any(|(own, _)| own == name)
            || self.memory.iter().any(|(own, _)| own == name)
            || self.ties.iter().any(|(_, input)| input == name)
    }

    fn said_shape(&self, name: &str) -> Option<Shape> {
        self.shapes.iter().find(|(own, _)| own == name).map(|(_, shape)| shape.clone())
    }

    fn take_memory(&mut self, name: &str) -> Option<TensorViewMut<'m>> {
        let at = self.memory.iter().position(|(own, _)| own == name)?;
        Some(self.memory.swap_remove(at).1)
    }

    fn take_tie(&mut self, output: &str) -> Option<String> {
        let at = self.ties.iter().position(|(own, _)| own == output)?;
        Some(self.ties.swap_remove(at).1)
    }
}

/// Makes an output the next run's input: two tensors take turns.
fn tie(bound: &mut Bound<'_>, inner: &Inner, index: usize, input: &str) -> Result<()> {
    let output = &inner.raw.outputs()[index];
    let slot = bound.inputs.iter().position(|slot| inner.input_info(slot.index).name == input);
    let slot = slot.ok_or_else(|| Error::internal("a tied input was not bound"))?;
    let even = bound.inputs[slot].tensors.map_or(0, |tensors| tensors[0]);
    let (dtype, shape) = (bound.tensors[even].dtype(), bound.tensors[even].shape().clone());
    let (output_dtype, declared) = tensor_type(output)?;
    let as_input = format!("{dtype}{shape}, as input `{input}`");
    check_fits(output, declared, dtype == output_dtype, &shape, &as_input)?;
    bound.tensors.push(BoundTensor::zeros(dtype, shape)?);
    let odd = bound.tensors.len() - 1;
    bound.inputs[slot].tensors = Some([even, odd]);
    bound.outputs.push(Slot { index, tensors: Some([odd, even]), is_concluded: false });
    Ok(())
}

fn check_fits(
    info: &ValueInfo,
    declared: &SymbolicShape,
    same_type: bool,
    shape: &Shape,
    actual: &dyn std::fmt::Display,
) -> Result<()> {
    // ONNX Runtime takes any shape for a declared scalar.
    let any_shape = declared.dims().is_some_and(<[_]>::is_empty);
    if same_type && (any_shape || declared.accepts(shape)) {
        return Ok(());
    }
    Err(Error::tensor_mismatch(&info.name, &info.value_type, actual))
}

/// Type and shape of a tensor, or of one that is optional.
fn tensor_type(info: &ValueInfo) -> Result<(DType, &SymbolicShape)> {
    let mut value_type = &info.value_type;
    if let ValueType::Optional { element } = value_type {
        value_type = element;
    }
    match value_type {
        ValueType::Tensor { dtype, shape } => Ok((*dtype, shape)),
        other => Err(Error::unsupported("binding", format!("{other} is no tensor; use `run`"))),
    }
}

/// Sizes of the dimensions that the model names, as the inputs have them.
struct Symbols(Vec<(String, Option<usize>)>);

impl Symbols {
    fn of(inner: &Inner, bound: &Bound<'_>) -> Self {
        let mut symbols = Self(Vec::new());
        for slot in &bound.inputs {
            let shape = slot.tensors.map(|tensors| bound.tensors[tensors[0]].shape());
            let declared = tensor_type(inner.input_info(slot.index)).ok().and_then(|(_, shape)| shape.dims());
            for (dim, &size) in
                declared.unwrap_or_default().iter().zip(shape.into_iter().flat_map(|s| s.iter()))
            {
                if let Dim::Symbol(name) = dim {
                    symbols.add(name, size);
                }
            }
        }
        symbols
    }

    /// A name that stands for two sizes says nothing.
    fn add(&mut self, name: &str, size: usize) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, known)) => *known = known.filter(|known| *known == size),
            None => self.0.push((name.to_owned(), Some(size))),
        }
    }

    fn conclude(&self, declared: &SymbolicShape) -> Option<Shape> {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => Some(*size),
            Dim::Symbol(name) => self.0.iter().find(|(own, _)| own == name)?.1,
            Dim::Unknown => None,
        };
        declared.dims()?.iter().map(size).collect()
    }
}
