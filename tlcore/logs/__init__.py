"""One structured log for all processes of an app: a JSON line each, with the run's id, rotated, without secrets.

It lies in the folder that the app's workspaces share (`logs/studio.jsonl`), because who looks after an app looks there,
and because a demo's workspaces are thrown away. What a worker prints for people stays beside its run (`worker.log`).
"""

from tlcore.logs.redaction import Redactor
from tlcore.logs.writing import guard_output, put_away, start_console, start_lines, stop_lines

__all__ = ["Redactor", "guard_output", "put_away", "start_console", "start_lines", "stop_lines"]
