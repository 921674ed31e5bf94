"""Unit grids and responsibility grids over HTTP."""
