"""The component classes 部件小类 of GB/T 30428.2-2013 and of CJ/T 214-2007.

Sources: the CJ/T 214-2007 tables are complete (85 subclasses). For GB/T 30428.2-2013 only codes seen in
published city lists are given (88 subclasses): a class whose code we could not establish is left out, not
guessed; traffic signals and fire hydrants are such, and stand under their CJ/T 214-2007 codes. English
names, geometry, accuracy class and department kind are our reading. A city adds its own lists under
its own edition key.
"""

import csv
from importlib.resources import files
from io import StringIO
from typing import Any, NamedTuple

from psycopg import Connection

COMPONENT_EDITION = "GBT30428.2-2013"
"""The edition that new components are coded by unless a class exists only in an older one."""


class ComponentClassEntry(NamedTuple):
    """One row of the dictionary; ``code`` is class (2) + subclass (2)."""

    edition: str
    code: str
    class_name: str
    name: str
    name_en: str
    geometry: str
    """point, line or polygon: what the class is surveyed as."""
    accuracy_class: str
    """Position accuracy: A ±0.5 m, B ±1.0 m, C ±10 m."""
    department_kind: str
    """Trade that usually answers for it, e.g. 排水."""


def read_component_classes() -> list[ComponentClassEntry]:
    """The shipped dictionary, GB/T 30428.2-2013 first, in the order of the codes."""
    source = (files("gis_core.dictionaries") / "component_classes.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(StringIO(source))
    if tuple(header) != ComponentClassEntry._fields:
        raise ValueError(f"component_classes.csv: unexpected columns {header}")
    return [ComponentClassEntry(*row) for row in rows]


def load_component_classes(connection: Connection[Any]) -> int:
    """Fill ``component_class`` from the shipped dictionary, in the caller's transaction.

    Repeatable: known rows are brought up to date, rows of other editions stay. Returns the number of
    rows written or changed.
    """
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE staged_component_class (LIKE component_class) ON COMMIT DROP")
        columns = ", ".join(ComponentClassEntry._fields)
        with cursor.copy(f"COPY staged_component_class ({columns}) FROM STDIN") as copy:
            for entry in read_component_classes():
                copy.write_row(entry)
        cursor.execute(
            """
            INSERT INTO component_class AS known SELECT * FROM staged_component_class
            ON CONFLICT (edition, code) DO UPDATE
               SET (class_name, name, name_en, geometry, accuracy_class, department_kind) =
                   (excluded.class_name, excluded.name, excluded.name_en, excluded.geometry,
                    excluded.accuracy_class, excluded.department_kind)
             WHERE (known.*) IS DISTINCT FROM (excluded.*)
            """
        )
        changed = cursor.rowcount
        cursor.execute("DROP TABLE staged_component_class")
    return changed
