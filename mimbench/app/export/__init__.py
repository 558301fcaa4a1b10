"""All fits of a row as one ONNX file, and the proof that it scores as they do."""
