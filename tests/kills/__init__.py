"""A writing Rollcall is killed at random points, again and again, and what is left is looked at."""
