"""Search for hyperparameters: what may vary, who tries it, and what came of it."""
