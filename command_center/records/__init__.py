"""What happened: the audit trail, and messages that could not become fixes."""
