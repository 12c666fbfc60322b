"""A supervisor's word on large deletions: kept for every laptop whose fuse stops at the same revisions."""

from sqlalchemy import Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from app.central.checks import DeviceIdentity
from app.central.rescue import team_of
from app.central.rescue_tables import deletions_word
from app.central.tables import revision_counter
from app.central.tokens import TrustError
from app.services.sync.rescue_protocol import DeletionsQuestion, DeletionsWord
from app.timesource import TimeSource


class Deletions:
    """Keeps the words of supervisors."""

    def __init__(self, engine: Engine, time: TimeSource) -> None:
        self._engine = engine
        self._time = time

    def meant(self, _device: DeviceIdentity, _question: DeletionsQuestion) -> DeletionsWord:
        """Return up to which revision somebody has given their word; 0 where nobody has."""
        with self._engine.connect() as connection:
            return DeletionsWord(int(connection.execute(select(func.max(deletions_word.c.revision))).scalar() or 0))

    def give(self, device: DeviceIdentity, word: DeletionsWord) -> DeletionsWord:
        """Keep a supervisor's word.

        Raises:
            TrustError: the person may not give it, or speaks of what is still to come.
        """
        with self._engine.begin() as connection:
            head = int(connection.execute(select(revision_counter.c.value)).scalar_one())
            if team_of(connection, device, word.user_id) is None or not 0 < word.revision <= head:
                raise TrustError("not-yours", "Only a supervisor can confirm that so many records are deleted.")
            values = {"revision": word.revision, "user_id": word.user_id, "device_id": device.device_id}
            connection.execute(insert(deletions_word).values(**values, at=self._time.now()).on_conflict_do_nothing())
        return word
