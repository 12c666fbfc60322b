"""Wrong passphrases are counted across restarts and make the next try wait."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from app.errors import UserError
from app.timesource import TimeSource, format_time

TRIES = 5
WAIT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Attempts:
    """The count kept beside a vault. It holds no secret and nothing about anybody."""

    path: Path
    time: TimeSource

    def check(self) -> None:
        """Refuse while a wait is running.

        Raises:
            UserError: says until when.
        """
        wrong, last = self._read()
        if last is None or wrong < TRIES:
            return
        until = last + WAIT
        # A clock set back must not shorten the wait, nor one set far forward and back again lengthen it for ever.
        if last <= self.time.now() < until or last - WAIT < self.time.now() < last:
            raise UserError(
                f"There were {wrong} wrong passphrases. Try again after {format_time(until)}. Your records are kept.",
                field="passphrase",
            )

    def failed(self) -> str:
        """Count a wrong passphrase and return the words for it."""
        wrong, last = self._read()
        now = self.time.now()
        if last is not None and wrong >= TRIES and now >= last + WAIT:
            wrong = 0
        wrong += 1
        self.path.write_text(json.dumps({"wrong": wrong, "last": now.isoformat()}))
        left = TRIES - wrong
        if left <= 0:
            return f"Passphrase not recognised. Try again after {format_time(now + WAIT)}. Your records are kept."
        tries = "1 try" if left == 1 else f"{left} tries"
        return f"Passphrase not recognised. {tries} left before a 15 minute wait."

    def succeeded(self) -> None:
        """Forget earlier wrong passphrases."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> tuple[int, datetime | None]:
        try:
            kept = json.loads(self.path.read_text())
            return int(kept["wrong"]), datetime.fromisoformat(kept["last"])
        except FileNotFoundError:
            return 0, None
        except (ValueError, KeyError, TypeError, OSError):
            # A damaged count is not a way round the wait.
            return TRIES - 1, self.time.now()
