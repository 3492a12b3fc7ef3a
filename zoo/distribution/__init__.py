"""Training on several devices and machines: strategies, and workers and their communication."""
