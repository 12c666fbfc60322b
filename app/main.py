"""Where ``rollcall`` starts: the window when nothing is asked for, else the command line.

Nothing heavy is imported here: the unlock window must be on screen in a fraction of a second.
"""

import gc
import sys
from collections.abc import Sequence

from app import hardening


def main(arguments: Sequence[str] | None = None) -> int:
    """Open the window, or run a command without one.

    Returns:
        Exit status: 0 done, 1 refused with a reason, 2 wrong use.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] not in ("window",):
        from app.cli.main import run

        hardening.harden()
        return run(given)
    # Nothing is garbage before the first paint; after it the window collects on its own thread (views.collector).
    gc.disable()
    hardening.forbid_core_files()
    from app.views.start import run_window

    return run_window(given[1:])


if __name__ == "__main__":
    sys.exit(main())
