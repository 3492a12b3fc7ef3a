"""Trained models as files that run without zoo: SavedModel, LiteRT, ONNX; proved equal when they are written."""
