"""Several devices and machines: strategies, workers, and their agreement."""
