"""Every factory makes a row that the database accepts."""

from __future__ import annotations

from typing import Any

import pytest

from tests import factories

FACTORIES = [getattr(factories, name) for name in factories.__all__ if name.endswith("Factory")]


@pytest.mark.django_db
@pytest.mark.parametrize("factory_class", FACTORIES, ids=lambda factory: factory.__name__)
def test_makes_two_different_rows(factory_class: Any) -> None:
    assert factory_class().pk != factory_class().pk
