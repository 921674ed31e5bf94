"""What every reader yields: some thousand features of one layer, column by column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gis_core.importing.report import Issue

Column = NDArray[Any]


@dataclass(slots=True)
class Features:
    """``ids`` name the features in reports (``fid 3``, ``way 123``); ``shapes`` are shapely objects in
    the layer's coordinates, None where there is none; ``fields`` are object columns as in the file."""

    ids: Column
    shapes: Column
    fields: Mapping[str, Column]
    target: str | None = None
    """Set by readers that route features themselves (OpenStreetMap)."""
    issues: list[Issue] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, mask: NDArray[np.bool_]) -> "Features":
        """The features of ``mask``, with their issues."""
        ids = self.ids[mask]
        chosen = set(ids) if self.issues else set()
        return Features(
            ids,
            self.shapes[mask],
            {name: values[mask] for name, values in self.fields.items()},
            self.target,
            [one for one in self.issues if one.feature in chosen],
        )


def object_column(values: Any) -> Column:
    """An object array of any sequence; never split into more dimensions by numpy."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column


def joined(parts: Sequence[Features]) -> Features:
    """Parts of one layer as one; there is at least one."""
    return Features(
        np.concatenate([part.ids for part in parts]),
        np.concatenate([part.shapes for part in parts]),
        {name: np.concatenate([part.fields[name] for part in parts]) for name in parts[0].fields},
        parts[0].target,
        [one for part in parts for one in part.issues],
    )
