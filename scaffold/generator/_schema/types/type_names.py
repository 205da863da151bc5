"""What types are called: by their definition, their title, or the place where they are used."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from scaffold.generator._hookspec.naming import pascal_case, singular
from scaffold.generator._schema.documents.document_set import Documents
from scaffold.generator._schema.types.constraints import Constraints

_DEFINITIONS = {"$defs", "definitions"}
_LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True)
class UsageContext:
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
        return self.owner + pascal_case(self.variant or self.word)


@dataclass(eq=False)
class TypeNames:
    """The names that types of a kind have. `taken` are those that none may have."""

    taken: set[str]
    payload: str = ""
    """The name of the payload whose types are being named."""

    def is_definition(self, documents: Documents, constraints: Constraints) -> bool:
        """Tell whether the author gave these constraints a place with a name."""
        return bool(self._definition(documents, constraints))

    def choose(self, documents: Documents, constraints: Constraints, context: UsageContext) -> str:
        """Choose a name that no other type has, and keep it."""
        name = next(
            name
            for name in self._candidates(documents, constraints, context)
            if name and name not in self.taken
        )
        self.taken.add(name)
        return name

    def _candidates(
        self, documents: Documents, constraints: Constraints, context: UsageContext
    ) -> Iterator[str]:
        definition = self._definition(documents, constraints)
        short = definition or self._title(constraints)
        yield short
        if definition:
            yield f"{self.payload}{definition}"
        yield context.name
        yield context.owner + pascal_case(context.word) + pascal_case(context.variant)
        yield f"{context.owner}{short}"
        yield f"{context.name}Object"
        for number in count(2):
            yield f"{context.name}{number}"

    def _definition(self, documents: Documents, constraints: Constraints) -> str:
        """Return the name of a definition: its key in `$defs`, or its file's title or name."""
        document, at = documents.locate(constraints.primary)
        if len(at) > 1 and at[-2] in _DEFINITIONS:
            return pascal_case(str(at[-1]))
        if at or document.at:
            return ""
        return self._title(constraints) or pascal_case(document.path.stem.split(".")[0])

    def _title(self, constraints: Constraints) -> str:
        title = constraints.primary.get("title", "")
        return pascal_case(title) if len(title) <= _LONGEST_TITLE else ""
