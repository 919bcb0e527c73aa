#!/usr/bin/env python
"""Run a management command. Without an .env file and DEBUG in the environment, DEBUG is on."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Hand the command line to Django."""
    # The environment wins over .env: a default here would turn a production machine into none.
    if not Path(__file__).with_name(".env").exists():
        os.environ.setdefault("DEBUG", "true")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty_admin.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
