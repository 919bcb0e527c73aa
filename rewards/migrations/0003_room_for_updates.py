"""Half-full pages for the rows that change in place, so that updates stay on their page."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("rewards", "0002_initial")]

    operations = [
        migrations.RunSQL(
            f"ALTER TABLE {table} SET (fillfactor = 50)", f"ALTER TABLE {table} RESET (fillfactor)"
        )
        for table in ("rewards_account", "rewards_lot")
    ]
