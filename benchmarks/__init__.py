"""Measurements that back what the documentation says. Run from the project's root, on real data."""
