"""Customers and their orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from customers.panels import Verb


class CustomersConfig(AppConfig):
    """Customers, orders, search and the profile page that other apps add panels to."""

    name = "customers"

    def ready(self) -> None:
        """Fill the registries that this app has something for, and own the customer's page."""
        from customers import find, timeline
        from customers.page import CustomerPage
        from customers.panels import Tab, register_tab, register_verb
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
        register_verb(*_verbs())
        service = navigation.Group.SERVICE
        for label, url_name, icon, permission, order in (
            (_("Customers"), "customers:list", "users", Perm.CUSTOMERS_VIEW, 10),
            (_("Orders"), "customers:order_list", "receipt-text", Perm.ORDERS_VIEW, 20),
        ):
            item = navigation.NavItem(service, label, url_name, icon, permission, order)
            navigation.register(item)


def _verbs() -> list[Verb]:
    from customers.models import Customer
    from customers.panels import Verb
    from loyalty_admin.staff.permissions import Perm

    status, edit = Customer.Status, Perm.CUSTOMERS_EDIT
    return [
        Verb(
            key="enrol",
            label=_("Enrol"),
            icon="id-card",
            url_name="customers:enrol",
            permission=edit,
            order=10,
            primary=True,
            offered=lambda customer: customer.status == status.GUEST,
        ),
        Verb(
            key="enrol-again",
            label=_("Enrol again"),
            icon="id-card",
            url_name="customers:enrol",
            permission=edit,
            order=10,
            primary=True,
            offered=lambda customer: customer.status == status.REMOVED,
        ),
        Verb(
            key="claim",
            label=_("Claim an order"),
            icon="receipt-text",
            url_name="customers:claim",
            permission=Perm.ORDERS_CLAIM,
            order=50,
            offered=lambda customer: customer.status == status.MEMBER,
        ),
        Verb(
            key="remove",
            label=_("Take out of the programme"),
            icon="user-minus",
            url_name="customers:remove",
            permission=edit,
            order=90,
            tucked=True,
            danger=True,
            offered=lambda customer: customer.status == status.MEMBER,
        ),
    ]
