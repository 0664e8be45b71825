"""Measurements of what users run, each beside a baseline in the same run."""
