"""What runs when nobody says otherwise; imports nothing, as the command line's help does."""

DEFAULT_METHOD = "lite"
"""Name of the method; it needs no download."""
