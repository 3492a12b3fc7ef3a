"""Hyperparameter search: spaces, trials and results."""
