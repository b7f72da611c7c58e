"""The Kaggle job: a dataset's address in, a dataset out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tlcore.data.importer import Origin, import_pictures
from tlcore.data.incoming import FETCHING, private_folder
from tlcore.data.kaggle import KaggleDataset, check_kaggle_allowed, parse_kaggle
from tlcore.data.kaggle_download import KaggleArchive, fetch_kaggle
from tlcore.data.naming import free_id, known_id
from tlcore.jobs.after_import import brought_in_before, import_result, with_audit
from tlcore.jobs.context import JobContext
from tlcore.jobs.leftovers import sweep_leftovers


def run(context: JobContext) -> dict[str, Any]:
    """Fetches the dataset `payload["slug"]` from Kaggle and imports its archive as it would an upload.

    It is called `payload["name"]`, by default as on Kaggle. `payload["new_version"]` and `payload["audit"]` mean what
    they mean for an import. The person's token is read by the process that fetches, and by nothing else.

    Returns:
        `import_result` of the dataset, with the check's job as `audit`.

    Raises:
        DatasetError: Somebody else is changing the dataset that would get a new version.
        DownloadFailed: Kaggle can't be reached.
        ImportRefused: Kaggle does not give the dataset, or its pictures can't become a dataset.
        WorkspaceError: There is too little room on the disk.
        Stopped: Somebody asked to stop; nothing is kept.
    """
    payload, workspace = context.payload, context.workspace
    check_kaggle_allowed(workspace)
    done = brought_in_before(context)
    if done is not None:
        return with_audit(context, import_result(done))
    wanted = parse_kaggle(payload["slug"])
    name = payload.get("name") or wanted.name
    new_version = bool(payload.get("new_version"))
    if not (new_version and known_id(workspace, name)):
        free_id(workspace, name)  # a name that is taken is told before the download, not after it
    sweep_leftovers(workspace)
    # An archive from Kaggle need not pass through a browser: it may be as large as what comes out of it.
    limits = replace(workspace.limits, archive_bytes=workspace.limits.expanded_bytes)
    with private_folder(workspace, FETCHING) as folder:
        archive = fetch_kaggle(wanted, folder, limits, context.reporter)
        info = import_pictures(
            replace(workspace, limits=limits),
            archive.path,
            name,
            context.reporter,
            _origin(wanted, archive),
            new_version=new_version,
            made_by=context.folder.id,
        )
    return with_audit(context, import_result(info))


def _origin(wanted: KaggleDataset, archive: KaggleArchive) -> Origin:
    fetched = replace(wanted, version=archive.version or None)
    about = [archive.title, archive.description]
    return Origin(f"Kaggle: {fetched}", wanted.homepage, archive.licence, ". ".join(text for text in about if text))
