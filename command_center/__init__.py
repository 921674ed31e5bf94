"""Assembles the rooms, serves the pages and interfaces, offers the commands."""
