"""Limits that are asked for where the events themselves would be too much to import."""

MAX_TEXT = 28_000
"""Characters of an item's text, and of its summary: with four bytes each, an item stays under 256 KB."""
