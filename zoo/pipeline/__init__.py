"""From raw examples to batched `tf.data`: read, clean, split, batch."""
