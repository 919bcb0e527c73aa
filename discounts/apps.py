"""Offers and the codes that are made from them."""

from django.apps import AppConfig


class DiscountsConfig(AppConfig):
    """Coupon designs, and codes that customers use once."""

    name = "discounts"
