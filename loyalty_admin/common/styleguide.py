"""Every component in every state on one page, for whoever works on the look. DEBUG only."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from loyalty_admin.common.htmx import is_fragment

REASONS = [("late", "Late delivery"), ("damaged", "Damaged item"), ("missing", "Missing points")]
CHANNELS = [("email", "E-mail · blocked"), ("sms", "SMS"), ("copy", "Copy for chat")]
REWARDS = [
    ("five", "€5 off · 500 points"),
    ("coffee", "Free coffee · 300 points"),
    ("mug", "Mug · 2,000 points, 760 missing"),
]


class BlockedEmail(forms.RadioSelect):
    """Radio buttons of which the first can't be had."""

    blocked = ("email", "mug")

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The option, disabled when it can't be had."""
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        if value in self.blocked:
            option["attrs"]["disabled"] = True
        return option


class ExampleForm(forms.Form):
    """One field of each kind."""

    amount = forms.IntegerField(label="Points", help_text="Negative takes away.", min_value=-5000)
    reason = forms.ChoiceField(label="Reason", choices=REASONS)
    ticket = forms.CharField(label="Ticket or order", required=False)
    expires = forms.DateField(
        label="Expires", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    note = forms.CharField(
        label="Internal note",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Only staff see this.",
    )
    channel = forms.ChoiceField(label="Deliver by", choices=CHANNELS, widget=BlockedEmail)
    reward = forms.ChoiceField(label="Reward", choices=REWARDS, widget=BlockedEmail)
    notify = forms.BooleanField(
        label="Tell the customer", required=False, help_text="By SMS, in Spanish."
    )


def _line(minutes: int, icon: str, tone: str, title: str, body: str, **more: Any) -> dict[str, Any]:
    at = timezone.now() - dt.timedelta(minutes=minutes)
    return {
        "icon": icon, "tone": tone, "title": title, "body": body, "occurred_at": at, **more
    }  # fmt: skip


def _lines() -> list[dict[str, Any]]:
    dialog = reverse("styleguide-dialog", args=["adjust"])
    return [
        _line(
            12,
            "mail-x",
            "bad",
            "Coupon e-mail blocked",
            "“Your €5 reward” to ana.perez@example.com. The mailbox does not exist (550 5.1.1)",
            chips=[{"label": "Blocked", "tone": "bad"}],
            actions=[{"label": "View", "url": "#"}, {"label": "Resend", "url": "#"}],
        ),
        _line(
            14,
            "star",
            "accent",
            "Redeemed 500 points for €5 off",
            "Code GLD-7KQ4-M2XP · usable until 22 Dec · balance 1,740 → 1,240",
            actions=[{"label": "Cancel redemption", "url": dialog, "dialog": True}],
        ),
        _line(
            40,
            "plus",
            "ok",
            "Earned 62 points, 1 stamp",
            "Order #10482 · Gran Vía store · €62.40, of which €58.90 earns",
            url="#",
            chips=[{"label": "Pending until 3 Dec", "tone": ""}],
            details='{\n  "order": "10482",\n  "points": 62\n}',
        ),
        _line(
            55,
            "pencil",
            "info",
            "Note",
            "Called about a broken cup. Sent goodwill coupon, told her it lasts 30 days.",
            actor="Marta",
        ),
        _line(
            70,
            "diff",
            "",
            "Points adjusted by +40",
            "Internal: guest checkout of #10433. Customer sees “Manual adjustment”. "
            "Expires 19 Nov 2027",
            actor="Marta",
            actions=[{"label": "Undo", "url": reverse("styleguide"), "post": True}],
        ),
    ]


def _context() -> dict[str, Any]:
    invalid = ExampleForm({"amount": "a lot", "expires": "tomorrow", "channel": "sms"})
    invalid.add_error(None, "The balance changed while this was open. Look again and repeat.")
    return {
        "form": ExampleForm(
            initial={"channel": "sms", "reward": "five", "amount": 40}, auto_id="ok_%s"
        ),
        "invalid": invalid,
        "lines": _lines(),
        "now": timezone.now(),
        "facts": [
            {"label": "Points", "value": "1,240", "hint": "200 expire on 4 Dec · 90 pending"},
            {"label": "Coffee card", "value": 7, "of": "of 10", "stamps": [True] * 7 + [False] * 3},
            {"label": "Tier", "value": "Gold", "hint": "€180 more to Platinum"},
            {"label": "Usable codes", "value": 2, "hint": "next expires in 3 days"},
            {"label": "Goodwill, 90 days", "value": "€15.00", "hint": "2 coupons · 1 redeemed"},
        ],
        "tabs": [
            {"label": label, "count": count, "url": "#", "current": label == "Activity"}
            for label, count in (
                ("Activity", None),
                ("Discount codes", 5),
                ("Points", None),
                ("Stamps", None),
                ("Rewards", 3),
                ("Orders", 41),
                ("Messages", 12),
                ("Details", None),
            )
        ],
        "verdicts": [
            {"ok": True, "text": "Redemption was made today 10:42"},
            {"ok": True, "text": "Code GLD-7KQ4-M2XP is usable"},
            {"ok": False, "text": "E-mail blocked: mailbox does not exist"},
            {"ok": None, "text": "SMS to +34 612 345 678 was not tried"},
        ],
        "happens": [
            "Balance 1,240 → 1,280 points",
            "The 40 points expire on 22 Nov 2027",
            "SMS to +34 612 345 678, in Spanish, 1 segment",
        ],
        **_listed(),
    }


def _listed() -> dict[str, Any]:
    """The examples of tables, menus and dialogs."""
    return {
        "rows": [
            ("AP", "Ana Pérez", "ana.perez@example.com", "bad", "Member", "ok", "Gold", 1240),
            ("JT", "James Turner", "j.turner@example.org", "ok", "Member", "ok", "Silver", 310),
            ("LM", "Lucía Méndez", "lucia.m@example.com", "ok", "Guest", "", "–", 0),
            ("SR", "Sofía Ruiz", "sofia.ruiz@example.com", "ok", "Removed", "bad", "–", 12905),
        ],
        "page": {
            "has_newer": True, "has_older": True, "newer_url": "#", "older_url": "#",
            "summary": "51 to 100",
        },
        "items": [("Document", "DNI 12345678Z"), ("Joined", "12 Mar 2024"), ("Store", None)],
        "menu_items": [
            {"label": "Edit details", "url": "#", "icon": "pencil"},
            {"label": "Remove from the programme", "url": "#", "icon": "user-x", "danger": True},
        ],
        "empty_url": reverse("styleguide-dialog", args=["adjust"]),
        "confirm_url": reverse("styleguide-dialog", args=["confirm"]),
        "pieces_url": reverse("styleguide-dialog", args=["broken"]),
    }  # fmt: skip


def styleguide(request: HttpRequest) -> HttpResponse:
    """The page itself; a POST answers as an act that worked, with an Undo."""
    _debug_only()
    if request.method == "POST":
        context = {"message": "Points adjusted by +40: 1,280.", "undo_url": reverse("styleguide")}
        if is_fragment(request):
            return render(request, "components/toast_partial.html", context)
        messages.success(request, context["message"], extra_tags=context["undo_url"])
    return render(request, "styleguide/page.html", _context())


def dialog(request: HttpRequest, kind: str) -> HttpResponse:
    """The example dialogs: `adjust`, `confirm`, and `broken`, which fails as a server would."""
    _debug_only()
    if kind == "broken":
        return HttpResponse("Internal error", status=500)
    if kind not in {"adjust", "confirm"}:
        raise Http404
    invalid = request.method == "POST"
    form = ExampleForm(
        request.POST or None, initial={"channel": "sms", "amount": 40}, auto_id="dialog_%s"
    )
    part = "#dialog" if is_fragment(request) else ""
    return render(
        request,
        f"styleguide/{kind}.html{part}",
        {**_context(), "form": form, "url": request.path},
        status=422 if invalid else 200,
    )


def _debug_only() -> None:
    if not settings.DEBUG:
        raise Http404
