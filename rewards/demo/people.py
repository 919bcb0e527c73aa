"""Who shops here: names of many origins, with the contacts and papers that go with them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

import factory
from factory.random import randgen

SPELLING = str.maketrans(
    {"ł": "l", "ß": "ss", "ø": "o", "æ": "ae", "đ": "d", "ọ": "o", "ş": "s", "ı": "i"}
)
DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
STREETS = (
    ("Calle de Alcalá", "28014 Madrid"),
    ("Calle de Atocha", "28012 Madrid"),
    ("Paseo de las Delicias", "28045 Madrid"),
    ("Calle de Ibiza", "28009 Madrid"),
    ("Calle de Fuencarral", "28004 Madrid"),
    ("Avenida de la Albufera", "28038 Madrid"),
    ("Carrer de Colón", "46004 València"),
    ("Carrer de Cádiz", "46006 València"),
    ("Avinguda del Port", "46021 València"),
    ("Calle Mayor", "28801 Alcalá de Henares"),
)
UKRAINIAN = (
    ("Oksana", "Taras", "Yuliia", "Andrii", "Solomiia", "Bohdan", "Nadiia", "Mykola"),
    ("Shevchenko", "Kovalenko", "Bondarenko", "Tkachuk", "Mel’nyk", "Hrytsenko", "Lysenko"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A customer to be; `joined` is when they first came, as a member or as a guest."""

    external_id: str
    name: str
    joined: datetime
    email: str = ""
    phone: str = ""
    document: str = ""
    address: str = ""
    language: str = "es"
    member: bool = True


def email_of(name: str) -> str:
    """An address made of the name, in ASCII: `Zoë O'Brien` becomes zoe.obrien@…"""
    plain = unicodedata.normalize("NFKD", name.lower().translate(SPELLING))
    words = ("".join(c for c in word if c.isascii() and c.isalnum()) for word in plain.split())
    return f"{'.'.join(word for word in words if word)}@example.com"


def dni(number: int) -> str:
    """A Spanish identity number with its check letter."""
    return f"{number:08d}{DNI_LETTERS[number % 23]}"


def _address() -> str:
    street, city = randgen.choice(STREETS)
    house, floor, door = randgen.randint(1, 180), randgen.randint(1, 8), randgen.choice("ABCD")
    return f"{street} {house}, {floor}º {door}, {city}"


def _phone(prefix: str, digits: int) -> str:
    return prefix + "".join(randgen.choice("0123456789") for _ in range(digits))


def _of(values: tuple[str, ...]) -> factory.LazyFunction:
    return factory.LazyFunction(lambda: randgen.choice(values))


def _origin(locale: str, language: str, prefix: str, digits: int) -> factory.Trait:
    return factory.Trait(
        first=factory.Faker("first_name", locale=locale),
        last=factory.Faker("last_name", locale=locale),
        language=language,
        # Who moved here mostly has a number from here.
        phone=factory.LazyFunction(
            lambda: _phone("+346", 8) if randgen.random() < 0.6 else _phone(prefix, digits)
        ),
        document=factory.LazyFunction(
            lambda: f"X{(number := randgen.randint(0, 9_999_999)):07d}{DNI_LETTERS[number % 23]}"
        ),
    )


class PersonFactory(factory.Factory):  # type: ignore[misc]
    """Somebody from Madrid or Valencia; the traits make people from elsewhere."""

    class Meta:
        model = Person
        exclude = ("first", "last")

    class Params:
        english = _origin("en_GB", "en", "+447", 9)
        german = _origin("de_DE", "de", "+4915", 9)
        hungarian = _origin("hu_HU", "hu", "+3630", 7)
        yoruba = _origin("yo_NG", "en", "+234803", 7)
        polish = _origin("pl_PL", "pl", "+4860", 7)
        portuguese = _origin("pt_PT", "pt", "+35191", 7)
        ukrainian = factory.Trait(
            first=_of(UKRAINIAN[0]),
            last=_of(UKRAINIAN[1]),
            language="uk",
            phone=factory.LazyFunction(lambda: _phone("+38067", 7)),
        )

    first = factory.Faker("first_name", locale="es_ES")
    last = factory.LazyFunction(lambda: f"{_spanish_surname()} {_spanish_surname()}")
    name = factory.LazyAttribute(lambda person: f"{person.first} {person.last}")
    email = factory.LazyAttribute(lambda person: email_of(person.name))
    phone = factory.LazyFunction(lambda: _phone("+346", 8))
    document = factory.LazyFunction(lambda: dni(randgen.randint(1_000_000, 79_999_999)))
    address = factory.LazyFunction(_address)


def _spanish_surname() -> str:
    surname = factory.Faker("last_name", locale="es_ES")
    return str(surname.evaluate(None, None, {"locale": "es_ES"}))


ORIGINS = {
    "": 60,
    "english": 9,
    "german": 7,
    "hungarian": 6,
    "ukrainian": 6,
    "yoruba": 5,
    "polish": 4,
    "portuguese": 3,
}
"""Of a hundred customers, how many come from where."""


def somebody(*, external_id: str, joined: datetime, member: bool) -> Person:
    """A new person; not everybody leaves everything about themselves."""
    origin = randgen.choices(list(ORIGINS), list(ORIGINS.values()))[0]
    known: dict[str, object] = {origin: True} if origin else {}
    if randgen.random() < 0.12:
        known["phone"] = ""
    if randgen.random() < 0.35:
        known["document"] = ""
    if randgen.random() < 0.4:
        known["address"] = ""
    person: Person = PersonFactory(external_id=external_id, joined=joined, member=member, **known)
    return person
