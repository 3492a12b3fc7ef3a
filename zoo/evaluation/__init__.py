"""How good a model is: scores on a part that it did not learn from."""
