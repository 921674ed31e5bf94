"""Addresses to places and back."""
