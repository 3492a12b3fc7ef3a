"""Models: one family per file, each a factory function with `@register_model`."""
