"""How good a model is on pictures it never saw."""
