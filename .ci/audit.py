#!/usr/bin/env python3
"""Looks up known vulnerabilities of the installed packages: `python .ci/audit.py [--limit SECONDS]`.

Exits with 1 when there is one that a newer version mends, unless `.ci/audit-ignored.txt` says why it can't hurt here.
One that nobody has mended yet is told; an advisory service that can't be reached is told, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

IGNORED: Final = Path(__file__).with_name("audit-ignored.txt")

# Asks for names and versions of packages at osv.dev, which collects the advisories, and downloads nothing.
COMMAND: Final = ("-m", "pip_audit", "--local", "--vulnerability-service", "osv", "--format", "json", "--timeout", "10")
UNREACHABLE: Final = ("ConnectionError", "ServiceError", "ConnectTimeout", "ReadTimeout", "Could not connect")
SECONDS: Final = 180.0


@dataclass(frozen=True)
class Judgement:
    """What to print, and whether the change has to wait."""

    lines: tuple[str, ...]
    fails: bool


def ignored(text: str) -> dict[str, str]:
    """Reasons by the advisory's name.

    Raises:
        SystemExit: A line has no reason.
    """
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise SystemExit(f"{IGNORED.name}: {name} has no reason")
            found[name] = reason.strip()
    return found


def judge(document: dict[str, Any], known: dict[str, str]) -> Judgement:
    """Judges what pip-audit found.

    Args:
        document: Its JSON.
        known: What `ignored` read.
    """
    lines, fails = [], False
    for package in document["dependencies"]:
        for hole in package.get("vulns", ()):
            names = [hole["id"], *hole.get("aliases", ())]
            fixed = ", ".join(hole.get("fix_versions", ()))
            reason = next((known[name] for name in names if name in known), None)
            if reason is not None:
                verdict = f"ignored: {reason}"
            elif fixed:
                verdict, fails = f"mended in {fixed}", True
            else:
                verdict = "nobody has mended it yet"
            lines.append(f"{package['name']} {package['version']}: {' '.join(names)}: {verdict}")
    return Judgement(tuple(lines) or ("audit: no known vulnerability",), fails)


def main(arguments: list[str] | None = None, command: tuple[str, ...] = COMMAND) -> int:
    """Asks and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=float, default=SECONDS, help="seconds for all questions together")
    limit = parser.parse_args(arguments).limit
    known = ignored(IGNORED.read_text(encoding="utf-8"))
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter with fixed arguments
            [sys.executable, *command], capture_output=True, text=True, timeout=limit, check=False
        )
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"audit: no answer within {limit:g} seconds; nothing is known about the packages\n")
        return 0
    try:
        document = json.loads(done.stdout)
    except ValueError:
        return _without_answer(done.stderr)
    judgement = judge(document, known)
    sys.stdout.write("\n".join(judgement.lines) + "\n")
    return int(judgement.fails)


def _without_answer(said: str) -> int:
    last = said.strip().splitlines()[-1][:300] if said.strip() else "nothing"
    if any(sign in said for sign in UNREACHABLE):
        sys.stdout.write(f"audit: the advisory service can't be reached; nothing is known about the packages: {last}\n")
        return 0
    sys.stdout.write(f"audit: pip-audit failed: {last}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
