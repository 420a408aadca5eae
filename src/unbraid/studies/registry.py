"""The registry of studies: functions that return a `Study`, one file each in `reports/`."""

from __future__ import annotations

from unbraid.registry import Registry

studies = Registry("study", "studies", "unbraid.studies.reports")
"""The source of an entry is the report whose claims it decides. Your own: the entry-point group `unbraid.studies`."""
