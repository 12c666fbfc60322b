"""Answers about documents that say which contents are whole, so that a laptop need not ask for that as well.

A store of the version before leaves that out: then it is asked for (:class:`app.services.sync.protocol.FindManifests`).
"""

import msgspec


class Offered(msgspec.Struct):
    """Which chunks of what was offered are wanted.

    Attributes:
        hashes: of chunks that are missing, or that this laptop has never shown to have.
        whole: contents that the central store holds whole and that this laptop has shown to have.
    """

    hashes: list[str]
    whole: list[str] = []


class Taken(msgspec.Struct):
    """Chunks were taken.

    Attributes:
        whole: of the contents named as finished, those that the central store holds whole now.
    """

    whole: list[str] = []
