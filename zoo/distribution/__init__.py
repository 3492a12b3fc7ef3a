"""More than one device, more than one machine: strategies, workers, and what they agree on."""
