"""The verbs: each file joins models, data and stages in a few lines."""
