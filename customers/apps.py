"""Customers and their orders."""

from django.apps import AppConfig


class CustomersConfig(AppConfig):
    """Customers, orders, search and the profile page that other apps add panels to."""

    name = "customers"
