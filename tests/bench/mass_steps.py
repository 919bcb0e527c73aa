"""The steps of a mass adjustment, each in a process of its own: `bench_mass` runs them.

Prints how long the step took, in seconds, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import django


def main(step: str, *arguments: str) -> None:
    """Do one step and tell how long it took."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty_admin.settings"
    django.setup()
    steps: dict[str, Callable[..., dict[str, float]]] = {
        "fill": fill,
        "upload": upload,
        "apply": apply,
        "go-on": go_on,
        "undo": undo,
    }
    print(json.dumps(steps[step](*arguments)))


def fill(rows: str) -> dict[str, float]:
    """Customers enough for that many rows, each with an account, and a reason."""
    from loyalty_admin.staff.models import ReasonCode
    from tests.bench.population import populate

    ReasonCode.objects.create(code="bench", label="Bench")
    populate(int(rows) * 6 // 5)
    return {}


def upload(path: str, chunk: str = "") -> dict[str, float]:
    """Upload the file and check it; in chunks of so many rows, if told."""
    from loyalty_admin.common.actor import Actor
    from rewards.actions.mass_adjustments import checking
    from rewards.actions.mass_adjustments.batches import upload_batch
    from rewards.actions.mass_adjustments.running import run_batch
    from rewards.models import Program

    checking.CHUNK = int(chunk or checking.CHUNK)
    program, file = Program.objects.get(code="bench"), Path(path)
    begun = perf_counter()
    with file.open("rb") as content:
        batch = upload_batch(
            actor=Actor.system("bench"),
            program_id=program.pk,
            reason_id=None,
            filename=file.name,
            content=content,
            size=file.stat().st_size,
            idempotency_key="bench",
        )
    uploaded = perf_counter()
    run_batch(batch.pk)
    return {"upload": uploaded - begun, "check": perf_counter() - uploaded}


def apply() -> dict[str, float]:
    """Apply what was uploaded."""
    from loyalty_admin.common.actor import Actor
    from rewards.actions.mass_adjustments.batches import apply_batch

    begun = perf_counter()
    apply_batch(actor=Actor.system("bench"), batch_id=_batch())
    go_on()
    return {"apply": perf_counter() - begun}


def go_on() -> dict[str, float]:
    """What another worker does when the first one was killed."""
    from rewards.actions.mass_adjustments.running import run_batch

    begun = perf_counter()
    run_batch(_batch())
    return {"go-on": perf_counter() - begun}


def undo() -> dict[str, float]:
    """Undo it."""
    from loyalty_admin.common.actor import Actor
    from rewards.actions.mass_adjustments.batches import undo_batch

    begun = perf_counter()
    undo_batch(actor=Actor.system("bench"), batch_id=_batch())
    go_on()
    return {"undo": perf_counter() - begun}


def _batch() -> int:
    from rewards.models import MassAdjustment

    return MassAdjustment.objects.get().pk


if __name__ == "__main__":
    main(*sys.argv[1:])
