"""A module whose import raises an exception that cannot tell its message."""


class WordlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


raise WordlessError
