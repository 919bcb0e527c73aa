"""Programs, rules and the ledger of units."""

from django.apps import AppConfig


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"

    def ready(self) -> None:
        """Attach the ledger to what happens in the apps below, and take its places on screen."""
        self._follow()
        self._answer()

        from rewards import timeline
        from rewards.places import take_places

        timeline.register_all()
        take_places()

    def _follow(self) -> None:
        """Do what is to be done in this app when something happens in those below."""
        from customers.hooks import (
            customer_enrolled,
            customer_leaving,
            customers_imported,
            order_claimed,
            order_completed_again,
            order_recorded,
            order_taken_back,
            orders_imported,
        )
        from rewards.actions.bulk_earning import earn_for_orders
        from rewards.actions.earning import earn_for_order
        from rewards.actions.event_reports import earn_for_enrolments
        from rewards.actions.events import earn_for_enrolment
        from rewards.actions.late_earning import earn_late
        from rewards.actions.membership import bring_back, settle_before_leaving
        from rewards.actions.refunds import take_back_for
        from rewards.actions.tiers import (
            follow_enrolment,
            follow_imported_spending,
            follow_spending,
        )

        customer_enrolled.attach(bring_back)
        customer_enrolled.attach(earn_for_enrolment)
        customer_enrolled.attach(follow_enrolment)
        customer_leaving.attach(settle_before_leaving)
        customers_imported.attach(earn_for_enrolments)
        order_recorded.attach(earn_for_order)
        orders_imported.attach(earn_for_orders)
        order_taken_back.attach(take_back_for)
        order_completed_again.attach(earn_late)
        order_claimed.attach(earn_late)
        # Behind what they earned, so that one evaluation sees it all.
        for moment in (order_recorded, order_completed_again, order_claimed):
            moment.attach(follow_spending)
        orders_imported.attach(follow_imported_spending)

    def _answer(self) -> None:
        """Tell the apps below what they ask of those above."""
        from customers.hooks import customer_chips, list_columns, order_earnings, order_prospects
        from discounts.hooks import offer_promised
        from rewards.list_columns import columns_for
        from rewards.order_earnings import earnings_of
        from rewards.order_prospects import prospects_of
        from rewards.selectors.rewards import promising
        from rewards.tier_chips import chips_for

        order_prospects.attach(prospects_of)
        order_earnings.attach(earnings_of)
        list_columns.attach(columns_for)
        customer_chips.attach(chips_for)
        offer_promised.attach(promising)
