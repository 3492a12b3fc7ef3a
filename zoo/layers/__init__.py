"""zoo's Keras layers, one per file."""
