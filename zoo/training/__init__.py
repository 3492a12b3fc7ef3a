"""The training engine: what `zoo.train` puts round `model.fit`."""
