"""History of the published city: change sets, undoing them, and the city as it was."""

from gis_core.history.edits import (
    AlreadyUndone,
    ChangeSet,
    EditFilter,
    FeatureChange,
    UndoConflict,
    UndoneEdit,
    current_edit,
    feature_changes,
    read_edit,
    read_edits,
    record_as,
    undo_edit,
)
from gis_core.history.records import Record, RecordChanged, read_record, read_record_as_of

__all__ = [
    "AlreadyUndone",
    "ChangeSet",
    "EditFilter",
    "FeatureChange",
    "Record",
    "RecordChanged",
    "UndoConflict",
    "UndoneEdit",
    "current_edit",
    "feature_changes",
    "read_edit",
    "read_edits",
    "read_record",
    "read_record_as_of",
    "record_as",
    "undo_edit",
]
