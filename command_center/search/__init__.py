"""What a map offers besides tiles: its layers, its areas, and finding things on it by name or code."""
