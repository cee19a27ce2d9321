//! Values that are added to scores, made of what a model masks them with.

use super::Emitter;
use crate::lower::block::Mask;
use crate::model::NodeProto;
use crate::quantize::nodes::{list, node, whole};
use crate::tensor::DType;

/// The first operator set whose `Unsqueeze` takes axes as an input.
const AXES_AS_INPUT: i64 = 13;

impl Emitter<'_, '_> {
    /// The sum of masks, and the nodes that make it; nodes are the same for the same masks.
    pub(super) fn mask(&mut self, masks: &[Mask]) -> Option<(String, Vec<NodeProto>)> {
        let mut parts = masks.iter().map(|mask| self.one_mask(mask));
        let parts: Vec<(String, Vec<NodeProto>)> = parts.by_ref().collect();
        parts.into_iter().reduce(|(left, mut nodes), (right, more)| {
            nodes.extend(more);
            let key = format!("{left} + {right}");
            let (sum, add) = self.cached(key, |emitter, sum| {
                let name = emitter.names.fresh(format!("{sum}/add"));
                vec![node("Add", name, &[&left, &right], sum)]
            });
            nodes.extend(add);
            (sum, nodes)
        })
    }

    fn one_mask(&mut self, mask: &Mask) -> (String, Vec<NodeProto>) {
        match mask {
            Mask::Added(name) => (name.clone(), Vec::new()),
            Mask::Chosen { condition, inverted, other } => {
                let key = format!("{condition} {inverted} {}", other.to_bits());
                self.cached(key, |emitter, mask| vec![emitter.choose(condition, *inverted, *other, mask)])
            }
            Mask::Padding { kept, other } => {
                let key = format!("{kept} padding {}", other.to_bits());
                self.cached(key, |emitter, mask| emitter.padding(kept, *other, mask))
            }
        }
    }

    fn cached(
        &mut self,
        key: String,
        make: impl FnOnce(&mut Self, &str) -> Vec<NodeProto>,
    ) -> (String, Vec<NodeProto>) {
        if let Some(known) = self.masks.get(&key) {
            return known.clone();
        }
        let name = self.names.fresh("ortlet/mask".to_owned());
        let made = (name.clone(), make(self, &name));
        self.masks.insert(key, made.clone());
        made
    }

    /// Zero where a condition is true, else a number; the other way round if `inverted`.
    fn choose(&mut self, condition: &str, inverted: bool, other: f32, output: &str) -> NodeProto {
        let mut scalar = |number: f32| {
            let key = format!("scalar {}", number.to_bits());
            self.floats(key, "ortlet/number".to_owned(), Vec::new(), &[number])
        };
        let (zero, other) = (scalar(0.0), scalar(other));
        let (yes, no) = if inverted { (other, zero) } else { (zero, other) };
        let name = self.names.fresh(format!("{output}/where"));
        node("Where", name, &[condition, &yes, &no], output)
    }

    /// Whether a query has no key, as `[batch, rows, 1]` or fewer axes, and the nodes that find it out.
    pub(super) fn without_keys(&mut self, mask: &Mask) -> (String, Vec<NodeProto>) {
        let source = mask.source().to_owned();
        let is_added = matches!(mask, Mask::Added(_));
        let rank = self.scene.dims.rank(&source).unwrap_or(0);
        self.cached(format!("{source} without keys"), |emitter, none| {
            let mut fresh = |part: &str| emitter.names.fresh(format!("{none}/{part}"));
            let [numbers, largest, flat] = ["numbers", "largest", "flat"].map(&mut fresh);
            let [cast, reduce, compare, squeeze] = ["cast", "reduce", "compare", "squeeze"].map(&mut fresh);
            let (limit, key) = if is_added { (f32::MIN, "lowest") } else { (0.0, "scalar 0") };
            let limit = emitter.floats(key.to_owned(), "ortlet/number".to_owned(), Vec::new(), &[limit]);
            let (last, heads) = (emitter.wholes(&[-1]), emitter.wholes(&[1]));
            let mut nodes = Vec::new();
            if !is_added {
                let to_float = whole("to", i64::from(DType::F32.onnx()));
                nodes.push(NodeProto {
                    attribute: vec![to_float],
                    ..node("Cast", cast, &[&source], &numbers)
                });
            }
            let numbers = if is_added { &source } else { &numbers };
            nodes.push(node("ReduceMax", reduce, &[numbers, &last], &largest));
            let found = if rank == 4 { &flat } else { none };
            nodes.push(node("LessOrEqual", compare, &[&largest, &limit], found));
            if rank == 4 {
                nodes.push(node("Squeeze", squeeze, &[&flat, &heads], none));
            }
            nodes
        })
    }

    /// Whole numbers for each batch and key, as `[batch, 1, 1, keys]`.
    fn padding(&mut self, kept: &str, other: f32, output: &str) -> Vec<NodeProto> {
        let mut fresh = |part: &str| self.names.fresh(format!("{output}/{part}"));
        let [float, is_kept, flat] = ["float", "kept", "flat"].map(&mut fresh);
        let [cast, greater, unsqueeze] = ["cast", "greater", "unsqueeze"].map(&mut fresh);
        let zero = self.floats("scalar 0".to_owned(), "ortlet/number".to_owned(), Vec::new(), &[0.0]);
        let to_float = whole("to", i64::from(DType::F32.onnx()));
        let mut wide = node("Unsqueeze", unsqueeze, &[&flat], output);
        if self.scene.view.opset < AXES_AS_INPUT {
            wide.attribute.push(list("axes", vec![1, 2]));
        } else {
            wide.input.push(self.wholes(&[1, 2]));
        }
        vec![
            NodeProto { attribute: vec![to_float], ..node("Cast", cast, &[kept], &float) },
            node("Greater", greater, &[&float, &zero], &is_kept),
            self.choose(&is_kept, false, other, &flat),
            wide,
        ]
    }
}
