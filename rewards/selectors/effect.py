"""What a rule would have earned: the last days of real orders, by what it says and by a draft."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.db.models import Q
from django.utils import timezone

from customers.models import Customer
from rewards.models import EarningRuleVersion, Program
from rewards.selectors.tiers import MULTIPLIER_AT
from rewards.selectors.words import Terms

DAYS = 30
MOST_ORDERS = 50_000
"""No more than the newest so many are looked at, so that an answer never takes long."""

Trigger = EarningRuleVersion.Trigger


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often a rule earned, what, and for how many customers."""

    times: int = 0
    units: int = 0
    customers: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a rule earned by what it says now, and what it would have by the draft.

    `looked_at` counts the members' orders (or events) that were looked at; `more` and `fewer`
    the customers who would have earned more and less.
    """

    now: Outcome
    draft: Outcome
    more: int
    fewer: int
    looked_at: int

    @property
    def is_partial(self) -> bool:
        """Whether there were more orders than anybody would wait for."""
        return self.looked_at >= MOST_ORDERS


_NO_TIERS = "CROSS JOIN (SELECT NULL::numeric AS multiplier) AS stood"

# The arithmetic is that of `rewards.rules`; a test holds the two together.
_WHAT_IF = """
WITH newest AS (
    SELECT o.id, o.customer_id, o.placed_at, o.currency, o.total, s.code AS store,
           s.kind AS channel, (o.placed_at AT TIME ZONE %(zone)s)::date AS day
    FROM customers_order AS o
    JOIN customers_customer AS c ON c.id = o.customer_id AND c.status = 'member'
    JOIN staff_store AS s ON s.id = o.store_id
    WHERE o.placed_at > %(since)s AND o.placed_at <= %(now)s
      AND o.status IN ('completed', 'partly')
    ORDER BY o.placed_at DESC, o.id DESC LIMIT %(most)s
), sale AS MATERIALIZED (
    SELECT newest.*, coalesce(stood.multiplier, 1) AS multiplier FROM newest {stood}
), terms AS (
    SELECT * FROM jsonb_to_recordset(%(terms)s) AS t (
        is_draft boolean, measure text, units bigint, per numeric, currency text,
        categories text[], skus text[], stores text[], channels text[],
        starts_at timestamptz, ends_at timestamptz, multiplied_by_tier boolean,
        cap_per_order bigint, cap_per_day bigint, cap_per_customer bigint)
), measured AS MATERIALIZED (
    SELECT t.is_draft, t.units, t.per, t.cap_per_order, t.cap_per_day, t.cap_per_customer,
           sale.id, sale.customer_id, sale.placed_at, sale.day,
           CASE WHEN t.multiplied_by_tier THEN sale.multiplier ELSE 1 END AS times,
           CASE WHEN t.measure = 'amount' AND t.categories = '{{}}' AND t.skus = '{{}}'
                THEN sale.total
                ELSE (SELECT CASE t.measure WHEN 'amount' THEN coalesce(sum(l.total), 0)
                                            WHEN 'items' THEN coalesce(sum(l.quantity), 0)
                                            ELSE least(count(*), 1) END
                      FROM customers_orderline AS l
                      WHERE l.order_id = sale.id
                        AND (t.categories = '{{}}' OR l.category = ANY(t.categories))
                        AND (t.skus = '{{}}' OR l.sku = ANY(t.skus))) END AS base
    FROM sale
    JOIN terms AS t
        ON t.currency = sale.currency
       AND (t.stores = '{{}}' OR sale.store = ANY(t.stores))
       AND (t.channels = '{{}}' OR sale.channel = ANY(t.channels))
       AND (t.starts_at IS NULL OR t.starts_at <= sale.placed_at)
       AND (t.ends_at IS NULL OR sale.placed_at < t.ends_at)
), counted AS (
    SELECT *, least(cap_per_order, {multiplied}) AS by_order
    FROM (SELECT *, units * {steps} AS given FROM measured) AS stepped
), by_day AS (
    SELECT *, greatest(least(by_order, cap_per_day - (sum(by_order) OVER days - by_order)), 0)
        AS on_day
    FROM counted WINDOW days AS (PARTITION BY is_draft, customer_id, day ORDER BY placed_at, id)
), granted AS (
    SELECT is_draft, customer_id,
           greatest(least(on_day, cap_per_customer - (sum(on_day) OVER ever - on_day)), 0) AS units
    FROM by_day WINDOW ever AS (PARTITION BY is_draft, customer_id ORDER BY placed_at, id)
), each_customer AS (
    SELECT count(*) FILTER (WHERE NOT is_draft AND units > 0) AS times_now,
           count(*) FILTER (WHERE is_draft AND units > 0) AS times_draft,
           coalesce(sum(units) FILTER (WHERE NOT is_draft), 0) AS units_now,
           coalesce(sum(units) FILTER (WHERE is_draft), 0) AS units_draft
    FROM granted GROUP BY customer_id
)
SELECT coalesce(sum(times_now), 0), coalesce(sum(units_now), 0),
       count(*) FILTER (WHERE units_now > 0),
       coalesce(sum(times_draft), 0), coalesce(sum(units_draft), 0),
       count(*) FILTER (WHERE units_draft > 0),
       count(*) FILTER (WHERE units_draft > units_now),
       count(*) FILTER (WHERE units_draft < units_now),
       (SELECT count(*) FROM sale)
FROM each_customer
"""
_STEPS = {
    Program.Rounding.DOWN: "div(base, per)",
    Program.Rounding.NEAREST: "div(2 * base + per, 2 * per)",
    Program.Rounding.UP: "div(base, per) + (mod(base, per) > 0)::int",
}
_MULTIPLIED = {
    Program.Rounding.DOWN: "floor(given * times)",
    Program.Rounding.NEAREST: "floor(given * times + 0.5)",
    Program.Rounding.UP: "ceil(given * times)",
}
_ASKED = (
    "measure", "units", "per", "currency", "categories", "skus", "stores", "channels",
    "starts_at", "ends_at", "multiplied_by_tier", "cap_per_order", "cap_per_day",
    "cap_per_customer",
)  # fmt: skip


def compare_rule(program: Program, current: Terms | None, draft: Terms | None) -> Comparison | None:
    """The last 30 days by what a rule says now and by a draft of it. One query.

    None stands for no rule. Caps per customer count those days alone. Answers None where
    nothing of the past says how often it will happen.
    """
    said = draft or current
    trigger = said.trigger if said else Trigger.ORDER
    if trigger == Trigger.ORDER:
        return _by_orders(program, current, draft)
    if trigger in (Trigger.SIGN_UP, Trigger.BIRTHDAY):
        return _by_events(current, draft, trigger)
    return None


def _by_orders(program: Program, current: Terms | None, draft: Terms | None) -> Comparison:
    rounding, now = Program.Rounding(program.rounding), timezone.now()
    stood = _NO_TIERS
    if program.tier_basis != Program.TierBasis.NONE and program.pk:
        stood = MULTIPLIER_AT.format(
            customer="newest.customer_id", program="%(program)s", at="newest.placed_at"
        )
    steps, multiplied = f"({_STEPS[rounding]})", _MULTIPLIED[rounding]
    query = _WHAT_IF.format(stood=stood, steps=steps, multiplied=multiplied)
    values = {
        "program": program.pk,
        "zone": settings.STORE_TIME_ZONE,
        "since": now - timedelta(days=DAYS),
        "now": now,
        "most": MOST_ORDERS,
        "terms": _json(current, draft),
    }
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = [int(value) for value in cursor.fetchone()]
    return Comparison(Outcome(*row[:3]), Outcome(*row[3:6]), row[6], row[7], row[8])


def _json(current: Terms | None, draft: Terms | None) -> str:
    rows = [
        {"is_draft": is_draft} | {name: getattr(terms, name) for name in _ASKED}
        for terms, is_draft in ((current, False), (draft, True))
        if terms is not None
    ]
    return json.dumps(rows, cls=DjangoJSONEncoder)


def _by_events(current: Terms | None, draft: Terms | None, trigger: str) -> Comparison:
    now = timezone.now()
    times: dict[str, Outcome] = {}
    for key, terms in (("now", current), ("draft", draft)):
        if terms is None:
            times[key] = Outcome()
            continue
        since = max(filter(None, [now - timedelta(days=DAYS), terms.starts_at]))
        until = min(filter(None, [now, terms.ends_at]))
        count = _happened(trigger, since, until) if since < until else 0
        caps = (terms.cap_per_day, terms.cap_per_customer)
        each = min([terms.units, *(cap for cap in caps if cap is not None)])
        times[key] = Outcome(count, count * each, count)
    before, after = times["now"], times["draft"]
    changed = max(before.customers, after.customers)
    return Comparison(
        before,
        after,
        more=changed if after.units > before.units else 0,
        fewer=changed if after.units < before.units else 0,
        looked_at=changed,
    )


def _happened(trigger: str, since: datetime, until: datetime) -> int:
    """How many members joined, or had their birthday, between the two."""
    members = Customer.objects.filter(status=Customer.Status.MEMBER)
    if trigger == Trigger.SIGN_UP:
        # Who joined is listed at that moment, and that has an index.
        return members.filter(
            listed_at__gt=since, listed_at__lte=until, joined_at__gt=since
        ).count()
    first, days = timezone.localdate(since), Q(pk__in=())
    for offset in range((timezone.localdate(until) - first).days):
        day = first + timedelta(days=offset + 1)
        days |= Q(birth_date__month=day.month, birth_date__day=day.day)
    return members.filter(days, birth_date__isnull=False).count()
