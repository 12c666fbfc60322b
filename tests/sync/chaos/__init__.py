"""Laptops, a central store and everything that goes wrong between them, drawn from a seed that replays exactly."""
