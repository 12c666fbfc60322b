"""Every role, every service action, in scope and out: allowed or refused as the one table says."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import app.services
from app.errors import AccessRefused, UserError
from app.models.terms import Role
from app.services.access import CASE_CONTENT, ROLE_PERMISSIONS, Permission, allowed
from app.timesource import FrozenTime
from tests.services.access_actions import ACTIONS, EVERYBODY, OWN_LAPTOP, Action
from tests.services.access_scene import SCOPES, Family, Scene, TrialWorkspace, build


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    time = FrozenTime(datetime(2026, 11, 17, 9, tzinfo=UTC))
    made = build(tmp_path_factory.mktemp("access") / "vault", time)
    yield made
    made.vault.close()


def public_actions() -> set[str]:
    """Return every public service function whose first parameter is the workspace, as ``module.name``."""
    found = set()
    for module in pkgutil.walk_packages(app.services.__path__, "app.services."):
        loaded = importlib.import_module(module.name)
        for name, member in vars(loaded).items():
            if inspect.isfunction(member) and member.__module__ == module.name and not name.startswith("_"):
                first = next(iter(inspect.signature(member).parameters), "")
                if first in ("ws", "workspace"):
                    found.add(f"{module.name.removeprefix('app.services.')}.{name}")
    return found


def test_every_public_action_of_the_services_has_its_permission_declared() -> None:
    assert public_actions() - EVERYBODY == set(ACTIONS)
    assert set(OWN_LAPTOP) <= EVERYBODY
    assert not set(ACTIONS) & EVERYBODY


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_an_action_is_allowed_or_refused_as_the_matrix_says(scene: Scene, name: str) -> None:
    action = ACTIONS[name]
    for role in Role:
        ws = scene.workspace(role)
        for key in SCOPES:
            _try(scene, ws, role, key, action)


def _attempt(action: Action, ws: TrialWorkspace, family: Family, scene: Scene) -> tuple[Any, UserError | None]:
    try:
        return action.call(ws, family, scene), None
    except UserError as error:
        return None, error


def _try(scene: Scene, ws: TrialWorkspace, role: Role, key: str, action: Action) -> None:
    family, held = scene.families[key], allowed(role, action.needs)
    may = held and action.allowed(key, role)
    case = f"{role} on {key}"
    ws.written.clear()
    before = set(ws.folder.iterdir())
    result, error = _attempt(action, ws, family, scene)
    new_files = set(ws.folder.iterdir()) - before
    if isinstance(error, AccessRefused):
        assert not may, f"{case}: {error.message}"
        assert error.message.endswith(".")
        assert error.permission in Permission.__members__
        assert held or error.message.startswith("Your role cannot "), f"{case}: {error.message}"
        assert (ws.written, new_files) == ([], set()), case
    elif error is not None:
        assert may, f"{case}: {error.message}"
        assert action.fails or key != "plain", f"{case}: {error.message}"
        assert not shown_of(family, role, error.message), case
    else:
        assert may, case
        assert key != "plain" or bool(ws.written) is action.writes, f"{case}: {ws.written}"
        for path in new_files:
            path.unlink()
        if not action.about_case:
            for other in scene.families.values():
                shown = shown_of(other, role, repr(result))
                assert not shown or (action.references and shown == [other.reference]), f"{case}: {shown}"


def shown_of(family: Family, role: Role, text: str) -> list[str]:
    """Return what a text shows of a family that it must not show to somebody with a role."""
    hidden: tuple[str, ...] = ()
    if not ROLE_PERMISSIONS[role] & CASE_CONTENT or family.key == "INTEREST":
        hidden = (*family.secrets, family.name, family.reference)
    elif family.key == "RESTRICTED":
        hidden = family.secrets
    return [word for word in hidden if word in text]


@pytest.mark.parametrize("name", sorted(OWN_LAPTOP))
def test_what_everybody_may_do_on_their_laptop_shows_nothing_of_a_closed_case(scene: Scene, name: str) -> None:
    for role in Role:
        ws = scene.workspace(role)
        result = repr(OWN_LAPTOP[name](ws, scene.families["plain"], scene))
        for family in scene.families.values():
            assert not shown_of(family, role, result), (role.value, family.key)


def test_every_permission_belongs_to_some_role_and_reads_as_a_sentence() -> None:
    assert {permission for held in ROLE_PERMISSIONS.values() for permission in held} == set(Permission)
    assert set(ROLE_PERMISSIONS) == set(Role)
    for permission in Permission:
        assert permission.value[0].islower()
        assert not permission.value.endswith(".")


def test_auditors_and_administrators_have_no_case_content() -> None:
    for role in (Role.AUDITOR, Role.ADMINISTRATOR):
        assert not ROLE_PERMISSIONS[role] & CASE_CONTENT
    for held in (P for P in ROLE_PERMISSIONS.values() if Permission.EDIT_CASES in P):
        assert Permission.READ_CASES in held


def test_a_trial_takes_back_what_it_wrote(scene: Scene) -> None:
    ws = scene.workspace(Role.SUPERVISOR)
    action = ACTIONS["cases.add_note"]
    action.call(ws, scene.families["plain"], scene)
    assert ws.written == ["Added a note"]
    timeline = ACTIONS["case_timeline.timeline"].call(ws, scene.families["plain"], scene)
    assert "Called" not in repr(timeline)
    assert "NotePLAIN" in repr(timeline)
    assert isinstance(ws.folder, Path)
