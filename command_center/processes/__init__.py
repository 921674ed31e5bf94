"""The processes of an installation: database, broker, the platform's own, and who looks after them."""
