"""The Correspondence page, and the page viewer that the case page shares."""
