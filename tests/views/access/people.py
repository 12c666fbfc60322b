"""People of several roles on one vault, with a restricted case between them. Nobody here exists."""

from dataclasses import dataclass
from typing import Any

from app.ids import new_id
from app.models import User
from app.models.terms import Role
from app.services import cases, interests, named_list
from app.services.signing import Signer, new_seed
from app.services.workspace import Actor, Workspace
from tests.services.casework import add_child
from tests.views.cases.scene import Scene, make_scene


@dataclass
class People:
    """Workspaces by first name; ``case_id`` is Dawn's restricted case with Ruth on its list."""

    dawn: Workspace
    ruth: Workspace
    dot: Workspace
    gita: Workspace
    ana: Workspace
    ada: Workspace
    scene: Scene

    @property
    def case_id(self) -> str:
        return self.scene.case_id


def sign_in(ws: Workspace, vault: Any, name: str, role: Role) -> Workspace:
    """Return a workspace of another person on the same vault."""
    user = new_id()
    with vault.system_workspace().write("A person") as session:
        session.add(User(id=user, username=name, name=name, role=role, team_id=ws.actor.team_id))
    return Workspace(
        vault.engine,
        actor=Actor(user, name, role, ws.actor.team_id, ws.actor.device_id),
        signer=Signer(new_seed()),
        time=vault.time,
        folder=vault.folder,
        open_documents=lambda: ws.documents,
    )


def make_people(dawn: Workspace, vault: Any) -> People:
    """Make the people and restrict Isla's case."""
    scene = make_scene(dawn)
    ruth = sign_in(dawn, vault, "Ruth Okonjo", Role.SUPERVISOR)
    people = People(
        dawn,
        ruth,
        sign_in(dawn, vault, "Dot Ashby", Role.DUTY),
        sign_in(dawn, vault, "Gita Rao", Role.INFORMATION_GOVERNANCE),
        sign_in(dawn, vault, "Ana Ditor", Role.AUDITOR),
        sign_in(dawn, vault, "Ada Fenwick", Role.ADMINISTRATOR),
        scene,
    )
    named_list.restrict(ruth, scene.case_id, reason="The child of a colleague")
    return people


def declare(people: People) -> str:
    """Let Dawn declare an interest in another case of hers, and return that case."""
    child_id = add_child(people.dawn, "Kit", "Marrable")
    case_id = cases.open_case(people.dawn, child_id, officer_id=people.dawn.actor.user_id)
    interests.declare(people.dawn, case_id, reason="My neighbour")
    return case_id
