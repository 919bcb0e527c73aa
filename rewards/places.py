"""Where this app appears on screen: its pieces of the customer's page and of the navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.panels import (
    Facts,
    Tab,
    Verb,
    register_facts,
    register_tab,
    register_verb,
)
from loyalty_admin.common import navigation
from loyalty_admin.staff.permissions import Perm
from rewards.models import Program
from rewards.selectors.redemptions import outstanding_count
from rewards.selectors.tiers import has_ladders

CHANGED = "ledger-changed"


def take_places() -> None:
    """Register every piece."""
    register_tab(_points(), _stamps(), _rewards())
    register_facts(_balances())
    register_verb(*_verbs())
    for item in _setting_up():
        navigation.register(item)
    navigation.register(
        navigation.NavItem(
            navigation.Group.SERVICE,
            _("Redemptions"),
            "rewards:redemptions",
            "gift",
            Perm.LEDGER_VIEW,
            order=30,
        )
    )
    navigation.register(
        navigation.NavItem(
            navigation.Group.PROGRAMS,
            _("Rewards"),
            "rewards:catalogue",
            "award",
            Perm.LEDGER_VIEW,
            order=20,
        )
    )
    navigation.register(
        navigation.NavItem(
            navigation.Group.PROGRAMS,
            _("Mass adjustments"),
            "rewards:mass-adjustments",
            "files",
            Perm.AUDIT_VIEW,
            order=90,
        )
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


def _setting_up() -> list[navigation.NavItem]:
    group, may = navigation.Group.PROGRAMS, Perm.LEDGER_VIEW
    return [
        navigation.NavItem(group, _("Points & stamps"), "rewards:programs", "coins", may, order=10),
        navigation.NavItem(group, _("Tiers"), "rewards:tiers", "medal", may, order=30),
    ]


def _points() -> Tab:
    return Tab(
        key="points",
        label=_("Points"),
        url_name="rewards:points",
        permission=Perm.LEDGER_VIEW,
        order=30,
        events=(CHANGED,),
    )


def _stamps() -> Tab:
    return Tab(
        key="stamps",
        label=_("Stamps"),
        url_name="rewards:stamps",
        permission=Perm.LEDGER_VIEW,
        order=32,
        events=(CHANGED,),
        offered=_has_stamps,
    )


def _rewards() -> Tab:
    return Tab(
        key="rewards",
        label=_("Rewards"),
        url_name="rewards:customer-rewards",
        permission=Perm.LEDGER_VIEW,
        order=34,
        events=(CHANGED,),
        count=outstanding_count,
    )


def _has_stamps(customer: Customer) -> bool:
    """Whether the store has stamps at all."""
    stamps = Program.objects.filter(kind=Program.Kind.STAMPS)
    return stamps.exclude(status=Program.Status.DRAFT).exists()


def _balances() -> Facts:
    return Facts(
        key="balances",
        url_name="rewards:balances",
        permission=Perm.LEDGER_VIEW,
        order=10,
        events=(CHANGED,),
    )


def _is_member(customer: Customer) -> bool:
    """Only members have balances that change."""
    return customer.status == Customer.Status.MEMBER


def _may_climb(customer: Customer) -> bool:
    """Members have tiers, where there is a ladder."""
    return _is_member(customer) and has_ladders()


def _verbs() -> list[Verb]:
    return [
        Verb(
            key="adjust",
            label=_("Adjust balance"),
            icon="diff",
            url_name="rewards:adjust",
            permission=Perm.BALANCE_ADJUST,
            order=20,
            primary=True,
            offered=_is_member,
        ),
        Verb(
            key="spend",
            label=_("Spend"),
            icon="shopping-basket",
            url_name="rewards:spend",
            permission=Perm.BALANCE_SPEND,
            order=30,
            offered=_is_member,
        ),
        Verb(
            key="tier",
            label=_("Change tier"),
            icon="medal",
            url_name="rewards:tier-change",
            permission=Perm.TIER_CHANGE,
            order=36,
            offered=_may_climb,
        ),
        Verb(
            key="explain",
            label=_("Explain"),
            icon="message-square-text",
            url_name="rewards:explain",
            permission=Perm.LEDGER_VIEW,
            order=40,
        ),
    ]
