"""The figures above the wall."""
