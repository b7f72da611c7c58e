"""The process that talks to Kaggle: `python -m tlcore.data.kaggle_helper OWNER NAME VERSION FILE`.

It is a process of its own because `kagglehub` can't be stopped and waits for a silent server for ever. It fetches the
archive as it is and unpacks nothing: that is for those who check what strangers packed.

Its messages, a JSON line each, never contain a word that `kagglehub`, `requests` or Kaggle's servers said: those may
quote the token. For the same reason whatever they print goes nowhere.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any, Final, TextIO

_TRIES: Final = 5
_RULES: Final = ("consent", "accept", "agree", "rules", "terms")


def main(arguments: Sequence[str]) -> int:
    """Fetches one dataset; returns the process's exit status.

    Messages: `{"asking": true}` once it has started, `{"about": {title, description, licence, version, size}}`, then
    `{"download": bytes or null}` whenever it begins, at last `{"done": true}` or `{"error": kind, …}`.
    """
    answers = _take_output()
    Thread(target=_leave_with_parent, daemon=True).start()
    owner, name, version, file = arguments
    try:
        _fetch(answers, owner, name, int(version), Path(file))
    except Exception as error:  # noqa: BLE001 - the end of the process: told as plain data, without the error's text
        _say(answers, **_describe(error))
        return 1
    _say(answers, done=True)
    return 0


def _take_output() -> TextIO:
    """A file for messages where standard output was; what libraries print there goes nowhere from now on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return answers


def _leave_with_parent() -> None:
    """Standard input ends with the process that started this one; a download that nobody waits for must not go on."""
    sys.stdin.buffer.read()
    os._exit(1)


def _say(answers: TextIO, **message: Any) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _fetch(answers: TextIO, owner: str, name: str, version: int, file: Path) -> None:
    from kagglehub.clients import build_kaggle_client
    from kagglesdk.datasets.types.dataset_api_service import ApiDownloadDatasetRequest, ApiGetDatasetRequest

    with build_kaggle_client() as client:
        datasets = client.datasets.dataset_api_client
        _say(answers, asking=True)
        asked = ApiGetDatasetRequest()
        asked.owner_slug, asked.dataset_slug = owner, name
        about = datasets.get_dataset(asked)
        wanted = ApiDownloadDatasetRequest()
        wanted.owner_slug, wanted.dataset_slug = owner, name
        # 0 is what a server without the figure answers; it then sends its newest.
        if chosen := version or about.current_version_number:
            wanted.dataset_version_number = chosen
        _say(
            answers,
            about={
                "title": about.title,
                "description": about.subtitle,
                "licence": about.license_name,
                "version": chosen,
                "size": 0 if version and version != about.current_version_number else about.total_bytes,
            },
        )
        _download(answers, lambda: datasets.download_dataset(wanted), file)


def _download(answers: TextIO, ask: Any, file: Path) -> None:
    """Fetches the archive; where the line breaks it is taken up again, as long as more arrives each time."""
    import requests
    from kagglehub.clients import download_file
    from kagglehub.handle import ResourceHandle

    errors = requests.exceptions
    broken = (errors.ConnectionError, errors.ChunkedEncodingError, errors.Timeout)
    for attempt in range(1, _TRIES + 1):
        before = _size(file)
        try:
            with ask() as response:
                length = response.headers.get("Content-Length")
                _say(answers, download=int(length) if length else None)
                download_file(response, str(file), ResourceHandle())
        except broken:
            if attempt == _TRIES or _size(file) <= before:
                raise
        else:
            return


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _describe(error: Exception) -> dict[str, Any]:
    """What went wrong as plain data, without any text of the error."""
    import requests
    from kagglehub.exceptions import DataCorruptionError

    if isinstance(error, requests.exceptions.HTTPError):
        # The text is looked at here and goes no further.
        rules = any(word in str(error).lower() for word in _RULES)
        return {"error": "status", "status": _status(error.response), "rules": rules}
    if isinstance(error, requests.exceptions.SSLError):
        return {"error": "certificate"}
    if isinstance(error, (requests.exceptions.ConnectionError, requests.exceptions.Timeout)):
        return {"error": "connection"}
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return {"error": "broken off"}
    if isinstance(error, DataCorruptionError):
        return {"error": "damaged"}
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG):
        return {"error": "disk"}
    where = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"error": "unexpected", "kind": type(error).__name__, "where": where}


def _status(response: Any) -> int:
    """The status of an answer; Kaggle's interface also says 200 and writes the true one into the document."""
    if response is None:
        return 0
    if response.status_code >= 400:
        return int(response.status_code)
    try:
        return int(response.json()["code"])
    except (ValueError, KeyError, TypeError):
        return int(response.status_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
