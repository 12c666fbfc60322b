"""Wrong passphrases and recovery keys are counted across restarts and make the next try wait, longer each time.

What it is for: somebody at the keyboard of a laptop that is switched on and signed in. It is no defence against a
copied disk, where whoever holds the copy can put the count back as often as they like; there the defences are the
key derivation, which makes each guess slow, and the keyring's secret, without which no guess can be tried at all.

Waits are measured by how long the machine has been running, which nobody can set. The clock on the wall counts only
across a restart, where nothing else is left, and then a minute of running is asked for as well.
"""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from app.errors import UserError
from app.paths import settings_file
from app.services.durable import write_durably
from app.timesource import BootReading, TimeSource, format_date, format_time, to_london

TRIES = 5
WAITS = tuple(timedelta(minutes=minutes) for minutes in (15, 30, 60, 120, 240))
"""After the fifth wrong try, the sixth, and so on; the last for all that follow."""
AFTER_RESTART = timedelta(minutes=1)
"""The least time that the machine runs before the next try, however far the clock was set meanwhile."""
LARGEST_FILE = 4096
MOST = 1_000_000

Secret = Literal["passphrase", "recovery", "code"]
_WORDS: dict[Secret, tuple[str, str]] = {
    "passphrase": ("Passphrase not recognised", "wrong passphrases"),
    "recovery": ("Recovery key not recognised", "wrong recovery keys"),
    "code": ("Code not recognised", "wrong codes"),
}


@dataclass(frozen=True, slots=True)
class Tally:
    """How often in a row one secret was wrong, and when it last was.

    Attributes:
        wrong: how often.
        at: by the clock on the wall.
        boot: which start of the machine it was; empty when not known.
        seconds: how long the machine had been running.
    """

    wrong: int
    at: datetime
    boot: str
    seconds: float


@dataclass(slots=True)
class _Seen:
    """What this process knows of one vault, whatever becomes of the files.

    Attributes:
        tallies: the newest count of each secret.
        forgiven: counts that the right secret has ended, should a full or read-only disk still hold them.
    """

    tallies: dict[str, Tally]
    forgiven: set[Tally]


# One entry a vault and process: an officer whose disk takes no writes has no more tries than anybody else.
_seen: dict[Path, _Seen] = {}


@dataclass(frozen=True, slots=True)
class Attempts:
    """The count kept beside a vault, and once more beside the settings. It holds no secret and nothing about anybody.

    Attributes:
        path: of the count beside the vault.
        time: the clock.
        secret: what is being tried: the passphrase, the recovery key or the code of the authority's recovery file. Each
            has a count of its own, so that a wait for one does not close the others.
    """

    path: Path
    time: TimeSource
    secret: Secret = "passphrase"

    def check(self) -> None:
        """Refuse while a wait is running.

        Raises:
            UserError: says until when; its field is the secret's name.
        """
        tally = self._worst()
        if tally is None or not (left := self._left(tally)):
            return
        what = _WORDS[self.secret][1]
        raise UserError(
            f"There were {tally.wrong} {what}. Try again after {self._words(left)}. Your records are kept.",
            field=self.secret,
        )

    def failed(self) -> str:
        """Count a wrong secret and return the words for it."""
        tally = self._worst()
        boot = self.time.since_boot()
        wrong = min((tally.wrong if tally else 0) + 1, MOST)
        self._keep(Tally(wrong, self.time.now(), boot.boot, boot.seconds))
        said = _WORDS[self.secret][0]
        left = TRIES - wrong
        if left <= 0:
            return f"{said}. Try again after {self._words(wait_after(wrong))}. Your records are kept."
        tries = "1 try" if left == 1 else f"{left} tries"
        return f"{said}. {tries} left before a 15 minute wait."

    def succeeded(self) -> int:
        """Forget earlier wrong tries, of every secret: who has one of them may set the others anew.

        Returns:
            How many there were, for the audit.
        """
        seen = self._memory()
        counted: dict[str, int] = {}
        for kept in (self._read(self.path), self._read(self._mirror()), seen.tallies):
            for name, tally in kept.items():
                if tally not in seen.forgiven:
                    counted[name] = max(counted.get(name, 0), tally.wrong)
        for kept in (self._read(self.path), self._read(self._mirror()), seen.tallies):
            seen.forgiven.update(kept.values())
        seen.tallies.clear()
        for path in (self.path, self._mirror()):
            with suppress(OSError):  # a full or read-only disk keeps nobody out who knows the passphrase
                path.unlink(missing_ok=True)
        return sum(counted.values())

    def _left(self, tally: Tally) -> timedelta:
        """Return how long the wait still is; zero when there is none."""
        if tally.wrong < TRIES:
            return timedelta(0)
        wait = wait_after(tally.wrong)
        boot = self.time.since_boot()
        if _same_boot(tally, boot):
            return max(wait - timedelta(seconds=boot.seconds - tally.seconds), timedelta(0))
        # Another start of the machine, so at least as long ago as it has been running.
        running = timedelta(seconds=boot.seconds)
        by_clock = max(wait - (self.time.now() - tally.at), AFTER_RESTART - running)
        return max(min(wait - running, by_clock), timedelta(0))

    def _words(self, left: timedelta) -> str:
        # Up to the next minute: what is said never comes before what is kept to.
        until = self.time.now() + left + timedelta(seconds=59)
        day = to_london(until).date()
        return format_time(until) + ("" if day == self.time.today() else f" on {format_date(day)}")

    # Keeping

    def _memory(self) -> _Seen:
        return _seen.setdefault(self.path.absolute(), _Seen({}, set()))

    def _worst(self) -> Tally | None:
        """Return the highest count of the file, its copy and memory: removing one of them changes nothing."""
        seen = self._memory()
        found = [kept.get(self.secret) for kept in (self._read(self.path), self._read(self._mirror()), seen.tallies)]
        tallies = [tally for tally in found if tally is not None and tally not in seen.forgiven]
        return max(tallies, key=lambda tally: (tally.wrong, tally.at), default=None)

    def _keep(self, tally: Tally) -> None:
        seen = self._memory()
        kept = {**self._read(self.path), **seen.tallies, self.secret: tally}
        seen.tallies[self.secret] = tally
        words = json.dumps({name: {**asdict(each), "at": each.at.isoformat()} for name, each in kept.items()})
        for path in (self.path, self._mirror()):
            with suppress(OSError):  # memory has it, and the other file perhaps
                _write(path, words)

    def _mirror(self) -> Path:
        """Return the copy's place. It is another folder's, not another kind of safety."""
        name = hashlib.sha256(str(self.path.parent.absolute()).encode()).hexdigest()[:16]
        return settings_file().with_name(f"attempts-{name}.json")

    def _read(self, path: Path) -> dict[str, Tally]:
        try:
            with path.open("rb") as stream:
                content = stream.read(LARGEST_FILE + 1)
        except FileNotFoundError:
            return {}
        except OSError:
            return self._damaged()
        try:
            if len(content) > LARGEST_FILE:
                return self._damaged()
            return {name: _tally(each) for name, each in json.loads(content).items() if name in _WORDS}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            return self._damaged()

    def _damaged(self) -> dict[str, Tally]:
        """Return one try before the wait: damage is no way round it, and shuts nobody out."""
        boot = self.time.since_boot()
        return dict.fromkeys(_WORDS, Tally(TRIES - 1, self.time.now(), boot.boot, boot.seconds))


def wait_after(wrong: int) -> timedelta:
    """Return how long the next try waits after so many wrong ones."""
    if wrong < TRIES:
        return timedelta(0)
    return WAITS[min(wrong - TRIES, len(WAITS) - 1)]


def _same_boot(tally: Tally, boot: BootReading) -> bool:
    """Return whether the machine has not been started since.

    Where starts have no names (Windows), a clock that ran on counts as the same start. When it was another, it has
    been running for longer than the difference, so that this never ends a wait too early.
    """
    return tally.boot == boot.boot and boot.seconds >= tally.seconds


def _tally(kept: Any) -> Tally:
    wrong, seconds = int(kept["wrong"]), float(kept["seconds"])
    at = datetime.fromisoformat(kept["at"])
    if not 0 <= wrong <= MOST or not 0 <= seconds < 1e10 or at.tzinfo is None:
        raise ValueError("not a count")
    return Tally(wrong, at, str(kept["boot"]), seconds)


def _write(path: Path, words: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_durably(path, words.encode("ascii"))
