"""`manage.py check_ledgers`: does every balance add up?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loyalty_admin.common.actor import Actor
from rewards.actions.integrity import check_ledgers


class Command(BaseCommand):
    """Checks every account; exits with an error when one does not add up."""

    help = "Check that every balance equals its entries, its last line and its lots."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result."""
        result = check_ledgers(actor=Actor.system("check_ledgers"))
        seconds = (result.finished_at - result.started_at).total_seconds()
        for row in result.discrepancies:
            self.stderr.write(
                f"account {row['account_id']}: {row['problem']} "
                f"(expected {row['expected']}, found {row['found']})"
            )
        if result.discrepancies:
            raise CommandError(f"{len(result.discrepancies)} discrepancies.")
        self.stdout.write(f"{result.accounts:,} accounts add up ({seconds:.1f} s).")
