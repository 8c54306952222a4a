"""Labels that people gave: their formats, their store, and the check of a file before it is used."""

from detector.labels.label import Label, LabelError
from detector.labels.store import Added, LabelStore, StoredLabel

__all__ = ["Added", "Label", "LabelError", "LabelStore", "StoredLabel"]
