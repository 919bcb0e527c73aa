"""Programs, rules and the ledger of units."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"

    def ready(self) -> None:
        """Attach the ledger to what happens in the apps below, and take its places on screen."""
        from customers.hooks import (
            customer_enrolled,
            customers_imported,
            list_columns,
            order_earnings,
            order_recorded,
            orders_imported,
        )
        from rewards import timeline
        from rewards.actions.bulk_earning import earn_for_orders
        from rewards.actions.earning import earn_for_order
        from rewards.actions.event_reports import earn_for_enrolments
        from rewards.actions.events import earn_for_enrolment
        from rewards.list_columns import columns_for
        from rewards.order_earnings import earnings_of
        from rewards.places import take_places

        customer_enrolled.attach(earn_for_enrolment)
        customers_imported.attach(earn_for_enrolments)
        order_recorded.attach(earn_for_order)
        orders_imported.attach(earn_for_orders)
        order_earnings.attach(earnings_of)
        list_columns.attach(columns_for)
        timeline.register_all()
        take_places()
