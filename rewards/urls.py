"""Where the rewards pages are."""

from django.urls import path

from rewards.views import balances, checks, explain, facts, points, stamps, undo

app_name = "rewards"

urlpatterns = [
    path("customers/<int:customer_id>/points/", points.panel, name="points"),
    path("customers/<int:customer_id>/stamps/", stamps.panel, name="stamps"),
    path("customers/<int:customer_id>/balances/", facts.facts, name="balances"),
    path("customers/<int:customer_id>/adjust/", balances.adjust, name="adjust"),
    path(
        "customers/<int:customer_id>/adjust/preview/",
        balances.adjust_preview,
        name="adjust-preview",
    ),
    path("customers/<int:customer_id>/spend/", balances.spend, name="spend"),
    path(
        "customers/<int:customer_id>/spend/preview/", balances.spend_preview, name="spend-preview"
    ),
    path("customers/<int:customer_id>/explain/", explain.dialog, name="explain"),
    path("customers/<int:customer_id>/operations/<int:operation_id>/undo/", undo.undo, name="undo"),
    path("ledger-checks/", checks.checks, name="checks"),
]
