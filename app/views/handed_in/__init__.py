"""The page of work that was handed in to a supervisor's team."""
