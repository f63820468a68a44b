"""How the local servers and processes fail: one paragraph that says what happened and what to do."""


class LocalError(Exception):
    """A local server or process could not start or died; the text is for a person at a terminal."""


class AlreadyRunning(LocalError):
    """Another process holds this home folder; the text names its pid."""


class ServerFailed(LocalError):
    """An embedded server could not start; the text says how to mend it or to go without."""
