"""Log in and out, passwords, and bearer tokens for programs."""
