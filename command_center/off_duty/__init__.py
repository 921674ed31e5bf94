"""Over HTTP: what becomes of positions outside duty, by group."""
