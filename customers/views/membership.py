"""CU-7: enrol, take out of the programme, enrol again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from customers.actions.customers import enrol_customer, remove_customer
from customers.forms import EnrolForm, RemoveForm
from customers.models import Customer
from customers.page import customer_of
from loyalty_admin.common.errors import DomainError, NotFound
from loyalty_admin.common.htmx import render
from loyalty_admin.staff.permissions import Perm, requires


@requires(Perm.CUSTOMERS_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def enrol(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Make a guest a member, or bring back who was taken out."""
    customer = customer_of(request, customer_id)
    sent = request.POST if request.method == "POST" else None
    form = EnrolForm(sent, initial={"birth_date": customer.birth_date})
    if form.is_valid():
        try:
            enrolled = enrol_customer(
                actor=request.actor,  # type: ignore[attr-defined]
                customer_id=customer.pk,
                **form.cleaned_data,
            )
        except NotFound as error:
            raise Http404(error.message) from error
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        else:
            return _whole_page(request, enrolled, _("%s is a member.") % enrolled)
    return _dialog(request, "enrol", customer, form, _what_enrolling_does(customer))


@requires(Perm.CUSTOMERS_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, customer_id: int) -> HttpResponse:
    """Take a member out of the programme, after saying what that means."""
    customer = customer_of(request, customer_id)
    form = RemoveForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            removed = remove_customer(
                actor=request.actor,  # type: ignore[attr-defined]
                customer_id=customer.pk,
                **form.cleaned_data,
            )
        except NotFound as error:
            raise Http404(error.message) from error
        except DomainError as error:
            form.add_error(error.field if error.field in form.fields else None, error.message)
        else:
            message = _("%s was taken out of the programme. They can be enrolled again.")
            return _whole_page(request, removed, message % removed)
    lines = [
        _("Orders earn nothing any more."),
        _("Balances, rewards and codes stand still: nothing is spent, and nothing expires."),
        _("Nothing is deleted: enrolling again brings everything back."),
    ]
    return _dialog(request, "remove", customer, form, lines)


def _what_enrolling_does(customer: Customer) -> list[str]:
    if customer.status == Customer.Status.REMOVED:
        return [
            _("Orders earn again from now on."),
            _("Balances, rewards and tier are as they were when they left."),
            _("What fell due meanwhile stays for the program's grace."),
        ]
    return [
        _("Orders earn from now on."),
        _("Orders from before can be claimed one by one."),
        _("What the programme gives for signing up is credited at once."),
    ]


def _dialog(
    request: HttpRequest, act: str, customer: Customer, form: forms.Form, lines: Sequence[str]
) -> HttpResponse:
    context: dict[str, Any] = {
        "customer": customer,
        "form": form,
        "lines": lines,
        "again": customer.status == Customer.Status.REMOVED,
        "action_url": reverse(f"customers:{act}", args=[customer.pk]),
        "close_url": reverse("customers:profile", args=[customer.pk]),
    }
    status = 422 if form.errors else 200
    return render(request, f"customers/{act}.html", context, partial="dialog", status=status)


def _whole_page(request: HttpRequest, customer: Customer, message: str) -> HttpResponse:
    """The customer's page anew: what a member may do and what a guest may differs all over it."""
    messages.success(request, message)
    url = reverse("customers:profile", args=[customer.pk])
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(url)
    return redirect(url)
