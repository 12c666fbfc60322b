"""Rollcall: offline-first casework for children missing education."""

__version__ = "0.1.0"
