"""The recipes: one file for each model on each data set, with the scores that it was measured to reach."""
