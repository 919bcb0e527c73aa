"""Offers and the codes that are made from them."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DiscountsConfig(AppConfig):
    """Coupon designs, and codes that customers use once."""

    name = "discounts"

    def ready(self) -> None:
        """Let find anything know codes, and take a place in the navigation."""
        from discounts import find
        from loyalty_admin.common import navigation
        from loyalty_admin.staff.permissions import Perm

        find.register_own()
        navigation.register(
            navigation.NavItem(
                navigation.Group.PROGRAMS,
                _("Offers"),
                "discounts:offer_list",
                "ticket-percent",
                Perm.LEDGER_VIEW,
                order=40,
            )
        )
