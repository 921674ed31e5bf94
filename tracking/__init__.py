"""What fixes mean: quality, location, last state, tracks, alert rules."""
