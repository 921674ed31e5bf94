"""``./wanmi decode``: what our decoders make of a capture, one JSON line a message."""
