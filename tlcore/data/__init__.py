"""Datasets: where pictures come from, and the one form that every source ends in."""
