"""Converts raw examples to batched `tf.data`: reading, cleaning, splitting, batching."""
