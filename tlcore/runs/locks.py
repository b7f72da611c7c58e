"""The locks of runs and jobs: those of `tlcore.locks`, which lower packages use too."""

from tlcore.locks import is_held, take_lock

__all__ = ["is_held", "take_lock"]
