"""A schedule in which all laptops sync at the same moment, on threads, so that PostgreSQL's own transactions meet.

What happens on each laptop is drawn from the seed; who comes first at the central store is not, and differs from run to
run. What was promised holds all the same.
"""

import random
import threading
import traceback

from app.errors import RollcallError
from tests.sync.chaos.laptop import Laptop
from tests.sync.chaos.network import ChaosTransport
from tests.sync.chaos.schedule import Broken, Schedule, Step

ROUNDS = 5
SYNCS_A_ROUND = 2


class Together(Schedule):
    """Rounds of work, and after each all laptops sync at once."""

    def _go_through(self, _steps: list[Step]) -> None:
        self.kills = False
        for round_ in range(ROUNDS):
            chance = random.Random(f"{self.world.seed} together {round_}")
            self.world.say(f"round {round_}")
            for laptop in self.world.laptops:
                for _ in range(chance.randint(1, 5)):
                    self.world.counts["steps"] += 1
                    self._work(laptop, chance)
            self._meet(chance, round_)
            for laptop in self.world.laptops:
                self._look(laptop)

    def _meet(self, chance: random.Random, round_: int) -> None:
        ready = threading.Barrier(len(self.world.laptops) + 1)
        wrong: list[str] = []
        threads = []
        for laptop in self.world.laptops:
            laptop.chance = random.Random(f"{self.world.seed} {laptop.name} {round_}")
            threads.append(threading.Thread(target=self._syncs, args=(laptop, ready, wrong), daemon=True))
        for thread in threads:
            thread.start()
        ready.wait(10)
        if chance.random() < 0.3:
            self._person_moves(chance.choice(self.world.laptops), chance)
        self._migrate(self.world.laptops[0], chance)
        for thread in threads:
            thread.join()
        if wrong:
            raise Broken(wrong[0])

    def _syncs(self, laptop: Laptop, ready: threading.Barrier, wrong: list[str]) -> None:
        with self.world.central.own_loop():
            ready.wait(10)
            for _ in range(SYNCS_A_ROUND):
                transport = ChaosTransport(
                    laptop,
                    self.world.network,
                    device_id=laptop.device_id,
                    signer=laptop.signer,
                    vault_id=laptop.vault.vault_id,
                )
                try:
                    self.world.sync(laptop.ws, transport)
                except RollcallError as error:
                    self._fault(laptop, error)
                except Exception as error:  # noqa: BLE001  (whatever it is, it is a finding)
                    words = "".join(traceback.format_exception(error))[-3000:]
                    wrong.append(f"a sync ended with {type(error).__name__}\n{words}")
                finally:
                    transport.close()
