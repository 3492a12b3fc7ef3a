"""Data sets: one per file, each a function with `@register_dataset` that returns anything `zoo.load_data` reads."""
