"""A newer template, merged into a project: worked out before the project is touched.

copier renders the old and the new version of the template into empty folders. Each file is then
merged by itself (`merging`): no repository is made of the project, so that no setting of anybody
decides what comes of it. The bindings are generated from the merged project.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from scaffold._filesystem.project_tree import ProjectTree
from scaffold._project.config.errors import PreconditionError
from scaffold._project.files.file_changes import Change, State
from scaffold._project.files.lockfile import LOCKFILE, Entry, Lock, Owner, digest, read_lock
from scaffold._project.files.trees import File, Files, Mode
from scaffold._project.generate.generation_plan import plan_after
from scaffold._project.git.repository import Repository
from scaffold._project.template.answers import (
    ANSWERS,
    SHIPPED,
    TemplateOrigin,
    answers_in,
    read_answers,
    read_origin,
    with_origin,
)
from scaffold._project.template.merging import (
    merge_file,
    moved_files,
    project_file_at,
    with_line_endings_of,
)
from scaffold._project.template.sources import (
    BundledTemplate,
    TemplateSource,
    absolute_source,
    fetch_template,
    find_bundled,
    is_allowed,
    is_newer,
    permissions_file,
)
from scaffold._project.template.template import RenderedTemplate, bundled_versions, render_version


@dataclass(frozen=True, slots=True)
class UpdatePlan:
    """What an update would do to a project."""

    source: str
    """What the project remembers as its template."""
    before: str
    after: str
    """Versions of the template."""
    changes: tuple[Change, ...] = ()
    conflicts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files in which a person must choose; why one was left as it is, or nothing for markers."""
    generated: bool = True
    """False if a conflict is in the way of generating."""


def plan_update(
    repository: Repository,
    facts: Mapping[str, str],
    *,
    to: str | None,
    source: str | None,
    only_show: bool,
) -> UpdatePlan:
    """Work out an update, and touch nothing.

    Args:
        repository: Where the project is kept.
        facts: Answers that the project's hookspec gives now.
        to: A version of the template; without it, the newest.
        source: Another repository of the template, which the person names.
        only_show: True for commands that reach no network unless `source` is given.

    Raises:
        PreconditionError: `template`, `unknown-template`, `unknown-version` or `not-fetched` if
            there is no such template or version; `hand-edited` if generated files were edited.
    """
    origin = read_origin(repository.project)
    name = absolute_source(source) if source else origin.source
    known = find_bundled(name)
    if known is None and source is None:
        _refuse_unasked(name, only_show=only_show)
    with TemporaryDirectory(prefix="scaffold-update-") as made:
        folder = Path(made)
        template = known or fetch_template(name, folder / "template.git")
        version = template.exact(to or template.newest())
        if source is None and version == origin.version:
            return UpdatePlan(name, origin.version, version)
        if is_newer(origin.version, than=version):
            message = f"'{version}' is older than '{origin.version}', which the project has"
            raise PreconditionError("template", message, "name a newer version with --to")
        merger = _Merger(repository, folder)
        answers = merger.answers
        merger.merge(
            *_rendered(template, origin, version, answers=answers, facts=facts, folder=folder)
        )
        return merger.update(origin, TemplateOrigin(name, version))


def _refuse_unasked(name: str, *, only_show: bool) -> None:
    """Refuse to fetch what only the project names."""
    if is_allowed(name) and not only_show:
        return
    message = f"the project is made from '{name}', which is not fetched unless you ask for it"
    advice = "name it with --template if you trust it"
    if not only_show:
        advice += f"; '{permissions_file()}' lists what 'scaffold update' may fetch"
    raise PreconditionError("not-fetched", message, advice)


def _rendered(
    template: TemplateSource,
    origin: TemplateOrigin,
    version: str,
    *,
    answers: str,
    facts: Mapping[str, str],
    folder: Path,
) -> tuple[Files, RenderedTemplate, dict[str, str]]:
    """Render the old version and the new one; return also which files have moved."""
    known = {ANSWERS: answers.encode()}
    name = f"the template '{template.name}' {version}"
    new_folder = template.export(version, folder / "new")
    old_folder = _base(template, origin).export(origin.version, folder / "old")
    new = render_version(new_folder, known, facts=facts, name=name)
    old = render_version(
        old_folder,
        known,
        # What the new version leaves out altogether is not taken from the project.
        exclude=new.config.get("exclude") or (),
        name=f"the template '{template.name}' {origin.version}",
    )
    return old.files, new, moved_files(old.files, new, name)


def _base(template: TemplateSource, origin: TemplateOrigin) -> TemplateSource:
    """Return the template that has the version which the project was made from.

    That is a bundled template, if the project names one in a version that is bundled. A repository
    may have another text under the same tag, or lack the tag. For every other project it is
    `template`.
    """
    folders = bundled_versions(origin.source.removeprefix(SHIPPED))
    if origin.source.startswith(SHIPPED) and origin.version in folders:
        return BundledTemplate(origin.source, folders)
    return template


class _Merger:
    """Merges file after file, and keeps what changes."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self.root = repository.project
        self.tracked = repository.tracked
        self.answers = read_answers(self.root)
        answers_in(self.answers)
        self.folder = folder / "merge"
        self.folder.mkdir()
        self.changes: dict[str, Change] = {}
        self.conflicts: dict[str, str] = {}
        self.template: dict[str, Entry] = {}
        """What the lockfile says of the template's files, as the template wrote them."""

    def merge(self, base: Files, new: RenderedTemplate, moved: Mapping[str, str]) -> None:
        """Merge all files of the template."""
        given_up = set(moved.values())
        with ProjectTree(self.root) as tree:
            for path in sorted({*base, *new.files} - {ANSWERS} - given_up):
                old = moved.get(path, path)
                self._one(tree, path, old, base.get(old), new)
        answers = new.files.get(ANSWERS, File(self.answers.encode()))
        self.answers = answers.content.decode()

    def update(self, before: TemplateOrigin, after: TemplateOrigin) -> UpdatePlan:
        """Generate the bindings, and return all that changes."""
        answers = with_origin(self.answers, after)
        self._put(ANSWERS, answers)
        kept = read_lock(self.root)
        entries = {
            path: each for path, each in kept.files.items() if each.owner is not Owner.TEMPLATE
        }
        entries |= self.template
        entries[ANSWERS] = Entry(Owner.TEMPLATE, digest(answers.encode()))
        lock = Lock(kept.generator, kept.hookspecs, entries)
        written = {path: change.after for path, change in self.changes.items()}
        found = plan_after(self.root, written, lock)
        if found is not None:
            self.changes |= {change.path: change for change in found.changes}
            lock = found.lock
        self._put(LOCKFILE, lock.render())
        wanted = [each for each in self.changes.values() if each.state is not State.UNCHANGED]
        return UpdatePlan(
            source=after.source,
            before=before.version,
            after=after.version,
            changes=tuple(sorted(wanted, key=lambda each: each.path)),
            conflicts=dict(sorted(self.conflicts.items())),
            generated=found is not None,
        )

    def _one(
        self, tree: ProjectTree, path: str, old: str, base: File | None, new: RenderedTemplate
    ) -> None:
        real, ours = project_file_at(tree, self.tracked, path)
        theirs = new.files.get(path)
        left = ""
        if old != path and ours.file is None and not ours.obstacle:
            place, before = project_file_at(tree, self.tracked, old)
            if before.file is not None:
                left, ours = place, before
        merged = merge_file(
            base, ours, theirs, only_new=new.only_new(Path(path)), folder=self.folder
        )
        after = merged.file if merged.changed else ours.file
        if left:
            self.changes[left] = _change(left, ours.file, None)
            self.changes[real] = _change(real, None, after)
        elif merged.changed:
            self.changes[real] = _change(real, ours.file, after)
        if merged.conflict is not None:
            self.conflicts[real] = merged.conflict
        if theirs is not None and (after is not None or ours.obstacle):
            self.template[path] = Entry(Owner.TEMPLATE, digest(theirs.content))

    def _put(self, path: str, text: str) -> None:
        """Change a file of this program; on the disk it may have other line ends."""
        with ProjectTree(self.root) as tree:
            real, ours = project_file_at(tree, self.tracked, path)
        if ours.obstacle:
            message = f"'{path}' cannot be written: {ours.obstacle}"
            raise PreconditionError("in-the-way", message, "put a file of the project there")
        before = ours.file
        content = text.encode()
        if before is not None:
            content = with_line_endings_of(before.content, content)
        self.changes[real] = _change(real, before, replace(before or File(b""), content=content))


def _change(path: str, before: File | None, after: File | None) -> Change:
    if before == after:
        state = State.UNCHANGED
    elif before is None:
        state = State.MISSING
    else:
        state = State.STALE if after is None else State.OUTDATED
    executable = None
    if after is not None and after.mode is not (before or File(b"")).mode:
        executable = after.mode is Mode.EXECUTABLE
    old, new = (None if each is None else each.content for each in (before, after))
    return Change(path, state, old, new, executable)
