"""Searching customers: any part of anything that is known of them, accents and case blind.

`search_text` holds all of it, normalised, under one trigram index. Three things keep every
search quick at a million customers:

- Newest first is asked in two steps. Most searches are answered by the newest few thousand
  customers; only when those hold too few is the trigram index asked, without an order, and
  what it finds is sorted. In one step the planner would walk the join-date index back for
  seconds whenever a common term belongs to old customers only.
- Terms are literals in the statement (settings: no server-side binding, nothing prepared),
  because a plan that doesn't know the term is a plan for the wrong term.
- Trigrams need three letters or digits in a row. Shorter terms find how a name begins, and
  whole ids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from customers.contacts import phone_or_none
from customers.models import Customer
from loyalty_admin.common.paging import AFTER, BEFORE, Page, decode_cursor, encode_cursor

MAX_LENGTH = 200
PROBED = 10_000
"""How many of the newest customers are looked at before the index is asked."""
MIN_PHONE_DIGITS = 7
LOCAL_PART_END = 8
"""How many characters before the @ of an e-mail address go to the index: trigrams of the
domain stand in half of all rows, so comparing them costs more than it saves."""

_LONG = re.compile(r"[^\W_]{3}")
_PHONE = re.compile(r"[+\d][\d\s()./-]*")
_COLUMNS = "id, external_id, name, document, language, status, joined_at, created_at, listed_at"

_SEARCH = """
WITH newest AS MATERIALIZED (
    SELECT id, listed_at FROM (
        SELECT id, listed_at, search_text FROM customers_customer
        WHERE {cursor} ORDER BY listed_at {way}, id {way} LIMIT {probed}
    ) probed WHERE {matches} ORDER BY listed_at {way}, id {way} LIMIT {limit}
), enough AS MATERIALIZED (
    SELECT count(*) = {limit} AS yes FROM newest
), found AS (
    SELECT id, listed_at FROM newest WHERE (SELECT yes FROM enough)
    UNION ALL (
        SELECT id, listed_at FROM (
            SELECT id, listed_at FROM customers_customer
            WHERE {matches} AND {cursor} AND NOT (SELECT yes FROM enough) OFFSET 0
        ) indexed ORDER BY listed_at {way}, id {way} LIMIT {limit}
    )
)
SELECT {columns} FROM customers_customer WHERE id IN (SELECT id FROM found)
ORDER BY listed_at {way}, id {way}
"""

_STARTS = f"""
SELECT {_COLUMNS} FROM customers_customer WHERE id IN (
    SELECT id FROM customers_customer WHERE external_id = %(text)s OR document = %(text)s
    UNION ALL (
        SELECT id FROM customers_customer
        WHERE left(search_text, 12)
                LIKE substr(search_pattern(left(search_normal(%(text)s), 12)), 2)
            AND search_text LIKE substr(search_pattern(%(text)s), 2)
        ORDER BY left(search_text, 12) USING ~<~ LIMIT %(limit)s
    )
) ORDER BY name, id
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, as the search takes it: every word has to be there somewhere."""

    text: str
    words: tuple[str, ...]

    @property
    def is_short(self) -> bool:
        """Whether no word has the three letters or digits that the index needs."""
        return not any(_LONG.search(word) for word in self.words)


def query_of(typed: str) -> Query:
    """The query in what was typed. A phone number is one word, in any writing."""
    text = " ".join(typed.replace("\0", " ").split())[:MAX_LENGTH]
    if digits := phone_digits(text):
        return Query(text, (digits,))
    words = (word.lstrip("+") if word[1:].isdecimal() else word for word in text.split())
    return Query(text, tuple(dict.fromkeys(words)))


def phone_digits(text: str) -> str:
    """The digits by which a phone number is found, or "" when the text looks like none.

    Without the zeros that stand for “abroad” or for a trunk line: stored numbers have the
    country code instead, so the rest is a part of them.
    """
    digits = "".join(character for character in text if character.isdecimal())
    looks_like_one = _PHONE.fullmatch(text) and len(digits) >= MIN_PHONE_DIGITS
    return digits.lstrip("0") if looks_like_one else ""


def search_page(query: Query, params: Mapping[str, str], size: int) -> Page[Customer]:
    """A page of the customers that match, newest joiners first, in one statement.

    A short query is answered by name, `size` at most, without further pages. `params`
    carry the cursor as for `keyset_page`. Raises InvalidInput for a damaged one.
    """
    if query.is_short:
        return Page(rows=starting_with(query, size), newer=None, older=None)
    backwards = bool(params.get(BEFORE))
    cursor = params.get(BEFORE) or params.get(AFTER)
    rows = _found(query, decode_cursor(cursor, 2) if cursor else (), backwards, size + 1)
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    has_newer = more if backwards else bool(cursor)
    has_older = bool(rows) if backwards else more
    return Page(
        rows=rows,
        newer=_cursor_of(rows[0]) if rows and has_newer else None,
        older=_cursor_of(rows[-1]) if rows and has_older else None,
    )


def starting_with(query: Query, limit: int) -> list[Customer]:
    """Whose name begins with the text, or whose external id or document is the text."""
    if not query.text:
        return []
    return list(Customer.objects.raw(_STARTS, {"text": query.text, "limit": limit}))[:limit]


def exact_matches(query: Query) -> list[Customer]:
    """Whose external id, document, e-mail address or phone number is exactly this."""
    text = query.text
    documents = {text, text.upper(), re.sub(r"[\W_]", "", text).upper()}
    values = {text.lower(), phone_or_none(text) or text.lower()}
    return list(
        Customer.objects.raw(
            f"""
            SELECT {_COLUMNS} FROM customers_customer WHERE id IN (
                SELECT id FROM customers_customer WHERE external_id = ANY(%s)
                UNION SELECT id FROM customers_customer WHERE document = ANY(%s)
                UNION SELECT customer_id FROM activity_contactpoint WHERE value = ANY(%s)
            ) ORDER BY listed_at DESC, id DESC LIMIT 20
            """,
            [[text, text.upper()], [d for d in documents if d], list(values)],
        )
    )


def _found(query: Query, cursor: Sequence[object], backwards: bool, limit: int) -> list[Customer]:
    conditions, terms = conditions_of(query.words)
    statement = _SEARCH.format(
        columns=_COLUMNS,
        matches=" AND ".join(conditions),
        cursor=f"(listed_at, id) {'>' if backwards else '<'} (%s, %s)" if cursor else "true",
        way="ASC" if backwards else "DESC",
        probed=PROBED,
        limit=limit,
    )
    return list(Customer.objects.raw(statement, [*cursor, *terms, *terms, *cursor]))


def conditions_of(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """SQL conditions on `search_text` with their parameters, one or two for each word."""
    conditions, parameters = [], []
    for word in words:
        local, at, _domain = word.rpartition("@")
        indexed = local[-LOCAL_PART_END:] + at if _LONG.search(local) else word
        if _LONG.search(indexed):
            conditions.append("search_text LIKE search_pattern(%s)")
            parameters.append(indexed)
        if indexed != word or not _LONG.search(word):
            # In a form that no index answers, so that the planner does not try.
            conditions.append("position(search_normal(%s) IN search_text) > 0")
            parameters.append(word)
    return conditions, parameters


def _cursor_of(customer: Customer) -> str:
    return encode_cursor([customer.listed_at, customer.pk])
