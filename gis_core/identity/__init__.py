"""People, their rights, and the trail of what they did."""
