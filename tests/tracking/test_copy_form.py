"""What goes into PostgreSQL by COPY is what comes out of it."""

import numpy as np
import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.copy_form import Column, copy_form

ROW = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.integers(-(2**15), 2**15 - 1),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=1, max_size=20))
def test_values_and_nulls_come_back(database_url: str, rows: list[tuple]) -> None:
    columns = [
        Column(
            kind,
            np.array([0 if value is None else value for value in told]),
            np.array([value is None for value in told]),
        )
        for kind, told in zip((">i4", ">f8", ">i2"), zip(*rows, strict=True), strict=True)
    ]
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TEMPORARY TABLE came (n serial, a integer, b float8, c smallint)")
        with (
            connection.cursor() as cursor,
            cursor.copy("COPY came (a, b, c) FROM STDIN (FORMAT binary)") as copy,
        ):
            copy.write(copy_form(columns))
        assert connection.execute("SELECT a, b, c FROM came ORDER BY n").fetchall() == rows
