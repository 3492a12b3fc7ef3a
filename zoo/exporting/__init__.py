"""Exports trained models to files that run without zoo (SavedModel, LiteRT, ONNX), and verifies them."""
