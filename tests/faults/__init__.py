"""Faults of disks and files, made for real: whatever happens, it works or says what happened and everything is back."""
