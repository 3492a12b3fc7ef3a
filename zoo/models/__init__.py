"""Models: one family per file; each model is a factory function with `@register_model`."""
