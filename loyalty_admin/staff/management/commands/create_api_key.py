"""`manage.py create_api_key NAME`: a key for a till or web shop."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from loyalty_admin.common.actor import Actor
from loyalty_admin.common.errors import DomainError
from loyalty_admin.staff.actions.api_keys import create_api_key
from loyalty_admin.staff.permissions import API_SCOPES


class Command(BaseCommand):
    """Prints the new key; it can't be shown again."""

    help = "Create an API key and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The key's name, and what it may do."""
        parser.add_argument("name", help="what uses the key, as in “Till 3, High Street”")
        parser.add_argument("--store", default="", help="code of the only store it may write for")
        parser.add_argument(
            "--scope",
            action="append",
            dest="scopes",
            choices=sorted(API_SCOPES),
            help="what the key may do; may be repeated (default: everything a key can)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Create and print."""
        try:
            _, token = create_api_key(
                actor=Actor.system("create_api_key"),
                name=options["name"],
                scopes=options["scopes"] or sorted(API_SCOPES),
                store_code=options["store"],
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stderr.write("This is the only time that the key is shown:")
        self.stdout.write(token)
