"""Who stands on which step of a program's ladder, and how they get there.

`evaluating` moves people by what they earned; `spending` and `enrolling` ask it to.
`changing` and `undoing` move them by hand; `stepping` writes changes, `gifts` gives what a step
brings.
"""

from rewards.actions.tiers.changing import change_tier
from rewards.actions.tiers.enrolling import follow_enrolment
from rewards.actions.tiers.evaluating import evaluate, evaluate_all, evaluate_many
from rewards.actions.tiers.spending import follow_imported_spending, follow_spending
from rewards.actions.tiers.undoing import step_back, undo_tier_change

__all__ = [
    "change_tier",
    "evaluate",
    "evaluate_all",
    "evaluate_many",
    "follow_enrolment",
    "follow_imported_spending",
    "follow_spending",
    "step_back",
    "undo_tier_change",
]
