"""A believable year of a shop for coffee and tea, for `manage.py load_demo`.

`plan` says who does what and when, from a fixed seed; `loading` does it, act by act, through
the actions. `cases` holds the customers to remember, with names and a story each. Everything
here needs the development packages, so nothing outside may import it when it starts.
"""

FEWEST, MOST = 16, 750
"""How many customers a demo can have: those to remember and one more, up to as many as have
orders with fewer than 10,000 numbers below the fixed ones."""
