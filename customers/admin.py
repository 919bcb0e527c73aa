"""Customers and orders in the Django admin: to be looked at, because only actions write them."""

from django.contrib import admin

from customers.models import Customer, Order, OrderLine, Refund, RefundLine
from loyalty_admin.common.admin import ReadOnlyAdmin, show_read_only

show_read_only(Customer, text_search=("external_id", "document"))
show_read_only(Order, Refund, text_search=("number",))
show_read_only(RefundLine)


@admin.register(OrderLine)
class OrderLineAdmin(ReadOnlyAdmin):
    """Found by their order's id; only its own key and that one are indexed."""

    number_search = ("pk", "order_id")
