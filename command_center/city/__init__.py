"""The city's data over HTTP: areas, components, zones, layers and their history."""
