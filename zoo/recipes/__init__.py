"""Recipes: one YAML file for each pair of model and data set, with the measured score.

A file gives `model`, `data`, `expected`, `tolerance`, `documentation` and `settings`; see `zoo.registry.RecipeInfo`.
"""
