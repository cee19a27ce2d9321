//! Convolutions along one axis as Ortlet's operator.

use super::{Emitted, Emitter, activation_word, text};
use crate::lower::block::{Convolution, Layout};
use crate::lower::{BlockKind, pack};
use crate::model::Bytes;
use crate::quantize::nodes::whole;

impl Emitter<'_, '_> {
    /// A convolution; `None` if its weights cannot be packed.
    pub fn convolution(&mut self, block: &Convolution) -> Option<Emitted> {
        let label = self.labels.node(block.conv).to_owned();
        let precision = self.options.precision_of(&label);
        let bytes = pack::convolution(self.scene, block, precision, self.options)?;
        let weights =
            self.blob(format!("convolution {label}"), format!("{label}/packed"), Bytes::from(bytes.to_vec()));
        let mut own = self.op("Convolution1d", &label, &block.output);
        own.input = vec![block.x.clone(), weights];
        own.attribute = vec![
            whole("kernel", block.size[2]),
            whole("stride", block.stride),
            whole("pad_begin", block.padding[0]),
            whole("pad_end", block.padding[1]),
            text("input_layout", word(block.input)),
            text("output", word(block.layout)),
            text("activation", activation_word(block.activation)),
        ];
        let [n, channels, kernel] = block.size;
        let shape = vec![channels * kernel, n];
        Some(self.emitted(
            BlockKind::Convolution1d,
            label,
            block.conv,
            precision,
            shape,
            &block.nodes,
            vec![own],
        ))
    }
}

fn word(layout: Layout) -> &'static str {
    match layout {
        Layout::ChannelsFirst => "ncl",
        Layout::ChannelsLast => "nlc",
        Layout::Maximum => "max",
    }
}
