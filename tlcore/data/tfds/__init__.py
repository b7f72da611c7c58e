"""TensorFlow Datasets as a source: its catalogue, what it has prepared on this machine, and bringing it in."""
