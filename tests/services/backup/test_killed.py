"""A process that is killed while it backs up leaves a vault that opens and no backup that is not whole."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.services.backup.listing import list_backups, verify_backup
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import Vault, open_vault
from app.services.vault.check import check_vault
from app.timesource import FrozenTime
from tests.conftest import PASSPHRASE
from tests.services.backup.conftest import contents

KILLS = 6
PROGRAM = """
import sys
from pathlib import Path
from app.services.backup.make import back_up
from app.services.backup.manifest import Reason
from app.services.vault import open_vault
from app.timesource import SystemTime
vault = open_vault(Path(sys.argv[1]), sys.argv[2], time=SystemTime())
while True:
    print(back_up(vault.folder, vault.keys, vault.engine, time=SystemTime(), reason=Reason.REQUESTED).name, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="only POSIX kills without a word")
def test_killed_at_random_points(kept: Vault, frozen_time: FrozenTime) -> None:
    kept.close()
    choose = random.Random(417)
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(kept.folder), PASSPHRASE], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        said = child.stdout.readline().strip()  # one is whole; the next is on its way
        time.sleep(choose.uniform(0.0, 0.05))
        child.kill()
        rest = child.communicate()[0].split()
        vault = open_vault(kept.folder, PASSPHRASE, time=frozen_time)
        found = list_backups(kept.folder, vault.keys)
        # What was reported is there, or a newer one that took its place before it could be reported.
        assert found[0].name >= [said, *rest][-1]
        for info in found:
            verify_backup(info.folder, vault.keys)
        assert check_vault(vault).sound
        vault.close()
    vault = open_vault(kept.folder, PASSPHRASE, time=frozen_time)
    back_up(vault.folder, vault.keys, vault.engine, time=frozen_time, reason=Reason.REQUESTED)
    left = contents(Path(kept.folder) / "backups")
    assert left == {info.name for info in list_backups(kept.folder, vault.keys)}
    vault.close()
