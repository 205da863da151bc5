"""What types are called: by their definition, their title, or the place where they are used."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from scaffold.generator._hookspec.naming import pascal, singular
from scaffold.generator._schema.documents.documents import Documents
from scaffold.generator._schema.types.constraints import Facts

__all__ = ["Context", "TypeNames"]

_DEFINITIONS = {"$defs", "definitions"}
_LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class Context:
    """Where a type is used."""

    owner: str
    """The declared type around it."""
    word: str
    """The property that holds it, or a word for its place."""
    variant: str = ""
    """Which member of a union it is."""

    @property
    def item(self) -> str:
        """A word for one item, if this is the context of a list."""
        return self.word if self.word == "item" else singular(self.word)

    @property
    def name(self) -> str:
        """The name that the place gives."""
        return self.owner + pascal(self.variant or self.word)


@dataclass(eq=False)
class TypeNames:
    """The names that types of a kind have. `taken` are those that none may have."""

    taken: set[str]
    payload: str = ""
    """The name of the payload whose types are being named."""

    def is_definition(self, documents: Documents, facts: Facts) -> bool:
        """Tell whether the author gave these facts a place with a name."""
        return bool(self._definition(documents, facts))

    def choose(self, documents: Documents, facts: Facts, context: Context) -> str:
        """Choose a name that no other type has, and keep it."""
        name = next(
            name
            for name in self._candidates(documents, facts, context)
            if name and name not in self.taken
        )
        self.taken.add(name)
        return name

    def _candidates(self, documents: Documents, facts: Facts, context: Context) -> Iterator[str]:
        definition = self._definition(documents, facts)
        short = definition or self._title(facts)
        yield short
        if definition:
            yield f"{self.payload}{definition}"
        yield context.name
        yield context.owner + pascal(context.word) + pascal(context.variant)
        yield f"{context.owner}{short}"
        yield f"{context.name}Object"
        for number in count(2):
            yield f"{context.name}{number}"

    def _definition(self, documents: Documents, facts: Facts) -> str:
        """Return the name of a definition: its key in `$defs`, or its file's title or name."""
        document, at = documents.home(facts.home)
        if len(at) > 1 and at[-2] in _DEFINITIONS:
            return pascal(str(at[-1]))
        if at or document.at:
            return ""
        return self._title(facts) or pascal(document.path.stem.split(".")[0])

    def _title(self, facts: Facts) -> str:
        title = facts.home.get("title", "")
        return pascal(title) if len(title) <= _LONGEST_TITLE else ""
