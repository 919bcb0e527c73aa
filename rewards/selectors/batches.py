"""Mass adjustments as they are looked at: the list, a batch, and the rows that need a look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from loyalty_admin.common.errors import NotFound
from loyalty_admin.common.paging import Page, keyset_page
from rewards.models import MassAdjustment, MassAdjustmentRow

SHOWN = 50
_Status = MassAdjustment.Status


@dataclass(frozen=True, slots=True)
class Remarks:
    """Rows in which something is to be seen, in the order of the file; `more` come after them."""

    rows: list[MassAdjustmentRow]
    more: bool

    @property
    def last(self) -> int:
        """The line behind which the next page begins."""
        return self.rows[-1].line if self.rows else 0


def batches_page(params: Mapping[str, str], size: int = SHOWN) -> Page[MassAdjustment]:
    """Batches, newest first, with their programs. One query."""
    batches = MassAdjustment.objects.select_related("program")
    return keyset_page(batches, by="pk", params=params, size=size)


def batch_of(batch_id: int) -> MassAdjustment:
    """One batch with its program and reason. Raises NotFound."""
    found = MassAdjustment.objects.select_related("program", "reason").filter(pk=batch_id)
    batch = found.first()
    if batch is None:
        raise NotFound("There is no such mass adjustment.")
    return batch


def remarks_of(batch_id: int, *, after: int = 0, size: int = SHOWN) -> Remarks:
    """The rows with a problem behind the line `after`, with their customers. One query."""
    rows = list(
        MassAdjustmentRow.objects.filter(batch=batch_id, line__gt=after)
        .exclude(problem="")
        .select_related("customer")
        .order_by("line")[: size + 1]
    )
    return Remarks(rows[:size], more=len(rows) > size)


def same_files(batch: MassAdjustment) -> list[MassAdjustment]:
    """Other batches with the very same content that have been applied and not undone."""
    applied = (_Status.APPLYING, _Status.APPLIED, _Status.UNDOING)
    return list(
        MassAdjustment.objects.filter(digest=batch.digest, status__in=applied)
        .exclude(pk=batch.pk)
        .select_related("program")
        .order_by("-pk")[:5]
    )


def result_rows(batch: MassAdjustment) -> Iterator[tuple[object, ...]]:
    """Every row of the file with what became of it, read as it is sent.

    Line, key, amount, what the key is, outcome, reason, new balance, units not taken back.
    """
    rows = MassAdjustmentRow.objects.filter(batch=batch).order_by("line")
    labels = dict(MassAdjustmentRow.Outcome.choices)
    columns = (
        "line", "key", "amount", "amount_text", "matched_by", "outcome", "problem",
        "balance_after", "shortfall",
    )  # fmt: skip
    for line, key, amount, text, way, outcome, problem, balance, short in rows.values_list(
        *columns
    ).iterator(chunk_size=2000):
        units = text if amount is None else amount
        yield line, key, way, units, str(labels[outcome]), problem, balance, short or ""
