"""Alembic environment; the versions lie in the package that owns the tables."""
