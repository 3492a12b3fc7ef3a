"""Stored results of training, and their use: run directories, exports and Predictors."""
