"""What the database refuses whoever asks: the triggers that models share."""

import pgtrigger

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
"""What is written stays as it is: a correction is a new row."""

KEPT = pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)
"""May change, but is never removed: other rows stand on it."""
