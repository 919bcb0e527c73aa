"""Programs, rules and the ledger of units."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"

    def ready(self) -> None:
        """Attach the ledger to what happens in the apps below."""
        from customers.hooks import order_recorded
        from rewards.actions.earning import earn_for_order

        order_recorded.attach(earn_for_order)
