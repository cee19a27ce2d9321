//! One run: inputs by name, checked and wrapped; outputs wrapped and named.

use std::sync::Arc;
use std::time::{Duration, Instant};

use smallvec::SmallVec;

use crate::Result;
use crate::engine::runtime::{Call, OwnedValue, from_output, tensor_output};
use crate::engine::session::check::{self, Declared};
use crate::engine::session::flight::Budget;
use crate::engine::session::inner::{Control, Inner};
use crate::engine::session::{CancelToken, Outputs};
use crate::tensor::{Value, ValueType, ValueView};

/// How one run differs from the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOptions {
    /// Names of the outputs to compute, in the order wanted; `None` means all. Parts of the model that only serve
    /// other outputs are still computed. A binding has outputs of its own.
    pub outputs: Option<Vec<String>>,
    /// The time from the call on that the run may take, waiting included. A run that takes longer ends, before its
    /// next operator, with `deadline_exceeded`; one that is done in time, or while it is being ended, gives its result.
    pub deadline: Option<Duration>,
    /// What ends the run with `cancelled`, before its next operator.
    pub cancel: Option<CancelToken>,
}

impl RunOptions {
    /// What may end a run that was asked for at `start`.
    pub(super) fn control(&self, start: Instant) -> Control<'_> {
        let budget = self.deadline.map(|allowed| Budget::new(start, allowed));
        Control { budget, tokens: [self.cancel.as_ref(), None] }
    }
}

impl Inner {
    /// Checks and runs; `wanted` are indices of outputs.
    pub(super) fn run_values<'a, N: AsRef<str>>(
        &self,
        inputs: impl Iterator<Item = (N, ValueView<'a>)>,
        wanted: &[usize],
        control: &Control<'_>,
    ) -> Result<Outputs> {
        let mut memory = self.take_memory();
        let mut call = memory.call();
        self.give(&mut call, inputs)?;
        let outputs = self.run(control, |endable| self.raw.run(&call, wanted, endable))?;
        let mut named = SmallVec::with_capacity(wanted.len());
        for (&at, output) in wanted.iter().zip(outputs) {
            named.push(self.named_output(at, output, &call)?);
        }
        drop(call);
        self.return_memory(memory);
        Ok(Outputs::new(named))
    }

    /// Gives a call its inputs, once they are known to fit.
    fn give<'a, N: AsRef<str>>(
        &self,
        call: &mut Call<'_, 'a>,
        inputs: impl Iterator<Item = (N, ValueView<'a>)>,
    ) -> Result<()> {
        let declared = self.declared();
        let mut absent = SmallVec::<[usize; 4]>::new();
        for (name, value) in inputs {
            let place = declared.place(name.as_ref())?;
            declared.accepts(place, &value)?;
            if call.has(place) || absent.contains(&place) {
                return Err(check::given_twice(name.as_ref()));
            }
            // ONNX Runtime takes an optional input that holds nothing by not getting it at all.
            if matches!(value, ValueView::Value(Value::Optional(None))) {
                absent.push(place);
                continue;
            }
            let given = match declared.element_of_empty_sequence(place, &value) {
                Some(element) => call.give_empty_sequence(place, element),
                None => call.give(place, &value),
            };
            given.map_err(|error| error.context(declared.title(place)))?;
        }
        declared.complete(|place| call.has(place))
    }

    /// Indices of the outputs that options ask for.
    pub(super) fn wanted(&self, options: &RunOptions) -> Result<SmallVec<[usize; 4]>> {
        match &options.outputs {
            None => Ok(SmallVec::from_slice(&self.all_outputs)),
            Some(names) => check::wanted_outputs(self.raw.outputs(), names),
        }
    }

    pub(super) fn declared(&self) -> Declared<'_> {
        Declared { inputs: self.raw.inputs(), initializers: self.raw.initializers() }
    }

    fn named_output(&self, at: usize, output: OwnedValue, call: &Call<'_, '_>) -> Result<(Arc<str>, Value)> {
        let info = &self.raw.outputs()[at];
        let value = match info.value_type {
            ValueType::Tensor { .. } => tensor_output(output, Some(call)).map(Value::Tensor),
            _ => from_output(output, call),
        };
        let value = value.map_err(|error| error.context(format!("output `{}`", info.name)))?;
        Ok((self.output_names[at].clone(), value))
    }
}
