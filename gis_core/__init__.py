"""The ground: settings, database, city geography, identity, errors. Knows no business rule."""
