"""Responsibility grids 责任网格: unit grids with people and dates, patrol points and routes."""
