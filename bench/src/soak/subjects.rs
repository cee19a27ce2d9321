//! The models that are run, what they are fed with, and what they have to give.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use ortlet::tensor::Tensor;
use ortlet::{Binding, Outputs, Session, SessionOptions, Threads};
use ortlet_bench::harness::models;
use ortlet_bench::order::{Data, Input};

/// Models whose sessions take tens of megabytes at most, so that many can come and go.
const NAMES: [&str; 3] = ["magika", "silero-vad", "cls"];

/// Runs of the speech detector whose state flows from each to the next.
const SPEECH_STEPS: usize = 12;

/// A model.
pub struct Subject {
    pub name: &'static str,
    pub file: PathBuf,
    pub inputs: Vec<(String, Tensor)>,
    /// What a run on them gives.
    pub expected: Outputs,
}

impl Subject {
    pub fn views(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.inputs.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    pub fn owned(&self) -> Vec<(String, Tensor)> {
        self.inputs.clone()
    }

    pub fn check(&self, outputs: &Outputs) -> Result<()> {
        ensure!(*outputs == self.expected, "other results of {} than at first", self.name);
        Ok(())
    }

    /// A binding with the inputs filled in.
    pub fn bind(&self, session: &Session) -> Result<Binding<'static>> {
        let shapes = self.views().map(|(name, tensor)| (name, tensor.shape().clone()));
        let mut binding = session.bind(shapes)?;
        for (name, tensor) in self.views() {
            binding.input_mut(name)?.copy_from(&tensor.view())?;
        }
        Ok(binding)
    }

    pub fn check_bound(&self, binding: &Binding<'_>) -> Result<()> {
        for (name, value) in self.expected.iter() {
            let same = binding.output(name)?.bytes() == value.as_tensor()?.bytes();
            ensure!(same, "other results of {} than at first, bound", self.name);
        }
        Ok(())
    }
}

/// All models, each run once by the caller's thread alone.
pub fn all(folder: &Path) -> Result<Vec<Subject>> {
    let subject = |model: models::Model| -> Result<Subject> {
        let file = folder.join(model.file);
        let inputs = model.inputs.iter().map(|input| Ok((input.name.clone(), tensor(input)?)));
        let inputs: Vec<(String, Tensor)> = inputs.collect::<Result<_>>()?;
        let alone = SessionOptions { threads: Threads::Count(1), ..SessionOptions::default() };
        let session = Session::load(&file, &alone).context("run `cargo xtask setup`")?;
        let expected = session.run(inputs.iter().map(|(name, tensor)| (name, tensor)))?;
        Ok(Subject { name: model.name, file, inputs, expected })
    };
    models::named(&NAMES).into_iter().map(subject).collect()
}

fn tensor(input: &Input) -> Result<Tensor> {
    let dims = &input.dims[..];
    Ok(match input.data() {
        Data::Float32(data) => Tensor::from_vec(dims, data)?,
        Data::Int32(data) => Tensor::from_vec(dims, data)?,
        Data::Int64(data) => Tensor::from_vec(dims, data)?,
    })
}

/// The speech detector with its state tied: what each step from a state of zeros on has to give.
pub struct Speech<'a> {
    subject: &'a Subject,
    steps: Vec<Tensor>,
}

impl<'a> Speech<'a> {
    pub fn new(subjects: &'a [Subject], session: &Session) -> Result<Self> {
        let subject = subjects.iter().find(|subject| subject.name == "silero-vad");
        let subject = subject.context("the speech detector is missing")?;
        let mut inputs = subject.owned();
        let mut state = Tensor::zeros(ortlet::tensor::DType::F32, [2, 1, 128])?;
        let mut steps = Vec::new();
        for _ in 0..SPEECH_STEPS {
            let given = inputs.iter_mut().find(|(name, _)| name == "state");
            given.context("there is no state")?.1 = state;
            let mut outputs = session.run(inputs.iter().map(|(name, tensor)| (name, tensor)))?;
            state = outputs.remove("stateN").context("there is no state")?.into_tensor()?;
            steps.push(outputs.remove("output").context("there is no output")?.into_tensor()?);
        }
        Ok(Self { subject, steps })
    }

    pub fn bind(&self, session: &Session) -> Result<Binding<'static>> {
        let mut binder = session.binder().tie("stateN", "state");
        for (name, tensor) in self.subject.views() {
            binder = binder.shape(name, tensor.shape().clone());
        }
        let mut binding = binder.bind()?;
        for (name, tensor) in self.subject.views() {
            binding.input_mut(name)?.copy_from(&tensor.view())?;
        }
        Ok(binding)
    }

    /// Speaks from a state of zeros on.
    pub fn speak(&self, binding: &mut Binding<'_>) -> Result<()> {
        binding.input_mut("state")?.bytes_mut().fill(0);
        for (number, expected) in self.steps.iter().enumerate() {
            binding.run()?;
            let same = binding.output("output")?.bytes() == expected.bytes();
            ensure!(same, "other results of step {number} with tied state");
        }
        Ok(())
    }
}
