"""A place among those that a worker works on at once, which can be given up while there is only waiting to do."""

import asyncio


class Place:
    """One place. It is counted once, whoever is interrupted where."""

    def __init__(self, places: asyncio.Semaphore | None) -> None:
        """Make a place that is not taken yet.

        Args:
            places: those there are; None where nobody counts them.
        """
        self._places = places
        self._taken = False

    async def take(self) -> None:
        """Wait for a free place, and take it."""
        if self._places and not self._taken:
            await self._places.acquire()
            self._taken = True

    def leave(self) -> None:
        """Give the place up, if it is taken."""
        if self._places and self._taken:
            self._places.release()
            self._taken = False


NOWHERE = Place(None)
"""The place of work that nobody counts."""
