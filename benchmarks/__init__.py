"""Measurements, each beside a ceiling or a peer in the same run. Started by ``./wanmi bench``."""
