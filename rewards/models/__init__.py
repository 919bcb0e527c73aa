"""Programs with their rules, and the ledger."""

from rewards.models.ledger import Account, Allocation, Entry, LedgerCheck, Lot, Operation
from rewards.models.programs import EarningRule, EarningRuleVersion, Program

__all__ = [
    "Account",
    "Allocation",
    "EarningRule",
    "EarningRuleVersion",
    "Entry",
    "LedgerCheck",
    "Lot",
    "Operation",
    "Program",
]
