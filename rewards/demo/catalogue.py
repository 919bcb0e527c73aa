"""What the demo's shop is: its stores, its people, its reasons, its rules and its shelves."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from loyalty_admin.staff.models import Store
from loyalty_admin.staff.permissions import Role

STORES = (
    ("gran-via", "Gran Vía", Store.Kind.SHOP),
    ("retiro", "Retiro", Store.Kind.SHOP),
    ("valencia", "Valencia", Store.Kind.SHOP),
    ("web", "Web shop", Store.Kind.WEB),
)

REASONS = (
    ("guest-checkout", "Guest checkout"),
    ("missing-points", "Missing points"),
    ("late-delivery", "Late delivery"),
    ("damaged-item", "Damaged item"),
    ("goodwill", "Goodwill"),
    ("counter-mistake", "Counter mistake"),
    ("other", "Other"),
)

AGENT, LEAD = "Marta", "Luis"

STAFF = {
    "Support agent": (AGENT, Role.AGENT),
    "Team lead": (LEAD, Role.LEAD),
    "Store admin": ("Inés", Role.STORE_ADMIN),
    "Auditor": ("Tomás", Role.AUDITOR),
    "Superuser": ("Root", Role.STORE_ADMIN),
}
"""Who signs in, by the names of the roles in `settings.DEMO_SIGN_INS`."""

CURRENCY = "EUR"
COFFEE = "COFFEE"


@dataclass(frozen=True, slots=True)
class Product:
    """Something on a shelf, with its price for one piece, or for one kg when weighed."""

    sku: str
    name: str
    category: str
    price: Decimal
    weighed: bool = False


def _shelf(category: str, prefix: str, *products: tuple[str, str]) -> tuple[Product, ...]:
    return tuple(
        Product(f"{prefix}-{number}", name, category, Decimal(price))
        for number, (name, price) in enumerate(products, start=101)
    )


LOOSE_TEA = Product("T-200", "Darjeeling, loose", "TEA", Decimal("58.00"), weighed=True)

COFFEES = _shelf(
    COFFEE,
    "C",
    ("Ethiopia Yirgacheffe, 250 g", "9.90"),
    ("Colombia Huila, 250 g", "8.50"),
    ("House espresso, 1 kg", "24.90"),
    ("Decaf Sumatra, 250 g", "9.20"),
    ("Café con leche", "2.40"),
    ("Flat white", "3.10"),
    ("Cortado", "1.90"),
)

OTHERS = (
    LOOSE_TEA,
    *_shelf(
        "TEA",
        "T",
        ("Earl Grey, 20 bags", "5.40"),
        ("Sencha, 100 g", "11.80"),
        ("Rooibos vanilla, 100 g", "7.20"),
        ("Chai latte", "3.60"),
    ),
    *_shelf(
        "CUPS",
        "P",
        ("Stoneware cup", "12.50"),
        ("Set of two espresso cups", "18.90"),
        ("Glass teapot, 0.8 l", "29.90"),
        ("Travel mug", "21.00"),
    ),
    *_shelf(
        "SWEETS",
        "S",
        ("Butter croissant", "1.80"),
        ("Carrot cake, slice", "4.20"),
        ("Almond turrón, 200 g", "8.90"),
        ("Oat biscuits", "3.90"),
    ),
)

GEAR = _shelf(
    "GEAR",
    "G",
    ("Hand grinder", "64.00"),
    ("Moka pot, 6 cups", "34.50"),
    ("Paper filters, 100", "4.90"),
    ("Milk jug", "16.90"),
)

SAMPLE = Product("X-001", "Sample of the month", "GIFTS", Decimal("4.50"))
