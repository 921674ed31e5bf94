"""``python -m geocoding VERB``: as ``./wanmi geocode``, on the database that the environment names."""

import sys

from geocoding.commands import app
from gis_core.errors import DomainError

try:
    app()
except DomainError as error:
    sys.exit(f"{error.text.zh}\n{error.text.en}")
