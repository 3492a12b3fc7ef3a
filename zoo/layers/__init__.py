"""Keras layers of the zoo, each in a file of its own."""
