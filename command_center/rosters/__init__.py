"""Rosters over HTTP: the week by group, shifts, single turns, and shifts as a table."""
