"""The grammar of Chinese addresses: from a text to its elements."""
