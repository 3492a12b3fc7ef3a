"""The training engine: everything that `zoo.train` adds to `model.fit`."""
