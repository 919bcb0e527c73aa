"""What the customer's page is made of: registries that apps fill in `AppConfig.ready()`.

The page composes by URL. Every piece names a URL that takes the customer's id, is served by
its own app under its own permission, and is shown only to actors who hold that permission.
Views of tabs end with `loyalty_admin.common.profile.render_panel`, views of facts and asides
with `render_part`; verbs are dialogs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.urls import reverse
from django.utils.functional import Promise

from customers.models import Customer
from loyalty_admin.common.actor import Actor

Text = str | Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A URL of the page: shown to actors with the permission; lower `order` comes first.

    `events` are the domain events on which it loads itself again (`ledger-changed`,
    `activity-changed`, `contact-changed`).
    """

    key: str
    url_name: str
    permission: str
    order: int = 100
    events: tuple[str, ...] = ()

    def url(self, customer_id: int) -> str:
        """Where this piece of this customer's page is."""
        return reverse(self.url_name, args=[customer_id])

    @property
    def trigger(self) -> str:
        """The `hx-trigger` that loads the piece again when its events happen."""
        return ", ".join(f"{event} from:body" for event in self.events)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab(Piece):
    """A tab; the first one that the actor may see opens with the page.

    `count` answers the small number after the label, with one query at most. `offered` hides
    the tab where the store has nothing to show in it; its URL works all the same.
    """

    label: Text
    count: Callable[[int], int | None] | None = None
    offered: Callable[[Customer], bool] = lambda customer: True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts(Piece):
    """An app's facts in the strip under the head: a `<dl class="facts">`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside(Piece):
    """A card to the right of the panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb(Piece):
    """A button in the head that opens a dialog; `offered` hides it where it makes no sense.

    `tucked` ones stand in a menu behind the buttons: what is rare, or hard to take back.
    """

    label: Text
    icon: str
    primary: bool = False
    tucked: bool = False
    danger: bool = False
    offered: Callable[[Customer], bool] = lambda customer: True


P = TypeVar("P", bound=Piece)


class Registry(Generic[P]):
    """The pieces of one kind by their key; registering a key again replaces it."""

    def __init__(self) -> None:
        self._pieces: dict[str, P] = {}

    def __call__(self, *pieces: P) -> None:
        """Add pieces."""
        for piece in pieces:
            self._pieces[piece.key] = piece

    def __getitem__(self, key: str) -> P:
        """The piece with this key. Raises KeyError."""
        return self._pieces[key]

    def open_to(self, actor: Actor) -> list[P]:
        """The pieces that this actor may see, in the order in which they stand."""
        pieces = sorted(self._pieces.values(), key=lambda piece: (piece.order, piece.key))
        return [piece for piece in pieces if actor.may(piece.permission)]


register_tab: Registry[Tab] = Registry()
register_facts: Registry[Facts] = Registry()
register_aside: Registry[Aside] = Registry()
register_verb: Registry[Verb] = Registry()
