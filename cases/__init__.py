"""Cases, their workflow and deadlines."""
