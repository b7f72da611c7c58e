"""What is wrong with a dataset, told before training: copies, leaks, wrong labels, pictures that don't belong."""
