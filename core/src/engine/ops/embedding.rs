//! `Embedding`: rows of a table by their numbers.

use std::ffi::CStr;

use ortlet_kernels::Embedding;

use super::blob::{self, Copied};
use super::context::{Context, Dims};
use super::info::Info;
use super::problem::{Outcome, Problem};
use super::table::{Input, Operator};

/// Numbers of 32 bits are made longer on the stack, so many at a time.
const CHUNK: usize = 512;

pub(super) struct EmbeddingOp {
    name: String,
    table: Embedding<'static>,
    threads: usize,
    _weights: Copied,
}

impl Operator for EmbeddingOp {
    const NAME: &'static CStr = c"Embedding";
    const INPUTS: &'static [Input] = &[Input::indices("ids"), Input::blob("table")];

    fn new(info: &Info) -> Outcome<Self> {
        let (packed, weights) = blob::packed(info, 1)?;
        let table =
            Embedding::new(packed).map_err(|error| Problem::new(format!("input `table`: {error}")))?;
        Ok(Self { name: info.to_string(), table, threads: info.threads(), _weights: weights })
    }

    fn compute(&self, context: &mut Context<'_>) -> Outcome<()> {
        self.lookup(context).map_err(|problem| problem.of(&self.name))
    }
}

impl EmbeddingOp {
    fn lookup(&self, context: &mut Context<'_>) -> Outcome<()> {
        let ids = context.input(0)?;
        let width = self.table.width();
        let mut dims = Dims::from_slice(ids.dims);
        dims.push(width as i64);
        let pool = context.pool(self.threads);
        let said = |error: ortlet_kernels::KernelError| Problem::new(error.to_string());
        if let Some(ids) = ids.long_integers() {
            return self.table.lookup(ids?, context.output(&dims)?, &pool).map_err(said);
        }
        let Some(short) = ids.integers() else {
            let words = format!("has elements of type {}, not int32 or int64", ids.element_name());
            return Err(context.wrong(0, words));
        };
        let rows = context.output(&dims)?;
        for (short, rows) in short?.chunks(CHUNK).zip(rows.chunks_mut((CHUNK * width).max(1))) {
            let mut long = [0; CHUNK];
            let long = &mut long[..short.len()];
            long.iter_mut().zip(short).for_each(|(long, &short)| *long = short.into());
            self.table.lookup(long, rows, &pool).map_err(said)?;
        }
        Ok(())
    }
}
