"""What the database refuses whoever asks: the triggers that models share."""

import pgtrigger

APPEND_ONLY = pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)
"""What is written stays as it is: a correction is a new row.

TRUNCATE is not covered, because the tests empty their tables with it; a production database
withholds it by letting the application use a role that does not own the tables.
"""

KEPT = pgtrigger.Protect(name="kept", operation=pgtrigger.Delete)
"""May change, but is never removed: other rows stand on it."""
