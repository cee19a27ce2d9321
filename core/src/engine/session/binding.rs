//! Inputs and outputs in fixed memory, prepared once for many runs.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Instant;

use smallvec::SmallVec;

use crate::engine::runtime::{BoundTensor, IoBinding, tensor_output};
use crate::engine::session::RunOptions;
use crate::engine::session::binder::{Bound, Slot};
use crate::engine::session::inner::{Control, Inner};
use crate::error::ErrorCode;
use crate::tensor::{Tensor, TensorView, TensorViewMut};
use crate::{Error, Result};

/// A session's inputs and outputs in fixed memory. A run allocates nothing in Ortlet and makes one call of ONNX
/// Runtime's. Made by [`Session::bind`](crate::Session::bind) and [`Session::binder`](crate::Session::binder).
///
/// Fill [`input_mut`](Self::input_mut), call [`run`](Self::run), read [`output`](Self::output). `Send`: a binding can
/// move to another thread; several bindings of a session can run at once. It keeps the session alive.
///
/// # Examples
/// A voice activity detector whose state flows from each run to the next:
/// ```no_run
/// use ortlet::{Session, SessionOptions};
///
/// let session = Session::load("silero_vad.onnx", &SessionOptions::default())?;
/// let mut call = session
///     .binder()
///     .shape("input", [1, 576])
///     .shape("state", [2, 1, 128])
///     .tie("stateN", "state")
///     .bind()?;
/// call.input_mut("sr")?.as_slice_mut::<i64>()?[0] = 16_000;
/// for chunk in [[0.0_f32; 576]; 10] {
///     call.input_mut("input")?.as_slice_mut()?.copy_from_slice(&chunk);
///     call.run()?;
///     println!("{}", call.output("output")?.as_slice::<f32>()?[0]);
/// }
/// # Ok::<(), ortlet::Error>(())
/// ```
pub struct Binding<'m> {
    inner: Arc<Inner>,
    bound: Bound<'m>,
    /// What ONNX Runtime is told: one table, or two to be used in turn if an output is the next run's input.
    tables: SmallVec<[IoBinding; 2]>,
    /// The table of the next run.
    turn: usize,
    /// The table of the last run; none before it.
    last: Option<usize>,
    /// Outputs of the last run that it allocated, once somebody asks for one.
    allocated: OnceCell<Vec<(usize, Tensor)>>,
}

impl<'m> Binding<'m> {
    pub(super) fn new(inner: Arc<Inner>, bound: Bound<'m>) -> Result<Self> {
        let tables = tables(&inner, &bound)?;
        let allocated = OnceCell::new();
        Ok(Self { inner, bound, tables, turn: 0, last: None, allocated })
    }

    /// Runs the model on the inputs' present contents.
    ///
    /// # Errors
    /// As [`Session::run`](crate::Session::run), as far as they do not concern the inputs' names, types and shapes.
    /// After an error the outputs' contents are unspecified; the inputs are as they were.
    pub fn run(&mut self) -> Result<()> {
        self.run_controlled(&Control::default())
    }

    /// As [`run`](Self::run), with a deadline and a token.
    ///
    /// # Errors
    /// Also `deadline_exceeded` and `cancelled`, and `invalid_argument` if the options choose outputs.
    pub fn run_with(&mut self, options: &RunOptions) -> Result<()> {
        if options.outputs.is_some() {
            return Err(Error::invalid_argument("outputs", "a binding's outputs are chosen when it is made"));
        }
        self.run_controlled(&options.control(Instant::now()))
    }

    /// An input's memory, to be filled. Of an input that is tied to an output, what the next run will read.
    ///
    /// # Errors
    /// `not_found` if no input of this name is bound.
    pub fn input_mut(&mut self, name: &str) -> Result<TensorViewMut<'_>> {
        let tensor = self.input_tensor(name)?;
        Ok(self.bound.tensors[tensor].view_mut())
    }

    /// An input's memory.
    ///
    /// # Errors
    /// As [`input_mut`](Self::input_mut).
    pub fn input(&self, name: &str) -> Result<TensorView<'_>> {
        Ok(self.bound.tensors[self.input_tensor(name)?].view())
    }

    /// An output of the last run: in fixed memory if its shape is known, else in memory of that run. An output that is
    /// itself an input of the model is in the input's memory.
    ///
    /// # Errors
    /// `not_found` if there is no such output, `invalid_argument` before the first run.
    pub fn output(&self, name: &str) -> Result<TensorView<'_>> {
        let (slot, last) = self.computed(name)?;
        match slot.tensors {
            Some(tensors) => Ok(self.bound.tensors[tensors[last]].view()),
            None => self.allocated_output(last, slot.index).map(Tensor::view),
        }
    }

    /// An output that the last run allocated, to be kept beyond the next one; nothing is copied but texts. `None` if the
    /// output lies in fixed memory.
    ///
    /// # Errors
    /// As [`output`](Self::output).
    pub fn output_tensor(&self, name: &str) -> Result<Option<Tensor>> {
        let (slot, last) = self.computed(name)?;
        match slot.tensors {
            Some(_) => Ok(None),
            None => self.allocated_output(last, slot.index).cloned().map(Some),
        }
    }

    /// The output of this name, and the table of the last run.
    fn computed(&self, name: &str) -> Result<(&Slot, usize)> {
        let infos = self.inner.raw.outputs();
        let named = |slot: &&Slot| infos[slot.index].name == name;
        let slot = self.bound.outputs.iter().find(named).ok_or_else(|| {
            let names = self.bound.outputs.iter().map(|slot| infos[slot.index].name.as_str());
            Error::not_found("output", name, names)
        })?;
        let last = self.last.ok_or_else(|| Error::invalid_argument("binding", "has not been run yet"))?;
        Ok((slot, last))
    }

    /// Names of the inputs that are bound, in the model's order.
    pub fn input_names(&self) -> impl Iterator<Item = &str> {
        self.bound.inputs.iter().map(|slot| self.inner.input_info(slot.index).name.as_str())
    }

    /// Names of the outputs, in the model's order.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.bound.outputs.iter().map(|slot| self.inner.raw.outputs()[slot.index].name.as_str())
    }

    fn input_tensor(&self, name: &str) -> Result<usize> {
        let named = |slot: &&Slot| self.inner.input_info(slot.index).name == name;
        let tensors = self.bound.inputs.iter().find(named).and_then(|slot| slot.tensors);
        let tensors = tensors.ok_or_else(|| Error::not_found("bound input", name, self.input_names()))?;
        Ok(tensors[self.turn])
    }

    fn run_controlled(&mut self, control: &Control<'_>) -> Result<()> {
        match self.run_once(control) {
            Err(error) if self.bound.has_concluded() && is_failure(&error) => {
                self.run_without_conclusions(control, error)?;
            }
            result => result?,
        }
        self.last = Some(self.turn);
        self.turn = (self.turn + 1) % self.tables.len();
        Ok(())
    }

    /// The model's own names of dimensions may have led to a wrong shape, so the run is made again with memory of its
    /// own for those outputs. If it fails again, that was not the reason, and everything stays as it was.
    fn run_without_conclusions(&mut self, control: &Control<'_>, first: Error) -> Result<()> {
        let concluded = self.bound.outputs.clone();
        self.bound.forget_concluded();
        self.tables = tables(&self.inner, &self.bound)?;
        let Err(second) = self.run_once(control) else { return Ok(()) };
        self.bound.outputs = concluded;
        self.tables = tables(&self.inner, &self.bound)?;
        Err(if is_failure(&second) { first } else { second })
    }

    fn run_once(&mut self, control: &Control<'_>) -> Result<()> {
        self.last = None;
        self.allocated.take();
        let (inner, table) = (&self.inner, &mut self.tables[self.turn]);
        // What the last run allocated would be taken for memory to write to.
        for slot in self.bound.outputs.iter().filter(|slot| slot.tensors.is_none()) {
            table.allocated_output(&inner.raw, slot.index)?;
        }
        if inner.raw.copies_bound_inputs() {
            bind_inputs(inner, &self.bound, table, self.turn)?;
        }
        inner.run(control, |endable| inner.raw.run_bound(table, endable))
    }

    fn allocated_output(&self, last: usize, index: usize) -> Result<&Tensor> {
        if self.allocated.get().is_none() {
            let _ = self.allocated.set(self.read_allocated(last)?);
        }
        let found = self.allocated.get().and_then(|all| all.iter().find(|(at, _)| *at == index));
        found.map(|(_, tensor)| tensor).ok_or_else(|| Error::internal("an output was not bound"))
    }

    fn read_allocated(&self, last: usize) -> Result<Vec<(usize, Tensor)>> {
        let values = self.tables[last].outputs()?;
        let slots = self.bound.outputs.iter().zip(values);
        let allocated = slots.filter(|(slot, _)| slot.tensors.is_none());
        allocated.map(|(slot, value)| Ok((slot.index, tensor_output(value, None)?))).collect()
    }
}

fn is_failure(error: &Error) -> bool {
    matches!(error.code(), ErrorCode::RuntimeFailed)
}

/// One table, or two if an output is the next run's input: what one writes, the other reads.
fn tables(inner: &Inner, bound: &Bound<'_>) -> Result<SmallVec<[IoBinding; 2]>> {
    let table = |turn: usize| {
        let mut table = IoBinding::new(&inner.raw)?;
        bind_inputs(inner, bound, &mut table, turn)?;
        for slot in &bound.outputs {
            match slot.tensors {
                Some(tensors) => table.output(&inner.raw, slot.index, &bound.tensors[tensors[turn]])?,
                None => table.allocated_output(&inner.raw, slot.index)?,
            }
        }
        Ok(table)
    };
    (0..if bound.has_ties() { 2 } else { 1 }).map(table).collect()
}

fn bind_inputs(inner: &Inner, bound: &Bound<'_>, table: &mut IoBinding, turn: usize) -> Result<()> {
    let tensors = |slot: &Slot| slot.tensors.map(|tensors| (slot.index, tensors[turn]));
    bound.inputs.iter().filter_map(tensors).try_for_each(|(place, tensor): (usize, usize)| {
        let tensor: &BoundTensor<'_> = &bound.tensors[tensor];
        table.input(&inner.raw, place, tensor)
    })
}

impl std::fmt::Debug for Binding<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: Vec<&str>| names.join(", ");
        write!(
            f,
            "Binding({} -> {})",
            list(self.input_names().collect()),
            list(self.output_names().collect())
        )
    }
}
