//! Checks of options, names, types and shapes, made before ONNX Runtime sees anything.

use smallvec::SmallVec;

use crate::engine::runtime::{Precision, SessionOptions};
use crate::tensor::{DType, SymbolicShape, Value, ValueInfo, ValueType, ValueView};
use crate::{Error, Result};

/// Options whose parts contradict each other or can never work.
pub(super) fn options(options: &SessionOptions) -> Result<()> {
    for (name, &size) in &options.dims {
        if name.is_empty() || size == 0 {
            return Err(Error::invalid_argument(
                format!("dims.{name}"),
                "needs a name and a size of at least 1",
            ));
        }
    }
    if options.precision != Precision::Original {
        let reason =
            "it is done for loading and compiling; compile the model with it, and use what was compiled";
        return Err(Error::unsupported("choice of a precision here", reason));
    }
    Ok(())
}

/// The inputs that a session declares. A place is an index into the inputs, or beyond them into the initializers.
pub(super) struct Declared<'a> {
    pub(super) inputs: &'a [ValueInfo],
    pub(super) initializers: &'a [ValueInfo],
}

impl Declared<'_> {
    /// The place of a name.
    pub(super) fn place(&self, name: &str) -> Result<usize> {
        let all = || self.inputs.iter().chain(self.initializers);
        all()
            .position(|info| info.name == name)
            .ok_or_else(|| Error::not_found("input", name, all().map(|info| info.name.as_str())))
    }

    /// Whether a value fits the type declared at a place.
    pub(super) fn accepts(&self, place: usize, value: &ValueView<'_>) -> Result<()> {
        let info = self.info(place);
        if fits(&info.value_type, value) {
            return Ok(());
        }
        Err(Error::tensor_mismatch(&info.name, &info.value_type, value))
    }

    /// The declared type of the tensors in a sequence that has none, which itself does not tell.
    pub(super) fn element_of_empty_sequence(&self, place: usize, value: &ValueView<'_>) -> Option<DType> {
        let ValueView::Value(Value::Sequence(values)) = value else { return None };
        let mut declared = &self.info(place).value_type;
        if let ValueType::Optional { element } = declared {
            declared = element;
        }
        match declared {
            ValueType::Sequence { element } if values.is_empty() => match **element {
                ValueType::Tensor { dtype, .. } => Some(dtype),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether every input is given that must be: optional ones may be left out.
    pub(super) fn complete(&self, is_given: impl Fn(usize) -> bool) -> Result<()> {
        let optional = |info: &ValueInfo| matches!(info.value_type, ValueType::Optional { .. });
        match (0..self.inputs.len()).find(|&at| !is_given(at) && !optional(&self.inputs[at])) {
            None => Ok(()),
            Some(at) => {
                Err(Error::tensor_mismatch(&self.inputs[at].name, &self.inputs[at].value_type, "nothing"))
            }
        }
    }

    pub(super) fn title(&self, place: usize) -> String {
        format!("input `{}`", self.info(place).name)
    }

    fn info(&self, place: usize) -> &ValueInfo {
        self.inputs.get(place).unwrap_or_else(|| &self.initializers[place - self.inputs.len()])
    }
}

pub(super) fn given_twice(name: &str) -> Error {
    Error::invalid_argument("inputs", format!("`{name}` is given twice"))
}

/// The places of the outputs asked for.
pub(super) fn wanted_outputs(outputs: &[ValueInfo], names: &[String]) -> Result<SmallVec<[usize; 4]>> {
    if names.is_empty() {
        return Err(Error::invalid_argument("outputs", "at least one has to be asked for"));
    }
    let mut places = SmallVec::new();
    for name in names {
        let place = outputs
            .iter()
            .position(|info| &info.name == name)
            .ok_or_else(|| Error::not_found("output", name, outputs.iter().map(|info| info.name.as_str())))?;
        if places.contains(&place) {
            return Err(Error::invalid_argument("outputs", format!("`{name}` is asked for twice")));
        }
        places.push(place);
    }
    Ok(places)
}

fn fits(declared: &ValueType, value: &ValueView<'_>) -> bool {
    match (declared, value) {
        (ValueType::Tensor { dtype, shape }, ValueView::Tensor(view)) => {
            tensor_fits(*dtype, shape, view.dtype(), view.shape().dims())
        }
        (ValueType::Optional { element }, ValueView::Tensor(_)) => fits(element, value),
        (_, ValueView::Value(value)) => value_fits(declared, value),
        _ => false,
    }
}

fn value_fits(declared: &ValueType, value: &Value) -> bool {
    match (declared, value) {
        (ValueType::Optional { .. }, Value::Optional(None)) => true,
        (ValueType::Optional { element }, Value::Optional(Some(value))) => value_fits(element, value),
        (ValueType::Optional { element }, value) => value_fits(element, value),
        (_, Value::Tensor(tensor)) => fits(declared, &tensor.into()),
        (ValueType::Sequence { element }, Value::Sequence(values)) => {
            values.iter().all(|value| value_fits(element, value))
        }
        (ValueType::Map { key, value }, Value::Map(map)) => {
            // A map's declared value is one element; `Map` holds all of them in one dimension.
            let declared =
                if let ValueType::Tensor { dtype, .. } = value.as_ref() { Some(*dtype) } else { None };
            map.keys().dtype() == *key && declared == Some(map.values().dtype())
        }
        _ => false,
    }
}

fn tensor_fits(declared: DType, shape: &SymbolicShape, actual: DType, dims: &[usize]) -> bool {
    // ONNX Runtime takes any shape for a declared scalar, and some exporters declare one where they mean "any".
    let any_shape = shape.dims().is_some_and(<[_]>::is_empty);
    declared == actual && (any_shape || shape.accepts(dims))
}
