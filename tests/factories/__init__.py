"""Things to test with. Each factory makes one believable row and accepts any field.

They write rows directly, as fixtures must be able to; what a test is about goes through actions.
"""

from tests.factories.customers import (
    ContactPointFactory,
    CustomerFactory,
    OrderFactory,
    OrderLineFactory,
)
from tests.factories.discounts import DiscountCodeFactory, OfferFactory
from tests.factories.rewards import (
    AccountFactory,
    EarningRuleFactory,
    EarningRuleVersionFactory,
    ProgramFactory,
    RewardFactory,
    TierFactory,
    TierMembershipFactory,
)
from tests.factories.staff import (
    ApiKeyFactory,
    ReasonCodeFactory,
    StoreFactory,
    UserFactory,
    actor_for,
    new_api_key,
)

__all__ = [
    "AccountFactory",
    "ApiKeyFactory",
    "ContactPointFactory",
    "CustomerFactory",
    "DiscountCodeFactory",
    "EarningRuleFactory",
    "EarningRuleVersionFactory",
    "OfferFactory",
    "OrderFactory",
    "OrderLineFactory",
    "ProgramFactory",
    "ReasonCodeFactory",
    "RewardFactory",
    "StoreFactory",
    "TierFactory",
    "TierMembershipFactory",
    "UserFactory",
    "actor_for",
    "new_api_key",
]
