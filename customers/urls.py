"""Where customers and orders are."""

from django.urls import path

from customers.views import claims, customers, find, membership, orders, profile

app_name = "customers"

urlpatterns = [
    path("find/", find.find_anything, name="find"),
    path("customers/", customers.customer_list, name="list"),
    path("customers/<int:customer_id>/", profile.profile, name="profile"),
    path("customers/<int:customer_id>/orders/", orders.orders, name="orders"),
    path("customers/<int:customer_id>/details/", profile.details, name="details"),
    path("customers/<int:customer_id>/enrol/", membership.enrol, name="enrol"),
    path("customers/<int:customer_id>/remove/", membership.remove, name="remove"),
    path("customers/<int:customer_id>/claim/", claims.claim, name="claim"),
    path("customers/<int:customer_id>/claims/<int:claim_id>/undo/", claims.undo, name="claim-undo"),
    path("orders/", orders.order_list, name="order_list"),
    path("orders/<int:order_id>/", orders.order, name="order"),
    path("orders/<int:order_id>/claim/", claims.claim_for, name="claim-for"),
]
