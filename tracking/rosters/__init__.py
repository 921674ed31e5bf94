"""Who is on duty when: shifts that come again, and the turns drawn up from them."""
