"""A worker that sweeps, as a process: `python -m tests.concurrency.sweeper LOTS`.

Tells of each batch on a line of its own, once it is committed: accounts, lots, seconds.
"""

from __future__ import annotations

import os
import sys


def main(lots: int) -> None:
    """Sweep in batches of about so many lots."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty_admin.settings")
    import django

    django.setup()
    from rewards.actions.sweeping import sweep

    for batch in sweep(lots=lots):
        sys.stdout.write(f"{batch.accounts} {batch.lots} {batch.seconds:.6f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
