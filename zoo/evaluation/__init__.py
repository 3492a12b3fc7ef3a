"""Evaluation: scores, reports and comparisons of trained models."""
