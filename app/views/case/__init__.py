"""The case page: identity, tabs, timeline with its composer, and what is next."""
