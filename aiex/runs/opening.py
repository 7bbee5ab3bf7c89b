"""What a screen begins with, as a command line says it."""

from aiex.record import record


@record
class Opening:
    """A talk that is to be shown."""

    prompt: str = ""
    """Sent at once; empty for nothing."""
    resumes: str | None = None
    """The session to go on with, in words of a person; empty for the last one here, None for a new one."""
    forks: bool = False
    """It goes on beside that session and not in it."""
    chooses: bool = False
    """The person chooses the session from a list."""


class Shown(Exception):
    """Words that were to be understood asked for help; `text` is that."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text
