"""The demonstration: an invented authority, two laptops and a central store, and the journey that shows them."""
