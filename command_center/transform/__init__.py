"""Coordinates from one system to another, over HTTP."""
