"""Bring files of GIS staff and OpenStreetMap into the city tables: all or nothing, with a report."""
