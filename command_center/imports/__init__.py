"""Importing over HTTP: hand a file in, look at it, try it, take it; the work itself is a job."""
