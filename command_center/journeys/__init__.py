"""Days of units, who was where, and who is near."""
