"""Recipes: one file for each pair of model and data set, with the measured score."""
