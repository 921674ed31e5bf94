"""The exclusive-or of bytes, which NMEA 0183 and JT/T 808 both use as checksum."""


def exclusive_or(data: bytes) -> int:
    """Of all bytes; 0 for none. The bytes are one long number, folded in half until a byte is left."""
    number = int.from_bytes(data)
    width = 8 << max(0, len(data) - 1).bit_length()
    while width > 8:
        width >>= 1
        number = (number >> width) ^ (number & ((1 << width) - 1))
    return number
