"""What was computed once for every picture, kept on disk by what decides it, within one budget.

Nothing here is keyed by a dataset's version: a row is found by the SHA-256 of its picture's bytes. So edits, other
splits and grown datasets use again whatever is there.
"""

from tlcore.caches.filling import TooLarge, fill
from tlcore.caches.recipe import Kind, Recipe
from tlcore.caches.rows import RowCache, Rows, open_cache

__all__ = ["Kind", "Recipe", "RowCache", "Rows", "TooLarge", "fill", "open_cache"]
