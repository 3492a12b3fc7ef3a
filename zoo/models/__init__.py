"""The models: one family a file, each a factory function with `@register_model`."""
