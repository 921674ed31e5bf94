"""The door for terminals that do not speak MQTT: JT/T 808 and NMEA over TCP, OsmAnd over HTTP.

It puts what they send into the broker, raw, and answers only when the broker has it; ingest decodes it
from there. Commands to all devices leave through here too.
"""
