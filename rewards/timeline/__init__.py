"""How this app's events look on the timeline: a module for each kind of thing."""

from rewards.timeline import expiry, ledger, redemptions, tiers


def register_all() -> None:
    """Make the timeline know them."""
    ledger.register_all()
    expiry.register_all()
    redemptions.register_all()
    tiers.register_all()
