# Where exchanges of the model server stand still until a test lets them go on: what a test has
# instead of sleeping. Owned by the server's event loop.


class Gate:
    """Where exchanges stand still until a test opens it for all that stand there."""

    def __init__(self):
        self._standing: dict = {}

    def entered(self, wake):
        return _Visit(self._standing, wake)

    def open(self) -> int:
        standing, count = list(self._standing.values()), len(self._standing)
        self._standing.clear()
        for wake in standing:
            wake()
        return count


class _Visit:
    def __init__(self, standing: dict, wake):
        self._standing, self._wake = standing, wake

    def __enter__(self):
        self._standing[self] = self._wake
        return lambda: self not in self._standing

    def __exit__(self, *_):
        self._standing.pop(self, None)
