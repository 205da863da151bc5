"""Translates a schema document of any draft into 2020-12, the one dialect of all later steps.

The translation moves keywords, and with them the targets of references. References inside the
document are rewritten; for references from other documents, `locate` returns the new place of a
target. A reference may lead to a schema below an unknown keyword (JSON Schema core, section
8.2.3.1): that schema is translated too, and moved into the `$defs` of its resource.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from urllib.parse import unquote, urldefrag, urljoin

from scaffold.generator._schema.dialects.drafts import Draft
from scaffold.generator._schema.dialects.translate_keywords import KeywordTranslator, is_anchor
from scaffold.generator._schema.dialects.vocabulary import DIALECT
from scaffold.generator._source.json_values import is_object
from scaffold.generator._source.pointers import parse_pointer, pointer_fragment, resolve_pointer
from scaffold.generator._source.source_text import Pointer
from scaffold.generator.ir import Json


@dataclass(frozen=True, slots=True)
class _Scope:
    """What holds for a schema object and those in it."""

    draft: Draft
    base: str
    root: Pointer
    """The root of its resource, in the original."""
    recursive: bool = False


@dataclass(frozen=True, slots=True)
class HoistedSchema:
    """A schema below an unknown keyword, moved to `$defs` because a reference leads to it."""

    origin: Pointer
    place: Pointer
    draft: Draft


class Translation:
    """One document in 2020-12, and where each part of it stood.

    `uris` are those of the document, its own first. `dialect` returns the draft that a `$schema`
    names. Of a `container`, as the description of an API is one, only what references lead to is
    translated.
    """

    def __init__(
        self,
        original: Json,
        uris: Iterable[str],
        draft: Draft,
        dialect: Callable[[Json], Draft | None],
        *,
        container: bool = False,
    ) -> None:
        self.original = original
        self.draft = draft
        self.unknown: list[tuple[Pointer, Json]] = []
        """The dialects that are not read, and where they are named."""
        self.is_description = container
        self.old_keywords: list[Pointer] = []
        """Keywords in the original that were written as in a former draft."""
        self.hoisted: list[HoistedSchema] = []
        self.mixed = False
        """True if a part is of another draft than the document."""
        self._dialect = dialect
        self._places: dict[Pointer, Pointer] = {}
        self._origins: dict[Pointer, Pointer] = {}
        self._scopes: dict[Pointer, _Scope] = {}
        self._made: dict[Pointer, dict[str, Json]] = {}
        self._resources: dict[str, Pointer] = dict.fromkeys(uris, ())
        self._anchors: dict[tuple[str, str], Pointer] = {}
        self._references: list[tuple[dict[str, Json], str, str]] = []
        scope = _Scope(draft, next(iter(self._resources), ""), ())
        self.value: Json
        if container:
            self.value = {"$schema": DIALECT}
            self._scopes[()], self._made[()] = scope, self.value
            self._places[()] = self._origins[()] = ()
        else:
            self.value = self._schema(original, scope, (), ())
            if is_object(self.value):
                self.value["$schema"] = DIALECT
        self._rewrite_references()

    def locate(self, uri: str, fragment: str) -> Pointer | None:
        """Return where in `value` stands what a fragment led to; `None` if it is not there."""
        root = self._resources.get(uri)
        if root is None:
            return None
        if fragment and not fragment.startswith("/"):
            at = self._anchors.get((uri, fragment))
        else:
            at = self._target(root, fragment)
        self._rewrite_references()
        return None if at is None else self._places[at]

    def original_place(self, place: Pointer) -> Pointer:
        """Return where in the original stood what stands at a place of `value`, or around it."""
        for length in range(len(place), -1, -1):
            if place[:length] in self._origins:
                return (*self._origins[place[:length]], *place[length:])
        return ()

    def is_hidden_by_ref(self, at: Pointer) -> bool:
        """Tell whether a place of the original is next to a `$ref` that silences it."""
        value = self.original
        for index, step in enumerate(at):
            scope = self._scopes.get(at[:index])
            if (
                scope
                and is_object(value)
                and step not in KeywordTranslator.visible(scope.draft, value)
            ):
                return True
            value = resolve_pointer(value, (step,))
        return False

    def _target(self, root: Pointer, fragment: str) -> Pointer | None:
        try:
            at = (*root, *parse_pointer(resolve_pointer(self.original, root), fragment))
        except LookupError:
            return None
        if at not in self._places:
            found = resolve_pointer(self.original, at)
            if not isinstance(found, dict | bool) or root not in self._made:
                return None
            self._hoist(at, root)
        return at

    def _hoist(self, at: Pointer, root: Pointer) -> None:
        """Translate what stands below an unknown keyword, into the definitions of its resource."""
        around = next(at[:end] for end in range(len(at), -1, -1) if at[:end] in self._scopes)
        definitions: dict[str, Json] = self._made[root].setdefault("$defs", {})
        name = str(at[-1]) if isinstance(at[-1], str) else f"{at[-2]}_{at[-1]}"
        while name in definitions:
            name += "_"
        place = (*self._places[root], "$defs", name)
        definitions[name] = {}  # the name is taken
        definitions[name] = self._schema(
            resolve_pointer(self.original, at), self._scopes[around], at, place
        )
        scope = self._scopes.get(at, self._scopes[around])
        self.hoisted.append(HoistedSchema(at, place, scope.draft))

    def _rewrite_references(self) -> None:
        """Rewrite the references whose targets have moved; it may take more parts in."""
        while self._references:
            schema, keyword, base = self._references.pop()
            reference: str = schema[keyword]
            try:
                uri, fragment = urldefrag(urljoin(base, reference))
            except ValueError:
                continue
            if reference.startswith("#"):
                uri, fragment = base, reference[1:]
            fragment = unquote(fragment)
            root = self._resources.get(uri)
            if root is None or not fragment:
                continue
            if fragment.startswith("/"):
                at = self._target(root, fragment)
            else:
                at = None if is_anchor(fragment) else self._anchors.get((uri, fragment))
            if at is None:
                continue
            place = self._places[at][len(self._places[root]) :]
            moved = pointer_fragment(place)
            if unquote(moved) != fragment:
                schema[keyword] = f"{reference.partition('#')[0]}#{moved}"

    def _schema(self, original: Json, scope: _Scope, at: Pointer, to: Pointer) -> Json:
        self._places[at], self._origins[to] = to, at
        if not is_object(original):
            return original
        scope = self._scope(original, scope, at)
        self._scopes[at] = scope
        visible = KeywordTranslator.visible(scope.draft, original)
        translator = KeywordTranslator(
            scope.draft,
            visible,
            lambda inner, steps, place: self._schema(inner, scope, (*at, *steps), (*to, *place)),
            scope.recursive,
            scope.root == at,
        )
        self._made[at] = translator.result
        result = translator.translate()
        self.old_keywords += [(*at, keyword) for keyword in translator.old_keywords]
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(visible.get(keyword), str) and keyword in scope.draft.keywords:
                self._anchors.setdefault((scope.base, visible[keyword]), at)
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(result.get(keyword), str):
                self._references.append((result, keyword, scope.base))
        return result

    def _scope(self, original: dict[str, Json], scope: _Scope, at: Pointer) -> _Scope:
        """Read what a schema object says of itself: its dialect, its address, its anchors."""
        visible = KeywordTranslator.visible(scope.draft, original)
        if at and "$schema" in visible:
            draft = self._dialect(visible["$schema"])
            if draft is None:
                self.unknown.append(((*at, "$schema"), visible["$schema"]))
            elif draft is not scope.draft:
                self.mixed = True
                scope = replace(scope, draft=draft)
                visible = KeywordTranslator.visible(draft, original)
        word = scope.draft.identifier
        identifier: object = visible.get(word) if word in scope.draft.keywords else None
        uri, _, name = identifier.partition("#") if isinstance(identifier, str) else ("", "", "")
        if uri:
            try:
                base = urldefrag(urljoin(scope.base, uri))[0]
            except ValueError:
                base = scope.base
            self._resources.setdefault(base, at)
            scope = replace(scope, base=base, root=at)
        if name:
            self._anchors.setdefault((scope.base, name), at)
        if scope.root == at:
            scope = replace(scope, recursive=original.get("$recursiveAnchor") is True)
        return scope
