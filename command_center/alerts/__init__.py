"""Alert episodes over HTTP: list, acknowledge, close."""
