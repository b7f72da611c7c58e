"""Who may do what: modes, sources, limits, and people's workspaces."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tlcore.errors import ImportRefused, InputError, WorkspaceError
from tlcore.limits import DEMO, LOCAL, TEAM
from tlcore.loopback import host_of, is_loopback
from tlcore.members import (
    Person,
    all_workspaces,
    new_session_key,
    owner_name,
    person_workspace,
    session_exists,
    session_workspace,
)
from tlcore.modes import MINUTES_VARIABLE, MODE_VARIABLE, SOURCES_VARIABLE, Source, demo_minutes
from tlcore.workspace import Workspace

ANN = Person("https://login.example.org", "1", "Ann", "ann@example.org")
BEN = Person("https://login.example.org", "2", "Ben", "ben@example.com")


def app(root: Path, mode: str, **more: str) -> Workspace:
    return Workspace.open(root, {MODE_VARIABLE: mode, **more})


def test_each_mode_is_stricter_than_the_one_before() -> None:
    for limit in fields(LOCAL):
        assert getattr(DEMO, limit.name) <= getattr(TEAM, limit.name) <= getattr(LOCAL, limit.name), limit.name


def test_sources_are_the_modes_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    assert app(tmp_path, "local").sources == frozenset(Source)
    team = app(tmp_path, "team")
    assert not team.allows(Source.KAGGLE)
    assert not team.allows(Source.FOLDERS)  # none is named
    assert app(tmp_path, "team", TLCORE_ROOTS=str(tmp_path)).allows(Source.FOLDERS)
    assert not app(tmp_path, "demo").allows(Source.TFDS)

    demo = app(tmp_path, "demo", **{SOURCES_VARIABLE: "tfds, camera"})
    assert demo.sources == {Source.TFDS, Source.CAMERA}
    with pytest.raises(ImportRefused, match=r"Uploading pictures is switched off.*tfds, camera"):
        demo.check_source(Source.UPLOADS)
    assert app(tmp_path, "local", **{SOURCES_VARIABLE: ""}).sources == frozenset()
    assert app(tmp_path, "local", **{SOURCES_VARIABLE: "uploads"}).roots == ()


@pytest.mark.parametrize(("mode", "named"), [("demo", "kaggle"), ("team", "kaggle"), ("local", "uploads,web")])
def test_a_source_that_can_not_be_is_told(tmp_path: Path, mode: str, named: str) -> None:
    with pytest.raises(WorkspaceError, match=f"TLCORE_SOURCES.*{named.split(',')[-1]}"):
        app(tmp_path, mode, **{SOURCES_VARIABLE: named})


def test_minutes_of_a_demo() -> None:
    assert demo_minutes({}) == 60
    assert demo_minutes({MINUTES_VARIABLE: "15"}) == 15
    for bad in ("soon", "1", "nan", "-5", "1e9"):
        with pytest.raises(WorkspaceError, match=MINUTES_VARIABLE):
            demo_minutes({MINUTES_VARIABLE: bad})


@pytest.mark.parametrize("address", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.1", "::ffff:127.0.0.1"])
def test_addresses_of_this_machine_only(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address",
    [None, "", "0.0.0.0", "::", "192.168.1.4", "localhost.evil.org", "127.0.0.1.nip.io"],  # noqa: S104
)
def test_addresses_that_others_reach(address: str | None) -> None:
    assert not is_loopback(address)


def test_the_host_of_a_request() -> None:
    assert host_of("127.0.0.1:8501") == "127.0.0.1"
    assert host_of("[::1]:8501") == "::1"
    assert host_of("evil.example:80") == "evil.example"
    assert host_of("[::1") == ""


def test_people_have_folders_of_their_own_that_share_a_host(tmp_path: Path) -> None:
    team = app(tmp_path, "team")
    ann, ben = (person_workspace(team, person, {}) for person in (ANN, BEN))
    assert ann.root != ben.root
    assert ann.root.parent == tmp_path / "users"
    assert ann.host == ben.host == tmp_path
    assert ann.environment()["TLCORE_HOST"] == str(tmp_path)
    assert (ann.mode, ann.limits) == ("team", TEAM)
    assert person_workspace(team, ANN, {}).root == ann.root
    assert {owner_name(one) for one in all_workspaces(ann)} == {"Ann", "Ben"}
    # Two services may call different people the same; and no two texts may run into each other.
    assert Person("https://a", "b1").key != Person("https://a", "b").key
    assert Person("https://x", "1").key != Person("https://y", "1").key
    assert Person("https://a", "bc").key != Person("https://ab", "c").key


def test_a_login_without_a_name_for_the_person_is_refused() -> None:
    person = Person.from_claims({"iss": "https://a", "sub": "7", "email": "eve@example.org", "email_verified": False})
    assert (person.name, person.email) == ("Somebody", "")
    for claims in ({}, {"iss": "https://a"}, {"sub": "7"}, {"iss": "", "sub": "7"}, {"iss": "a", "sub": 7}):
        with pytest.raises(InputError, match="who you are"):
            Person.from_claims(claims)


@pytest.mark.parametrize(
    ("claim", "counts", "counts_where_trusted"),
    [
        ({"email_verified": True}, True, True),
        ({"email_verified": "true"}, True, True),
        ({}, False, True),
        ({"email_verified": None}, False, True),
        ({"email_verified": False}, False, False),
        ({"email_verified": "false"}, False, False),
        ({"email_verified": ""}, False, False),
        ({"email_verified": 1}, False, False),
    ],
)
def test_an_address_counts_only_where_the_service_vouches_for_it(
    claim: dict[str, object], counts: bool, counts_where_trusted: bool
) -> None:
    claims = {"iss": "https://login.example.org/V2", "sub": "7", "email": "ann@example.org"} | claim
    trusted = {"TLCORE_TRUSTED_ISSUERS": "https://other.example.org, https:\N{WORD JOINER}//login.example.org/V2"}
    for environment, expected in (({}, counts), (trusted, counts_where_trusted)):
        person = Person.from_claims(claims, environment)
        assert (person.email, person.unverified)[not expected] == "ann@example.org"
        assert (person.email, person.unverified)[expected] == ""
        assert person.is_admin({"TLCORE_ADMINS": "ann@example.org"}) is expected
        assert person.may_enter({"TLCORE_MEMBERS": "@example.org"}) is expected
    like = {"TLCORE_TRUSTED_ISSUERS": "https://login.example.org,https://login.example.org/v2,"}
    assert bool(Person.from_claims(claims, like).email) is counts


def test_administrators_and_members_are_known_by_their_address() -> None:
    assert ANN.is_admin({"TLCORE_ADMINS": "boss@example.org, Ann@Example.org"})
    assert not BEN.is_admin({"TLCORE_ADMINS": "ann@example.org"})
    assert not Person("a", "b").is_admin({"TLCORE_ADMINS": ""})
    assert BEN.may_enter({})
    only = {"TLCORE_MEMBERS": "@example.org", "TLCORE_ADMINS": "root@example.net"}
    assert ANN.may_enter(only)
    assert not BEN.may_enter(only)
    assert not Person("a", "b").may_enter(only)
    assert Person("a", "b", email="root@example.net").may_enter(only)


def test_sessions_of_a_demo_are_found_by_their_key_only(tmp_path: Path) -> None:
    demo = app(tmp_path, "demo")
    keys = {new_session_key() for _ in range(50)}
    assert len(keys) == 50
    key = next(one for one in keys if one.upper() != one)  # one of digits only is written like that, too
    assert not session_exists(demo, key)
    session = session_workspace(demo, key, {})
    assert session_exists(demo, key)
    assert (session.root, session.host) == (tmp_path / "demo" / key, tmp_path)
    assert [one.root for one in all_workspaces(demo)] == [session.root]
    for bad in ("..", "../users/x", key.upper(), key[:-1], f"{key}/.."):
        assert not session_exists(demo, bad)
        with pytest.raises(InputError):
            session_workspace(demo, bad, {})
