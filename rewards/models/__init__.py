"""Programs with their rules, tiers and rewards, and the ledger."""

from rewards.models.batches import MassAdjustment, MassAdjustmentRow
from rewards.models.catalogue import Redemption, Reward, RewardPicture
from rewards.models.ledger import (
    Account,
    Allocation,
    Entry,
    ExpiryWarning,
    LedgerCheck,
    Lot,
    Operation,
    Shortfall,
)
from rewards.models.programs import EarningRule, EarningRuleVersion, Program
from rewards.models.tiers import Tier, TierMembership

__all__ = [
    "Account",
    "Allocation",
    "EarningRule",
    "EarningRuleVersion",
    "Entry",
    "ExpiryWarning",
    "LedgerCheck",
    "Lot",
    "MassAdjustment",
    "MassAdjustmentRow",
    "Operation",
    "Program",
    "Redemption",
    "Reward",
    "RewardPicture",
    "Shortfall",
    "Tier",
    "TierMembership",
]
