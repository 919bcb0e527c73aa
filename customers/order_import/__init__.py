"""Orders from a CSV file, set-based: read, staged, checked, written in batches.

For `manage.py import_orders` alone. A single order goes through `customers.actions.orders`,
and a test proves that both ways write the same rows.
"""
