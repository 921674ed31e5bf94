"""A track file through the same checks, stops and rules that live fixes go through."""
