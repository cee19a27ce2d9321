//! Feed-forward blocks: two layers in a row, of which nobody else reads what is between.

use super::block::{Activation, FeedForward, Linear};
use super::scene::Scene;

/// Joins layers of a model where they make a block.
pub(super) fn join(scene: &Scene, linears: Vec<Linear>) -> (Vec<FeedForward>, Vec<Linear>) {
    let (mut blocks, mut rest) = (Vec::new(), Vec::new());
    let mut left: Vec<Option<Linear>> = linears.into_iter().map(Some).collect();
    for at in 0..left.len() {
        let Some(up) = left[at].take() else { continue };
        let follower =
            left.iter().position(|down| down.as_ref().is_some_and(|down| follows(scene, &up, down)));
        match follower.and_then(|follower| left[follower].take()) {
            Some(down) => blocks.push(FeedForward { up, down }),
            None => rest.push(up),
        }
    }
    (blocks, rest)
}

fn follows(scene: &Scene, up: &Linear, down: &Linear) -> bool {
    up.residual.is_none()
        && up.norm.is_none()
        && up.activation != Activation::None
        && down.activation == Activation::None
        && down.x == up.output
        && up.weights.len() == 1
        && scene.view.only_reader(&up.output) == Some(down.product)
}
