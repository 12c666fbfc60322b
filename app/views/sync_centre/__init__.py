"""The parts of the Sync centre: its lists, what was not taken, and the room on the laptop."""
