"""Programs, rules and the ledger of units."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RewardsConfig(AppConfig):
    """Earning, balances and their explanation."""

    name = "rewards"

    def ready(self) -> None:
        """Attach the ledger to what happens in the apps below, and take its places on screen."""
        from customers import panels
        from customers.hooks import list_columns, order_earnings, order_recorded, orders_imported
        from loyalty_admin.common import navigation
        from loyalty_admin.staff.permissions import Perm
        from rewards import timeline
        from rewards.actions.bulk_earning import earn_for_orders
        from rewards.actions.earning import earn_for_order
        from rewards.list_columns import columns_for
        from rewards.order_earnings import earnings_of

        order_recorded.attach(earn_for_order)
        orders_imported.attach(earn_for_orders)
        order_earnings.attach(earnings_of)
        list_columns.attach(columns_for)
        timeline.register_all()
        panels.register_tab(
            panels.Tab(
                key="points",
                label=_("Points"),
                url_name="rewards:points",
                permission=Perm.LEDGER_VIEW,
                order=30,
                events=("ledger-changed",),
            )
        )
        panels.register_facts(
            panels.Facts(
                key="balances",
                url_name="rewards:balances",
                permission=Perm.LEDGER_VIEW,
                order=10,
                events=("ledger-changed",),
            )
        )
        panels.register_verb(
            panels.Verb(
                key="adjust",
                label=_("Adjust balance"),
                icon="diff",
                url_name="rewards:adjust",
                permission=Perm.BALANCE_ADJUST,
                order=20,
                primary=True,
            ),
            panels.Verb(
                key="spend",
                label=_("Spend"),
                icon="shopping-basket",
                url_name="rewards:spend",
                permission=Perm.BALANCE_SPEND,
                order=30,
            ),
            panels.Verb(
                key="explain",
                label=_("Explain"),
                icon="message-square-text",
                url_name="rewards:explain",
                permission=Perm.LEDGER_VIEW,
                order=40,
            ),
        )
        navigation.register(
            navigation.NavItem(
                navigation.Group.INSIGHT,
                _("Ledger check"),
                "rewards:checks",
                "scale",
                Perm.AUDIT_VIEW,
                order=90,
            )
        )
