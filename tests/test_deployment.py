"""What the documents and files for deployments name is what the code reads."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tlcore.limits import DEMO, LOCAL, TEAM

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"TLCORE_[A-Z_]+[A-Z]")
READ = re.compile(r'^\w*VARIABLE\w*(?:: Final)? = "(TLCORE_\w+)"', re.MULTILINE)
FOR_OURSELVES = {"TLCORE_HOST"}

SOURCES = [*ROOT.glob("tlcore/**/*.py"), *ROOT.glob("pages/**/*.py"), ROOT / "streamlit_app.py"]
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/*.md"), *ROOT.glob("deploy/*")]


def _read_by_the_code() -> set[str]:
    return {name for path in SOURCES for name in READ.findall(path.read_text())}


def test_every_variable_is_declared_once_and_in_one_way() -> None:
    named = {name for path in SOURCES for name in VARIABLE.findall(path.read_text())}
    assert named <= _read_by_the_code()


def test_documents_name_only_variables_that_the_code_reads() -> None:
    known = _read_by_the_code()
    unknown = {path.name: found for path in DOCUMENTS if (found := set(VARIABLE.findall(path.read_text())) - known)}
    assert unknown == {}


def test_every_variable_is_documented() -> None:
    table = re.findall(r"^\| `(TLCORE_\w+)` \|", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
    assert set(table) == _read_by_the_code() - FOR_OURSELVES
    assert len(table) == len(set(table))


def test_the_table_of_limits_is_what_the_code_holds_people_to() -> None:
    text = (ROOT / "docs" / "deploy.md").read_text()
    for words, name in (
        ("datasets", "datasets"),
        ("pictures in one dataset", "pictures"),
        ("versions of a dataset that are kept, the current one among them", "versions"),
        ("trainings that are kept, those in the bin among them", "runs"),
        ("jobs waiting or at work", "jobs"),
    ):
        figures = " | ".join(f"{getattr(limits, name):,}" for limits in (LOCAL, TEAM, DEMO))
        assert f"| {words} | {figures} |\n" in text


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{path.name}: {link}"
        for path in DOCUMENTS
        if path.suffix == ".md"
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text())
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_places_that_the_threat_model_names_are_there() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    places = set(re.findall(r"`((?:tlcore|pages|tests|\.streamlit|\.ci)/[\w./]+)`", text))
    places.remove(".streamlit/secrets.toml")  # the operator's own
    assert len(places) > 8
    # A name behind the last dot may be a function: `pages/widgets/admission.check_address`.
    missing = [
        name
        for name in sorted(places)
        if not (ROOT / name).exists() and not (ROOT / name.rpartition(".")[0]).with_suffix(".py").exists()
    ]
    assert missing == []


def test_the_server_is_tight_by_default() -> None:
    server = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())["server"]
    assert server["address"] == "127.0.0.1"
    assert server["enableCORS"] is True
    assert server["enableXsrfProtection"] is True
    assert server["enableStaticServing"] is False
    assert server["enableAgentApi"] is False


def test_secrets_are_never_committed_and_the_example_has_none() -> None:
    assert ".streamlit/secrets.toml" in (ROOT / ".gitignore").read_text().splitlines()
    example = tomllib.loads((ROOT / "deploy" / "secrets.example.toml").read_text())["auth"]
    assert example.pop("redirect_uri").endswith("/oauth2callback")
    assert set(example.values()) == {""}


def test_a_restart_of_the_service_leaves_trainings_alone() -> None:
    unit = (ROOT / "deploy" / "transfer-learning-studio.service").read_text()
    assert "\nKillMode=process\n" in unit
    assert "--server.address" not in unit  # the proxy is on the same host


@pytest.mark.parametrize("line", ["USER studio", "VOLUME /data", "HEALTHCHECK"])
def test_the_container_is_without_rights_and_tells_its_health(line: str) -> None:
    assert any(one.startswith(line) for one in (ROOT / "deploy" / "Containerfile").read_text().splitlines())


def test_the_container_gets_no_secrets() -> None:
    text = (ROOT / ".dockerignore").read_text()
    assert text.startswith("**\n")
    assert "secrets" not in text
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "deploy" / "Containerfile").read_text(), re.MULTILINE)
    assert ".streamlit" not in {place for line in copied for place in line.split()}
