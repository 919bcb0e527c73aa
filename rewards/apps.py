"""Programs, rules and the ledger of units."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"

    def ready(self) -> None:
        """Attach the ledger to what happens in the apps below, and take its places on screen."""
        from customers.hooks import list_columns, order_earnings, order_recorded, orders_imported
        from rewards import timeline
        from rewards.actions.bulk_earning import earn_for_orders
        from rewards.actions.earning import earn_for_order
        from rewards.list_columns import columns_for
        from rewards.order_earnings import earnings_of
        from rewards.places import take_places

        order_recorded.attach(earn_for_order)
        orders_imported.attach(earn_for_orders)
        order_earnings.attach(earnings_of)
        list_columns.attach(columns_for)
        timeline.register_all()
        take_places()
