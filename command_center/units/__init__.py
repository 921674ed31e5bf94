"""Units over HTTP: directory, one unit in full, its track."""
