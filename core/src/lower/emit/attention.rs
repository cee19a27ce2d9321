//! Attention as Ortlet's operator, with its inputs and result brought into the form that it takes.

use super::{Emitted, Emitter, flag, text};
use crate::lower::block::{Attention, Border, Form};
use crate::lower::{BlockKind, KernelPrecision};
use crate::model::NodeProto;
use crate::quantize::nodes::{list, node, whole};
use crate::quantize::simplify::edit::number;

impl Emitter<'_, '_> {
    /// Attention over queries, keys and values that lie side by side in one value, or over its own inputs.
    pub fn attention(&mut self, attention: &Attention, merged: Option<&str>) -> Emitted {
        let label = self.labels.node(attention.center).to_owned();
        let precision = self.options.precision_of(&label);
        let (mask, mut nodes) = self.mask(&attention.masks).unwrap_or_default();
        let inputs = match merged {
            Some(merged) => [merged.to_owned(), String::new(), String::new()],
            None => {
                let width = attention.heads * attention.head_size;
                let own = attention.kv_heads * attention.head_size;
                let q = self.rows(&attention.q, width, &label, &mut nodes);
                [
                    q,
                    self.rows(&attention.k, own, &label, &mut nodes),
                    self.rows(&attention.v, own, &label, &mut nodes),
                ]
            }
        };
        let result = match attention.form {
            Form::Rows => attention.output.clone(),
            _ => self.names.fresh(format!("{label}/rows")),
        };
        let guard = attention.masks.first().filter(|_| attention.zeros_without_keys);
        let computed =
            guard.map_or_else(|| result.clone(), |_| self.names.fresh(format!("{label}/computed")));
        let mut own = self.op("Attention", &label, &computed);
        own.input = [inputs.as_slice(), &[mask]].concat();
        while own.input.last().is_some_and(String::is_empty) {
            own.input.pop();
        }
        let arithmetic = match precision {
            KernelPrecision::Bf16 | KernelPrecision::Int8 => "bf16",
            KernelPrecision::Fp32 | KernelPrecision::Fp16 => "fp32",
        };
        own.attribute = vec![
            whole("heads", attention.heads),
            whole("kv_heads", attention.kv_heads),
            whole("head_size", attention.head_size),
            number("scale", attention.scale),
            flag("causal", attention.causal),
            text("arithmetic", arithmetic),
        ];
        nodes.push(own);
        if let Some(mask) = guard {
            let (none, more) = self.without_keys(mask);
            let zero = self.floats("scalar 0".to_owned(), "ortlet/number".to_owned(), Vec::new(), &[0.0]);
            nodes.extend(more);
            nodes.push(node(
                "Where",
                self.names.fresh(format!("{label}/where")),
                &[&none, &zero, &computed],
                &result,
            ));
        }
        self.apart(attention, &result, &label, &mut nodes);
        let shape = vec![attention.heads, attention.head_size];
        self.emitted(BlockKind::Attention, label, attention.center, precision, shape, &attention.nodes, nodes)
    }

    /// A value as `[batch, rows, width]`.
    fn rows(&mut self, border: &Border, width: i64, label: &str, nodes: &mut Vec<NodeProto>) -> String {
        let mut value = border.value.clone();
        let mut step = |emitter: &mut Self, op_type: &str, from: &str, second: Option<String>| {
            let to = emitter.names.fresh(format!("{label}/{}", op_type.to_lowercase()));
            let name = emitter.names.fresh(format!("{to}/node"));
            let mut made = node(op_type, name, &[from], &to);
            made.input.extend(second);
            if op_type == "Transpose" {
                made.attribute.push(list("perm", vec![0, 2, 1, 3]));
            }
            nodes.push(made);
            to
        };
        if border.form == Form::Heads {
            value = step(self, "Transpose", &value, None);
        }
        if border.form != Form::Rows {
            let shape = self.wholes(&[0, 0, width]);
            value = step(self, "Reshape", &value, Some(shape));
        }
        if let Some(bias) = &border.bias {
            let key = format!("{label} {bias:?}");
            let vector = self.floats(key, format!("{label}/bias"), vec![width], bias);
            value = step(self, "Add", &value, Some(vector));
        }
        value
    }

    /// The result with its heads apart, if that is what is read.
    fn apart(&mut self, attention: &Attention, result: &str, label: &str, nodes: &mut Vec<NodeProto>) {
        if attention.form == Form::Rows {
            return;
        }
        let split = match attention.form {
            Form::Heads => self.names.fresh(format!("{label}/split")),
            _ => attention.output.clone(),
        };
        let shape = self.wholes(&[0, 0, attention.heads, attention.head_size]);
        let name = self.names.fresh(format!("{label}/split_node"));
        nodes.push(node("Reshape", name, &[result, &shape], &split));
        if attention.form == Form::Heads {
            let name = self.names.fresh(format!("{label}/turn"));
            let mut turn = node("Transpose", name, &[&split], &attention.output);
            turn.attribute.push(list("perm", vec![0, 2, 1, 3]));
            nodes.push(turn);
        }
    }
}
