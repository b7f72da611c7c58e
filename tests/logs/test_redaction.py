"""What never stands in a log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tlcore.logs.redaction import HIDDEN, Redactor, leaves

TOKEN = "KGAT_5f2c9d0a77b14e3f"  # noqa: S105 - planted


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "ada"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


@pytest.mark.parametrize("name", ["KAGGLE_KEY", "KAGGLE_API_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "api_key"])
def test_variables_with_telling_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, TOKEN)
    assert Redactor()(f"sent {TOKEN}, got 401") == f"sent {HIDDEN}, got 401"


def test_other_variables_and_short_values_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYBOARD", "qwertz-layout")
    monkeypatch.setenv("MY_TOKEN", "cat")
    assert Redactor()("a cat on a qwertz-layout") == "a cat on a qwertz-layout"


def test_the_tokens_that_kaggle_keeps_and_one_that_was_saved_meanwhile(own_home: Path) -> None:
    redact = Redactor()
    assert redact(TOKEN) == TOKEN
    (own_home / ".kaggle").mkdir()
    (own_home / ".kaggle" / "access_token").write_text(TOKEN + "\n")
    (own_home / ".kaggle" / "kaggle.json").write_text(json.dumps({"username": "ada", "key": "0123456789abcdef"}))
    assert redact(f"{TOKEN} 0123456789abcdef ada") == f"{HIDDEN} {HIDDEN} ada"


def test_whatever_stands_in_streamlits_secrets(tmp_path: Path) -> None:
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "secrets.toml").write_text(
        '[auth]\ncookie_secret = "f3a9-do-not-tell"\n[deep.er]\nlist = ["one-secret-word", "two"]\n'
        'key = """-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----"""\n'
    )
    said = Redactor()("f3a9-do-not-tell one-secret-word two and a line MIIEvQIBADANBgkqhkiG of a key")
    assert said == f"{HIDDEN} {HIDDEN} two and a line {HIDDEN} of a key"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Authorization: Bearer abc.def-123", "Authorization: Bearer [hidden]"),
        ("{'authorization': 'Basic YWRhOnB3'}", "{'authorization': 'Basic [hidden]'}"),
        ("curl -H bearer eyJhbGciOiJIUzI1NiJ9.e30", "curl -H bearer [hidden]"),
        ("Set-Cookie: session=1; HttpOnly", "Set-Cookie: [hidden]"),
        ("GET https://ada:pw@host/x failed", "GET https://[hidden]@host/x failed"),
        ("https://s/x?X-Goog-Signature=0a1b&size=3", "https://s/x?X-Goog-Signature=[hidden]&size=3"),
        ("/oauth2callback?code=4/0AX&state=xyz", "/oauth2callback?code=[hidden]&state=[hidden]"),
        ('{"password": "hunter22"}', '{"password": "[hidden]"}'),
    ],
)
def test_what_looks_secret_is(text: str, left: str) -> None:
    assert Redactor()(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "The variable KAGGLE_API_TOKEN is not set",
        "the token: none is saved here",
        "Valid: basic, bearer. Mail ada@example.com",
        "state=running, key=3",
        "basic settings are visible",
    ],
)
def test_plain_words_about_secrets_stay(text: str) -> None:
    assert Redactor()(text) == text


def test_the_home_folder_has_no_name(own_home: Path) -> None:
    redact = Redactor()
    assert redact(f"in {own_home}/pictures, {own_home}") == "in ~/pictures, ~"
    assert redact(f"{own_home}-backup and /mnt{own_home}") == f"{own_home}-backup and /mnt{own_home}"
    assert Redactor(hides_home=False)(f"{own_home}/x") == f"{own_home}/x"


def test_documents_keep_their_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLE_KEY", TOKEN)
    document = {"a": [TOKEN, 3, None], "b": {"c": f"x {TOKEN}"}}
    assert Redactor().in_document(document) == {"a": [HIDDEN, 3, None], "b": {"c": f"x {HIDDEN}"}}
    assert list(leaves(document)) == [TOKEN, f"x {TOKEN}"]
    assert Redactor(("only-i-know",))("only-i-know") == HIDDEN
