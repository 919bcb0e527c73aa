import django.contrib.postgres.indexes
import django.db.models.functions.text
from django.db import migrations, models

# A LIKE pattern for "contains this term", with what LIKE would read as a wildcard escaped.
# Immutable, so that the planner sees a constant and can estimate it.
PATTERN = r"""
CREATE FUNCTION search_pattern(term text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
AS $$ SELECT '%' || regexp_replace(public.search_normal(term), '([\\%_])', '\\\1', 'g') || '%' $$
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0002_initial'),
    ]

    operations = [
        migrations.RunSQL(PATTERN, "DROP FUNCTION search_pattern(text)"),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Left('search_text', 12), name='text_pattern_ops'), name='customers_search_start'),
        ),
    ]
