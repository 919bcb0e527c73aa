"""Who stands on which step of a program's ladder, and how they get there.

`evaluating` moves people by what they earned, `changing` and `undoing` by hand; `stepping`
writes a change, `gifts` gives what a step brings.
"""

from rewards.actions.tiers.changing import change_tier
from rewards.actions.tiers.evaluating import evaluate, evaluate_all, evaluate_many
from rewards.actions.tiers.undoing import undo_tier_change

__all__ = ["change_tier", "evaluate", "evaluate_all", "evaluate_many", "undo_tier_change"]
