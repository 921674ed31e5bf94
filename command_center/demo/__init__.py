"""A fictional city made by procedure, with its people, so that the platform shows life at once."""
