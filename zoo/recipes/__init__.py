"""Recipes: one YAML file for each pair of model and data set, with the measured scores.

A file contains `model`, `data`, `expected`, `tolerance`, `documentation` and `settings`; see `zoo.registry.RecipeInfo`.
"""
