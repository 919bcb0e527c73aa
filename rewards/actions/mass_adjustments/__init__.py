"""Many adjustments at once, from a file: read, checked, applied and undone, set-based.

`reading` and `opening` take the file apart, `staging` puts its lines into the database,
`checking` is the dry run, `applying` and `undoing` move units a chunk at a time, `batches` are
the acts of people, `running` is what a worker does. What is written for a row is what
`rewards.actions.balances` writes for a single adjustment; tests hold the two together.
"""
