"""The data sets: one a file, each a function with `@register_dataset` that returns anything `zoo.load_data` reads."""
