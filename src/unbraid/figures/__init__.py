"""Figures: functions of arrays that return matplotlib figures or pixels; no torch, no pyplot, no global state."""
