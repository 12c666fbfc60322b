"""The live queue on the laptop: a thread that is told of new revisions and has the sync run at once.

What it is told is a number. When that is beyond what this vault has applied, the sync is asked for, so a connected
window shows a colleague's change within a second, without asking again and again. While there is no stream (no network,
an older central store) the sync goes on as often as the person chose.
"""

import random
import threading
from collections.abc import Callable
from typing import Final

import msgspec

from app.errors import RollcallError
from app.logs import get_logger
from app.services.sync import facts
from app.services.sync.enrolment import open_transport
from app.services.sync.faults import NotLetIn
from app.services.sync.listening import Listening
from app.services.sync.transport import HttpTransport
from app.services.workspace import Workspace

QUIET_SECONDS: Final = 40.0
"""The store says something every 15 seconds; a stream that is silent for longer is dead."""
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 300.0
SPREAD_SECONDS: Final = 0.15
"""Laptops told of one change at one moment do not all ask at that moment."""
STOP_SECONDS: Final = 3.0
_PREFIX: Final = "data:"


class _News(msgspec.Struct):
    revision: int


class LiveFollower:
    """Follows the central store's live queue for one workspace."""

    def __init__(
        self,
        ws: Workspace,
        hurry: Callable[[], object],
        *,
        open_: Callable[[Workspace], HttpTransport] = open_transport,
        chance: random.Random | None = None,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            ws: enrolled.
            hurry: called from the thread when there is something to fetch; returns at once.
            open_: makes the connection.
            chance: for the jitter.
        """
        self._ws, self._hurry, self._open = ws, hurry, open_
        self._chance = chance or random.Random()
        self._stopping = threading.Event()
        self._listening: Listening | None = None
        self._heard = False
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; ``hurry`` is not called afterwards."""
        self._stopping.set()
        if (listening := self._listening) is not None:
            listening.hang_up()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._heard = False
            try:
                self._follow()
                failures = 0
            except NotLetIn as fault:
                # Revoked, or a sign-in is needed: the sync says so in words.
                get_logger().info("live queue closed to this laptop", kind=fault.code)
                failures = 20
            except RollcallError:
                failures = 1 if self._heard else failures + 1
            except Exception as error:  # noqa: BLE001  (the thread must live; the log says what and where)
                if self._stopping.is_set():
                    return
                get_logger().error("live queue failed", exc=error)
                failures += 1
            self._stopping.wait(self._pause(failures))

    def _pause(self, failures: int) -> float:
        """Return how long to wait before the next stream, in seconds; one that ended in order is followed by one."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** max(0, min(failures - 1, 12)))
        return longest * self._chance.uniform(0.5, 1.5) if failures else self._chance.uniform(0.0, FIRST_WAIT_SECONDS)

    def _follow(self) -> None:
        transport = self._open(self._ws)
        try:
            listening = self._listening = Listening(transport, "/live", QUIET_SECONDS)
            for line in listening.lines():
                if self._stopping.is_set():
                    return
                self._heard = True
                if line.startswith(_PREFIX):
                    self._take(line.removeprefix(_PREFIX))
        finally:
            self._listening = None
            transport.close()

    def _take(self, data: str) -> None:
        try:
            news = msgspec.json.decode(data.encode(), type=_News)
        except msgspec.MsgspecError:
            return  # a later version says something that this one does not know
        # By then the sync that made the revision, if it was this laptop's own, has mostly read it too.
        if self._stopping.wait(self._chance.uniform(0.0, SPREAD_SECONDS)):
            return
        with self._ws.read() as session:
            behind = news.revision > facts.cursor(session)
        if behind and not self._stopping.is_set():
            self._hurry()
