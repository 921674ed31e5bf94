"""Devices, who carries them, and their logins at the broker."""
