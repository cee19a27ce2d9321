//! The situations: models with the sizes of their inputs and numbers of threads.

use ortlet_bench::harness::models::{self, Model};

/// Sentences as vectors: an encoder of six layers, 384 wide.
pub const MINILM: &str = "minilm";
/// Types of files: convolutions and products.
pub const MAGIKA: &str = "magika";

/// Batch and tokens.
const SHAPES: [[usize; 2]; 5] = [[1, 16], [1, 32], [1, 128], [1, 512], [8, 32]];
const QUICK_SHAPES: [[usize; 2]; 1] = [[1, 128]];
const THREADS: [u32; 2] = [1, 2];

/// One of them.
#[derive(Clone, Debug)]
pub struct Situation {
    pub model: Model,
    pub threads: u32,
}

impl Situation {
    /// How tables call it.
    pub fn title(&self) -> String {
        let (threads, end) = (self.threads, if self.threads == 1 { "" } else { "s" });
        format!("{} {:?}, {threads} thread{end}", self.model.name, self.dims())
    }

    /// The size of the first input.
    pub fn dims(&self) -> &[usize] {
        self.model.inputs.first().map_or(&[], |input| &input.dims)
    }

    /// Whether it is this one.
    pub fn is(&self, model: &str, dims: &[usize], threads: u32) -> bool {
        (self.model.name, self.dims(), self.threads) == (model, dims, threads)
    }
}

/// All of them, or the few that say the most.
pub fn all(quick: bool) -> Vec<Situation> {
    let shapes = if quick { &QUICK_SHAPES[..] } else { &SHAPES[..] };
    let mut situations = Vec::new();
    for model in models::named(&[MAGIKA, MINILM]) {
        let is_minilm = model.name == MINILM;
        let usual = model.inputs.first().map(|input| input.dims.clone()).unwrap_or_default();
        let shapes = if is_minilm { shapes.iter().map(|dims| dims.to_vec()).collect() } else { vec![usual] };
        for dims in shapes {
            let mut model = model.clone();
            model.inputs.iter_mut().for_each(|input| input.dims.clone_from(&dims));
            situations.extend(THREADS.map(|threads| Situation { model: model.clone(), threads }));
        }
    }
    // MiniLM first: most targets are about it.
    situations.sort_by_key(|situation| situation.model.name != MINILM);
    situations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_run_with_both_numbers_of_threads() {
        let titles: Vec<String> = all(false).iter().map(Situation::title).collect();
        assert_eq!(titles.len(), 12);
        assert_eq!(titles[..2], ["minilm [1, 16], 1 thread", "minilm [1, 16], 2 threads"]);
        assert_eq!(titles[11], "magika [1, 2048], 2 threads");
        let quick = all(true);
        assert!(
            quick[1].is(MINILM, &[1, 128], 2)
                && quick[1].model.inputs.iter().all(|input| input.dims == [1, 128])
        );
        assert_eq!(quick.len(), 4);
    }
}
