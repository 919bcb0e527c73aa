"""Programs, rules and the ledger of units."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"
