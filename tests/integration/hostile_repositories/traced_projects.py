"""What the tests here share: a sound project, what is around it, and the tracer."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hostile_recipes import RECIPES, Repository

TRACER = Path(__file__).with_name("tracer.py")
SECRET = "s3cr3t-w0rd"
FILES = {
    "file": "precious\n",
    "secret.yaml": f"kind: tool\nkind_api_version: '1.0.0'\n{SECRET}: {SECRET}\nhooks: []\n",
    "secret.json": f'{{"$id": "https://secret.example/schema", "title": "{SECRET}"}}',
    "secret.toml": f'[plugin]\nname = "{SECRET}"\n{SECRET} = "{SECRET}"\n',
}
GIT = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


def sound_project(folder):
    """Make a plugin project that is committed."""
    command = [sys.executable, "-m", "scaffold", "new-plugin", "demo", "--kind", "tool"]
    env = {**os.environ, **GIT, "XDG_CACHE_HOME": str(folder / "cache")}
    subprocess.run([*command, "--defaults", "-o", folder], check=True, capture_output=True, env=env)
    commit(folder / "demo")
    return folder / "demo"


def commit(root):
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A", "-f"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, env={**os.environ, **GIT})


def lay(folder, project, name):
    """Make a repository by a recipe, in a folder of its own with a victim next to it."""
    world = folder / name
    victim = world / "victim"
    victim.mkdir(parents=True)
    for file, text in FILES.items():
        (victim / file).write_text(text)
    root = Path(shutil.copytree(project, world / "demo", symlinks=True))
    RECIPES[name](Repository(root, victim))
    return root


def snapshot(folder):
    """Return what is in a folder: kinds, contents, rights and times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        state = path.lstat()
        content = path.read_bytes() if path.is_file() and state.st_size < 1_000_000 else b""
        what = path.readlink() if path.is_symlink() else content
        found[str(path.relative_to(folder))] = (state.st_mode, state.st_mtime_ns, what)
    return found


def trace(jobs, folder):
    """Run commands under the tracer; return its reports."""
    for name in ("tmp", "home"):
        (folder / name).mkdir(exist_ok=True)
    env = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("XDG_", "GIT_"))},
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONSAFEPATH": "1",
        "SCAFFOLD_DEBUG_LOCKS": "0",
    }
    ended = subprocess.run(
        [sys.executable, TRACER],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
        env=env,
        cwd=folder,
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]
