"""Plotly figures: plain data in, figure out."""
