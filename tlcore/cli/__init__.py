"""The command line: the same services as the dashboard's, without a browser.

Progress and logs go to standard error. With `--json` standard output holds exactly one JSON document, also when
something fails. Exit status: 0 done, 1 the work failed, 2 bad usage or input.
"""

from tlcore.cli.group import main

__all__ = ["main"]
