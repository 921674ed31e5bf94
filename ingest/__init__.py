"""Receives positions: protocols to fixes, and the sources that play them."""
