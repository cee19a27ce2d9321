"""The ONNX project's own tests of operators and models, run by Ortlet and by plain onnxruntime."""
