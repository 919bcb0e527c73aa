"""Customers and their orders."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    """Customers, orders, search and the profile page that other apps add panels to."""

    name = "customers"

    def ready(self) -> None:
        """Fill the registries that this app has something for, and own the customer's page."""
        from customers import find, timeline
        from customers.page import CustomerPage
        from customers.panels import Tab, register_tab
        from customers.selectors import order_count
        from loyalty_admin.common import navigation, profile
        from loyalty_admin.staff.permissions import Perm

        timeline.register_all()
        find.register_own()
        profile.use(CustomerPage())
        register_tab(
            # The activity app stands below this one, so its tab is named here.
            Tab(
                key="activity",
                label=_("Activity"),
                url_name="activity:timeline",
                permission=Perm.CUSTOMERS_VIEW,
                order=10,
            ),
            Tab(
                key="orders",
                label=_("Orders"),
                url_name="customers:orders",
                permission=Perm.ORDERS_VIEW,
                order=60,
                events=("ledger-changed",),
                count=order_count,
            ),
            Tab(
                key="details",
                label=_("Details"),
                url_name="customers:details",
                permission=Perm.CUSTOMERS_VIEW,
                order=90,
                events=("contact-changed",),
            ),
        )
        service = navigation.Group.SERVICE
        for label, url_name, icon, permission, order in (
            (_("Customers"), "customers:list", "users", Perm.CUSTOMERS_VIEW, 10),
            (_("Orders"), "customers:order_list", "receipt-text", Perm.ORDERS_VIEW, 20),
        ):
            item = navigation.NavItem(service, label, url_name, icon, permission, order)
            navigation.register(item)
