"""Where customers and orders are."""

from django.urls import path

from customers.views import customers, find, orders, profile

app_name = "customers"

urlpatterns = [
    path("find/", find.find_anything, name="find"),
    path("customers/", customers.customer_list, name="list"),
    path("customers/<int:customer_id>/", profile.profile, name="profile"),
    path("customers/<int:customer_id>/orders/", orders.orders, name="orders"),
    path("customers/<int:customer_id>/details/", profile.details, name="details"),
    path("orders/", orders.order_list, name="order_list"),
    path("orders/<int:order_id>/", orders.order, name="order"),
]
