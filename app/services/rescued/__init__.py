"""Work that was handed in sealed, as a team's supervisors see it: list, open, take over, set aside."""
