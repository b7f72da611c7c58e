"""`datasets audit`."""

from __future__ import annotations

from typing import Any

import click

from tlcore.audit.dismissals import read_dismissed
from tlcore.audit.findings import FindingKind, apply_fix, open_findings, read_audit
from tlcore.cli.follow import follow_run
from tlcore.cli.output import answers
from tlcore.data.catalog import open_dataset
from tlcore.jobs.audit import submit_audit
from tlcore.workspace import Workspace

_FIXABLE = [kind.value for kind in FindingKind if kind not in ("unreadable", "small_class", "imbalance")]
_SHOWN = 5


def _describe(audit: dict[str, Any]) -> str:
    if "findings" not in audit:
        return f"{audit['run_id']}: {audit['state']}."
    lines = [f"Mended: {one['kind']}." for one in audit.get("fixed", [])]
    lines.append(f"{audit['dataset_id']}, version {audit['version']}: {audit['pictures']:,} pictures checked.")
    if not audit["findings"]:
        lines.append("Nothing was found that would spoil a training.")
    for finding in audit["findings"]:
        lines += ["", f"[{finding['severity']}] {finding['title']} ({finding['kind']})", f"  {finding['cost']}"]
        for item in finding["items"][:_SHOWN]:
            lines.append(
                f"  - {', '.join(item['keys'][:_SHOWN])}: {item['note']}" if item["keys"] else f"  - {item['note']}"
            )
        if len(finding["items"]) > _SHOWN:
            lines.append(f"  - and {len(finding['items']) - _SHOWN:,} more")
    return "\n".join(lines)


@click.command("audit")
@click.argument("dataset")
@click.option("--fix", "fixes", multiple=True, type=click.Choice(_FIXABLE), help="Mend what is found of this kind.")
@click.option("--detach", is_flag=True, help="Return at once; the check goes on.")
@click.pass_obj
@answers(_describe)
def audit_command(workspace: Workspace, dataset: str, fixes: tuple[str, ...], detach: bool) -> dict[str, Any]:
    """Check a dataset: copies, leaks into the test, wrong labels, pictures that don't belong."""
    if detach and fixes:
        raise click.UsageError("--fix needs the result of the check, so it can't go with --detach.")
    job = submit_audit(workspace, dataset)
    if detach:
        return {"run_id": job, "state": "queued"}
    answer = follow_run(workspace, job)
    fixed = _mend(workspace, dataset, fixes)
    if not fixed:
        return answer
    return follow_run(workspace, submit_audit(workspace, dataset)) | {"fixed": fixed}


def _mend(workspace: Workspace, dataset: str, fixes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Applies the fixes of the kinds asked for; what was not found needs none."""
    audit = read_audit(workspace, dataset)
    dismissed = read_dismissed(workspace, dataset)
    fixed = []
    for kind in dict.fromkeys(fixes):
        for finding in open_findings(audit, open_dataset(workspace, dataset), dismissed) if audit else ():
            if finding.kind == kind:
                info = apply_fix(workspace, dataset, finding)
                fixed.append({"kind": kind, "title": finding.title, "version": info.version})
    return fixed
