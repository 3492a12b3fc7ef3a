"""Tables as a kind of input."""
