"""Teams' keys are looked after by their own supervisors: nobody else's key ends up where work is sealed."""

from typing import Any

from app.central.team_key_rules import KEPT, NO_KEY, NOT_YOURS
from app.models import TeamKey
from app.services.changes import Change
from app.services.sync.protocol import ACCEPTED, REFUSED
from app.services.vault.authority_wrap import AuthorityKey
from tests.central.test_store import Laptop, insert


def key_of(team_id: str, serial: int = 1, public_key: str = "") -> Change:
    return insert(
        "team_key", team_id=team_id, serial=serial, public_key=public_key or AuthorityKey.new().public_key.hex()
    )


def test_only_its_own_supervisors_put_a_key_in_a_teams_place_and_nobody_changes_one(central: Any) -> None:
    people, store = central.services.people, central.services.store
    west, east = people.ensure_team("West team"), people.ensure_team("East team")
    eve_id = people.add_user("eve", "Eve Marsh", "supervisor", "East team")
    ruth, eve = Laptop(central.services, central.people["ruth"]), Laptop(central.services, eve_id)

    def says(laptop: Laptop, *changes: Change) -> tuple[str, str]:
        (result,) = laptop.push(laptop.change_set(*changes))
        return result.state, result.reason

    key = key_of(west)
    assert says(ruth, key) == (ACCEPTED, "")
    assert says(eve, key_of(west, 2)) == (REFUSED, NOT_YOURS)
    wrap = {"team_key_id": key.row, "device_id": eve.device_id, "public_key": "00" * 32, "proof": "", "sealed": "00"}
    assert says(eve, insert("team_key_wrap", **wrap)) == (REFUSED, NOT_YOURS)
    other = AuthorityKey.new().public_key.hex()
    changed = Change("team_key", key.row, "update", {"public_key": [key.fields["public_key"][1], other]})
    assert says(ruth, changed) == (REFUSED, KEPT)
    assert says(ruth, key_of(west, 2, "00" * 32)) == (REFUSED, NO_KEY)
    assert says(eve, key_of(east)) == (ACCEPTED, "")

    # Somebody who is moved has looked after the old team's key in good faith, as far as their laptop knew.
    made_before = eve.change_set(key_of(east, 2))
    store.record([Change("user", eve_id, "update", {"team_id": [east, west]})], "Moved")
    assert eve.push(made_before)[0].state == ACCEPTED
    assert says(eve, key_of(west, 3)) == (ACCEPTED, "")
    with central.services.engine.connect() as connection:
        assert connection.execute(TeamKey.__table__.select()).rowcount == 4
