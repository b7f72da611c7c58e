"""Assembling a model and training it, in phases."""
