"""How a workspace's files are laid out, as a number; and the way from an older layout to this program's.

`workspace.json` holds the number. A workspace without that file is one of format 1, from before there was a number.
`steps.py` lists what each new format changed, a function a step.
"""

from tlcore.migrations.opening import bring_up_to_date

__all__ = ["bring_up_to_date"]
