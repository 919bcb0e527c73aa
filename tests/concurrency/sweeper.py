"""A worker that sweeps, as a process: `python -m tests.concurrency.sweeper LOTS [PAUSE]`.

Tells of each batch on a line of its own, once it is committed: accounts, lots, seconds. PAUSE is
how many seconds it rests after each, so that whoever listens can kill it before its end.
"""

from __future__ import annotations

import os
import sys
import time


def main(lots: int, pause: float = 0) -> None:
    """Sweep in batches of about so many lots."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty_admin.settings")
    import django

    django.setup()
    from rewards.actions.sweeping import sweep

    for batch in sweep(lots=lots):
        sys.stdout.write(f"{batch.accounts} {batch.lots} {batch.seconds:.6f}\n")
        sys.stdout.flush()
        time.sleep(pause)


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))
