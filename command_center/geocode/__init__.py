"""Geocoding over HTTP."""
