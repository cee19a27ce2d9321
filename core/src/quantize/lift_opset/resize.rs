//! `Upsample`, which became `Resize` in set 10, whose way to count pixels became a choice in set 11.

use super::Step;
use super::attributes::take;
use crate::Result;
use crate::model::{AttributeProto, NodeProto};
use crate::tensor::DType;

/// Set 9: the scales of `Upsample` became an input.
pub(super) fn scales(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let Some(scales) = take(&mut node, "scales").map(|scales| scales.floats) else {
        return Err(step.refuse(&node, "it has no `scales`"));
    };
    let bytes = scales.iter().flat_map(|scale| scale.to_le_bytes()).collect();
    let input = step.constant(&node, "scales", DType::F32, vec![scales.len() as i64], bytes);
    node.input.push(input);
    Ok(node)
}

/// Set 10: `Resize` does what `Upsample` did.
pub(super) fn upsample(step: &mut Step, mut node: NodeProto) -> NodeProto {
    step.lifter.upsampled.extend(node.output.first().cloned());
    node.op_type = Some("Resize".to_owned());
    node
}

/// Set 11: pixels have corners unless one says otherwise, and an input for a region came in between.
pub(super) fn resize(step: &mut Step, mut node: NodeProto) -> Result<NodeProto> {
    let [image, scales] = node.input.as_slice() else {
        return Err(step.refuse(&node, "it has not two inputs"));
    };
    let (image, scales) = (image.clone(), scales.clone());
    let mode = node.attribute("mode").and_then(|mode| mode.s.as_deref()).unwrap_or(b"nearest");
    if mode == b"nearest" {
        let rounding = rounding(step, &node, &scales)?;
        node.attribute.push(text("nearest_mode", rounding));
    }
    node.attribute.push(text("coordinate_transformation_mode", "asymmetric"));
    let region = step.constant(&node, "roi", DType::F32, vec![0], Vec::new());
    node.input = vec![image, region, scales];
    Ok(node)
}

/// Set 10 left open which pixel is the nearest. ONNX Runtime takes the one before when the image grows, the one behind
/// when it shrinks.
fn rounding(step: &Step, node: &NodeProto, scales: &str) -> Result<&'static str> {
    if node.output.first().is_some_and(|output| step.lifter.upsampled.contains(output)) {
        return Ok("floor");
    }
    match step.view.floats(scales)? {
        Some(scales) if scales.iter().all(|&scale| scale >= 1.0) => Ok("floor"),
        Some(scales) if scales.iter().all(|&scale| scale <= 1.0) => Ok("ceil"),
        _ => Err(step.refuse(node, "whether the image grows or shrinks is not known")),
    }
}

fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_owned()),
        s: Some(value.to_owned().into()),
        r#type: Some(3),
        ..Default::default()
    }
}
