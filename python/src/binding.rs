//! `ortlet.Binding`: inputs and outputs in fixed memory.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use ortlet::tensor::{Dim, Shape, SymbolicShape, TensorView, ValueType};
use ortlet::{Binding, Error, RunOptions, Session};
use pyo3::exceptions::{PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyList, PyMapping, PyString, PyTuple};

use crate::cancel::PyCancelToken;
use crate::errors::Outcome;
use crate::session::run_options;
use crate::tensor::PyTensor;
use crate::value::{self, Input};

/// A session's inputs and outputs in fixed memory, prepared once for many runs. Used by one thread at a time.
#[pyclass(frozen, module = "ortlet", name = "Binding", weakref)]
pub(crate) struct PyBinding {
    binding: Mutex<Binding<'static>>,
    input_names: Vec<String>,
    output_names: Vec<String>,
    text: String,
    /// Keeps memory of the caller's in place; dropped after the binding.
    _memory: Vec<(String, Input)>,
}

/// Prepares the memory: `shapes` are shapes, or arrays that runs then read or write in place.
pub(crate) fn bind(
    session: &Session,
    shapes: Option<&Bound<'_, PyMapping>>,
    ties: Option<&Bound<'_, PyMapping>>,
) -> Outcome<PyBinding> {
    let mut binder = session.binder();
    let mut kept: Vec<(String, Input)> = Vec::new();
    for (name, object) in items(shapes)? {
        let name: String = name.extract()?;
        if let Some(shape) = shape(&object)? {
            binder = binder.shape(name, shape);
            continue;
        }
        let memory = value::read_named(&name, &object, &[])?;
        let Input::Foreign(foreign) = &memory else {
            let reason =
                "memory has to be a writable array in row-major order, whose elements are bytes or more";
            return Err(Error::invalid_argument(name, reason).into());
        };
        let shared = kept.iter().find(
            |(_, other)| matches!(other, Input::Foreign(other) if other.memory.overlaps(&foreign.memory)),
        );
        if let Some((other, _)) = shared {
            return Err(Error::invalid_argument(name, format!("shares memory with `{other}`")).into());
        }
        // SAFETY: the binding keeps what owns the memory, and drops it last; nobody else has a view of it.
        let view = unsafe { value::foreign_mut(foreign) };
        let view = view.map_err(|error| error.context(format!("memory for `{name}`")))?;
        binder = binder.memory(name.as_str(), view);
        kept.push((name, memory));
    }
    for (output, input) in items(ties)? {
        binder = binder.tie(output.extract::<String>()?, input.extract::<String>()?);
    }
    let binding = binder.bind()?;
    Ok(PyBinding {
        input_names: binding.input_names().map(str::to_owned).collect(),
        output_names: binding.output_names().map(str::to_owned).collect(),
        text: format!("{binding:?}"),
        binding: Mutex::new(binding),
        _memory: kept,
    })
}

type Item<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

fn items<'py>(mapping: Option<&Bound<'py, PyMapping>>) -> PyResult<Vec<Item<'py>>> {
    let Some(mapping) = mapping else { return Ok(Vec::new()) };
    mapping.items()?.iter().map(|item| item.extract()).collect()
}

/// A size, or a list or tuple of sizes.
fn shape(object: &Bound<'_, PyAny>) -> PyResult<Option<Shape>> {
    if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
        return Ok(Some(Shape::from([object.extract::<usize>()?])));
    }
    if object.is_instance_of::<PyTuple>() || object.is_instance_of::<PyList>() {
        return object.extract::<Vec<usize>>().map(|sizes| Some(Shape::from(sizes)));
    }
    Ok(None)
}

#[pymethods]
impl PyBinding {
    /// The inputs' memory, as arrays to be filled.
    #[getter]
    fn inputs(slf: Bound<'_, Self>) -> PyBoundTensors {
        PyBoundTensors { binding: slf.unbind(), is_input: true }
    }

    /// The outputs of the last run, as arrays: fixed memory that the next run overwrites, where shapes are known.
    #[getter]
    fn outputs(slf: Bound<'_, Self>) -> PyBoundTensors {
        PyBoundTensors { binding: slf.unbind(), is_input: false }
    }

    /// Runs the model on the inputs' present contents; gives `outputs`.
    #[pyo3(signature = (*, deadline=None, cancel=None))]
    fn run(
        slf: Bound<'_, Self>,
        deadline: Option<&Bound<'_, PyAny>>,
        cancel: Option<&Bound<'_, PyCancelToken>>,
    ) -> Outcome<PyBoundTensors> {
        let options = run_options(None, deadline, cancel)?;
        slf.get().run_with(slf.py(), options.as_ref())?;
        Ok(Self::outputs(slf))
    }

    fn __repr__(&self) -> &str {
        &self.text
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "cannot pickle a Binding: its memory belongs to its process; bind again in the other one",
        ))
    }
}

impl PyBinding {
    fn run_with(&self, py: Python<'_>, options: Option<&RunOptions>) -> Outcome<()> {
        let mut binding = self.lock()?;
        let binding = &mut *binding;
        py.detach(|| match options {
            None => binding.run(),
            Some(options) => binding.run_with(options),
        })?;
        Ok(())
    }

    fn lock(&self) -> ortlet::Result<MutexGuard<'_, Binding<'static>>> {
        match self.binding.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => {
                Err(Error::invalid_argument("binding", "is in use by another thread; give each its own"))
            }
        }
    }
}

/// The arrays of a binding by name.
#[pyclass(frozen, mapping, module = "ortlet._ortlet", name = "BoundTensors")]
pub(crate) struct PyBoundTensors {
    binding: Py<PyBinding>,
    is_input: bool,
}

#[pymethods]
impl PyBoundTensors {
    fn __getitem__<'py>(&self, py: Python<'py>, name: &Bound<'py, PyAny>) -> Outcome<Bound<'py, PyAny>> {
        let text = name.cast::<PyString>()?.to_str()?;
        if !self.names().iter().any(|own| own == text) {
            return Err(PyKeyError::new_err((name.clone().unbind(), self.names().join(", "))).into());
        }
        self.array(py, text)
    }

    /// Writes into the memory. What NumPy has an array of is written by NumPy, with all that it does for shapes and types.
    fn __setitem__(&self, py: Python<'_>, name: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> Outcome<()> {
        let array = self.__getitem__(py, name)?;
        if self.is_input && self.is_copied(py, name)? {
            return self.write(name.extract()?, value);
        }
        Ok(array.set_item(py.Ellipsis(), value)?)
    }

    fn __len__(&self) -> usize {
        self.names().len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        name.extract::<&str>().is_ok_and(|name| self.names().iter().any(|own| own == name))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.keys(py)?.try_iter()?.into_any())
    }

    /// The names, in the model's order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.names())
    }

    /// The arrays, in the model's order.
    fn values<'py>(&self, py: Python<'py>) -> Outcome<Vec<Bound<'py, PyAny>>> {
        self.names().iter().map(|name| self.array(py, name)).collect()
    }

    /// Names and arrays, in the model's order.
    fn items<'py>(&self, py: Python<'py>) -> Outcome<Vec<(String, Bound<'py, PyAny>)>> {
        self.names().iter().map(|name| Ok((name.clone(), self.array(py, name)?))).collect()
    }

    /// The array of this name, or `default` if there is none.
    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> Outcome<Bound<'py, PyAny>> {
        match self.__contains__(name) {
            true => self.__getitem__(py, name),
            false => Ok(default.unwrap_or_else(|| py.None().into_bound(py))),
        }
    }

    fn __repr__(&self) -> String {
        format!("{}({})", if self.is_input { "inputs" } else { "outputs" }, self.names().join(", "))
    }
}

impl PyBoundTensors {
    fn names(&self) -> &[String] {
        let binding = self.binding.get();
        if self.is_input { &binding.input_names } else { &binding.output_names }
    }

    fn array<'py>(&self, py: Python<'py>, name: &str) -> Outcome<Bound<'py, PyAny>> {
        let mut binding = self.binding.get().lock()?;
        if self.is_input {
            let mut view = binding.input_mut(name)?;
            let data = view.bytes_mut().as_mut_ptr();
            return self.in_place(py, &view.as_view(), data);
        }
        if let Some(tensor) = binding.output_tensor(name)? {
            return value::to_python(py, tensor.into());
        }
        let view = binding.output(name)?;
        let data = view.bytes().unwrap_or_default().as_ptr().cast_mut();
        self.in_place(py, &view, data)
    }

    /// Whether an input's array is a copy, because NumPy does not have such elements as they lie in memory.
    fn is_copied(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> Outcome<bool> {
        let dtype = self.binding.get().lock()?.input(name.extract()?)?.dtype();
        Ok(dtype.is_packed() || !value::has_array_type(py, dtype)?)
    }

    fn write(&self, name: &str, value: &Bound<'_, PyAny>) -> Outcome<()> {
        let mut binding = self.binding.get().lock()?;
        let mut view = binding.input_mut(name)?;
        let shape = view.shape().iter().map(|&size| Dim::Fixed(size)).collect();
        let declared = ValueType::Tensor { dtype: view.dtype(), shape: SymbolicShape::new(shape) };
        let tensor = value::read(value, Some(&declared))?.into_copy()?.into_tensor()?;
        Ok(view.copy_from(&tensor.view()).map_err(|error| error.context(format!("input `{name}`")))?)
    }

    /// An array of the binding's memory. Types that NumPy does not have as they lie there are copied, and then cannot be
    /// written, which would change nothing.
    fn in_place<'py>(
        &self,
        py: Python<'py>,
        view: &TensorView<'_>,
        data: *mut u8,
    ) -> Outcome<Bound<'py, PyAny>> {
        let (dtype, shape) = (view.dtype(), view.shape());
        if value::has_numpy(py)? && !dtype.is_packed() {
            let owner = self.binding.bind(py).clone().into_any();
            // SAFETY: the binding's memory, which stays where it is while the binding lives.
            if let Some(array) = unsafe { value::array_in_place(dtype, shape, data, true, owner) }? {
                return Ok(array);
            }
        }
        let bytes = view.bytes().unwrap_or_default();
        let tensor = ortlet::tensor::Tensor::from_bytes(dtype, shape.clone(), bytes)?;
        match value::array_of_tensor(py, tensor.clone(), false)? {
            Some(array) => Ok(array),
            None => Ok(Bound::new(py, PyTensor { tensor })?.into_any()),
        }
    }
}
