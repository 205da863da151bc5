"""Errors that a user can fix: in the command line, the files or the machine."""

from scaffold._printable import printable_line


class ProjectError(Exception):
    """`code` names the problem in kebab-case, `help` says how to fix it."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help

    def __str__(self) -> str:
        # A path in the message may have a newline, and the rest would look like a line of ours.
        text = f"{self.code}: {printable_line(self.message)}"
        return f"{text}\n  help: {self.help}" if self.help else text


class UsageError(ProjectError):
    """The command line is contradictory or incomplete."""


class PreconditionError(ProjectError):
    """The files, the folder or the machine are not ready for the command."""
