"""Messages that could not become fixes are decoded again once the reason is gone."""

from typing import Any

import psycopg

from benchmarks import scene
from ingest.runner import Ingest
from ingest.settings import IngestSettings
from ingest.writer import BatchWriter
from tracking.clock import now_us
from tracking.letters import QUERIES, Wanted
from tracking.rules import make_rules
from tracking.settings import TrackingSettings


def test_a_letter_becomes_fixes_once_its_device_is_registered(database_url: str) -> None:
    writer = BatchWriter(
        database_url,
        tracking=TrackingSettings(),
        rules=make_rules(),
        directory_every_s=3_600,
        grids_every_s=3_600,
    )
    ingest = Ingest(None, writer, IngestSettings())  # type: ignore[arg-type]
    with psycopg.connect(database_url, autocommit=True) as connection:
        scene.make_devices(connection, 1, on_duty=False)
        arrived = now_us()
        said = b'{"time":%d,"lon":120.5,"lat":30.5}' % (arrived // 1_000_000 - 5)
        good_and_bad = b'[%s,{"time":%d,"lon":120.5,"lat":95}]' % (
            said.replace(b"120.5", b"120.6"),
            arrived // 1_000_000 - 9,
        )
        for payload in (said, good_and_bad, b"nonsense"):
            message = ingest._decode("wanmi/v1/newcomer/fix", payload, arrived, {})
            writer.write([message])
        letters = connection.execute("SELECT count(*) FROM dead_letter").fetchone()
        assert letters is not None
        everything = "SELECT count(*) FROM fix"
        assert connection.execute(everything).fetchone() == (0,)

        connection.execute("UPDATE device SET key = 'newcomer'")
        asked = Wanted(device_key="newcomer").parameters()
        assert len(connection.execute(QUERIES["request_rerun"], asked).fetchall()) == letters[0]
        writer.close()  # what it knew of unknown keys is gone, as after a second
        ingest._rerun_letters()
        assert connection.execute(everything).fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM dead_letter").fetchone() == letters
        told: list[Any] = connection.execute(
            """SELECT convert_from(payload, 'UTF8') = 'nonsense', bool_and(rerun_at IS NOT NULL),
                      bool_or(rerun_requested_at IS NOT NULL), max(rerun_fixes), max(rerun_reason)
                 FROM dead_letter GROUP BY 1, octet_length(payload) ORDER BY octet_length(payload)"""
        ).fetchall()
        assert told == [
            (True, True, False, 0, "not_json"),
            (False, True, False, 1, None),
            (False, True, False, 1, "bad_latitude"),
        ]
        again = connection.execute(QUERIES["request_rerun"], asked).fetchall()
        assert len(again) < letters[0]  # what was taken in whole is not run again
        ingest._rerun_letters()
        assert connection.execute(everything).fetchone() == (2,)
    writer.close()
