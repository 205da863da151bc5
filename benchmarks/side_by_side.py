"""Generated files next to those of the peers: the same schemas in, a neutral look at the output.

Three documents: the payloads of the `chunker` kind, the webhooks of GitHub (1.2 MB, from npm), and
a deployment of Kubernetes with all that it is made of. Each side runs in the settings that its own
manual recommends for new code. What is counted:

- lines, without blank ones;
- defects in 1,000 of them: rules E, F, I, B, RUF and UP of ruff, long lines ignored;
- findings of `mypy --strict` in 1,000;
- comments that tell a linter or type checker to look away;
- classes with a number where a name should be: `Action199`;
- fields typed `Any`;
- files that `ruff format` would change, at the best of four line lengths.

    python benchmarks/side_by_side.py --node DIR [--keep DIR]

`DIR` holds what `npm install quicktype @octokit/webhooks-schemas@7.6.1` leaves there; `--keep`
names a folder for the generated files.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

from scaffold.generator import compile_kind
from scaffold.generator._emit import emit

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
WIDTHS = (79, 88, 100, 120)
SECONDS = 600

Generate: TypeAlias = Callable[[Path, dict[str, Any], Path], None]
"""Takes a folder to write to, a document of `$defs`, and the folder of the npm packages."""


def ours(folder: Path, document: dict[str, Any], _node: Path) -> None:
    (folder / "peer.json").write_text(json.dumps(document))
    hooks = [
        {
            "name": _snake(name),
            "dispatch": "singleton",
            "input_schema": {"$ref": f"peer.json#/$defs/{name}"},
            "output_schema": {"type": "object", "additionalProperties": False},
        }
        for name in document["roots"]
    ]
    spec = {"kind": "beside", "kind_api_version": "1.0.0", "hooks": hooks}
    (folder / "v1.yaml").write_text(json.dumps(spec))
    for path, text in emit(compile_kind(folder / "v1.yaml")).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def datamodel_code_generator(folder: Path, document: dict[str, Any], _node: Path) -> None:
    (folder / "peer.json").write_text(json.dumps(document))
    flags = ["--input-file-type", "jsonschema", "--output-model-type", "pydantic_v2.BaseModel"]
    flags += ["--use-annotated", "--use-schema-description", "--use-field-description"]
    flags += ["--target-python-version", "3.11", "--formatters", "builtin", "--disable-timestamp"]
    _run(
        BIN / "datamodel-codegen",
        "--input",
        "peer.json",
        "--output",
        "models.py",
        *flags,
        cwd=folder,
    )


def openapi_python_client(folder: Path, document: dict[str, Any], _node: Path) -> None:
    text = json.dumps(document["$defs"]).replace("#/$defs/", "#/components/schemas/")
    info = {"title": "beside", "version": "1"}
    api = {
        "openapi": "3.1.0",
        "info": info,
        "paths": {},
        "components": {"schemas": json.loads(text)},
    }
    (folder / "api.json").write_text(json.dumps(api))
    flags = ["--meta", "none", "--output-path", "made"]
    _run(BIN / "openapi-python-client", "generate", "--path", "api.json", *flags, cwd=folder)


def quicktype(folder: Path, document: dict[str, Any], node: Path) -> None:
    for root in document["roots"]:
        (folder / f"{root}.json").write_text(json.dumps({**document, "$ref": f"#/$defs/{root}"}))
    sources = [flag for root in document["roots"] for flag in ("--src", f"{root}.json")]
    flags = ["--src-lang", "schema", "--lang", "python", "--python-version", "3.7"]
    command = node / "node_modules" / ".bin" / "quicktype"
    _run(command, *flags, "--out", "models.py", *sources, cwd=folder)


SIDES: dict[str, Generate] = {
    "ours": ours,
    "datamodel-code-generator": datamodel_code_generator,
    "openapi-python-client": openapi_python_client,
    "quicktype": quicktype,
}


def chunker(_node: Path) -> dict[str, Any]:
    """Return the payloads of the shipped kind, each under its own title."""
    definitions: dict[str, Any] = {}
    for role in ("input", "output"):
        path = ROOT / "hookspecs" / "chunker" / "schemas" / f"chunk.{role}.json"
        schema = json.loads(path.read_text("utf-8"))
        definitions |= schema.pop("$defs")
        definitions[f"Chunk{role.title()}"] = schema
    return {"$defs": definitions, "roots": ["ChunkInput", "ChunkOutput"]}


def github(node: Path) -> dict[str, Any]:
    """Return GitHub's webhooks: 200 definitions of events, and what they share."""
    path = node / "node_modules" / "@octokit" / "webhooks-schemas" / "schema.json"
    schema = json.loads(path.read_text("utf-8").replace("#/definitions/", "#/$defs/"))
    definitions = schema["definitions"]
    return {
        "$defs": definitions,
        "roots": [name for name in definitions if name.endswith("_event")],
    }


def kubernetes(_node: Path) -> dict[str, Any]:
    """Return a deployment of Kubernetes 1.31, and all that it is made of."""
    package = find_spec("kubernetes_validate")
    assert package is not None
    folder = Path(str(package.origin)).parent / "kubernetes-json-schema" / "v1.31.0-local"
    definitions = json.loads((folder / "_definitions.json").read_text("utf-8"))["$defs"]
    name = "io.k8s.api.apps.v1.Deployment"
    reached = {name}
    waiting = [name]
    while waiting:
        found = re.findall(r'"#/\$defs/([^"]+)"', json.dumps(definitions[waiting.pop()]))
        waiting += set(found) - reached
        reached |= set(found)
    used = {one: schema for one, schema in definitions.items() if one in reached}
    # Last parts are names that every side can make a class of; here they are unique.
    short = {one: one.rpartition(".")[2] for one in used}
    text = re.sub(r"#/\$defs/([^\"]+)", lambda ref: f"#/$defs/{short[ref[1]]}", json.dumps(used))
    renamed = {short[one]: schema for one, schema in json.loads(text).items()}
    return {"$defs": renamed, "roots": ["Deployment"]}


DOCUMENTS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "chunker": chunker,
    "GitHub": github,
    "Kubernetes": kubernetes,
}


def judge(folder: Path) -> dict[str, float]:
    """Look at the Python that is in a folder."""
    files = sorted(folder.rglob("*.py"))
    text = "\n".join(file.read_text("utf-8") for file in files)
    lines = sum(1 for line in text.splitlines() if line.strip())
    rules = "E,F,I,B,RUF,UP"
    linter = ["check", "--isolated", "--no-cache", "--ignore-noqa", "--target-version", "py311"]
    options = ["--select", rules, "--ignore", "E501", "--output-format", "concise", "--quiet"]
    defects = _lines(BIN / "ruff", *linter, *options, ".", cwd=folder)
    typed = _lines(BIN / "mypy", "--strict", "--no-error-summary", ".", cwd=folder)
    unstable = min(_reformatted(folder, width) for width in WIDTHS)
    return {
        "lines": lines,
        "defects / 1,000": 1000 * len(defects) / lines,
        "mypy / 1,000": 1000 * sum(": error:" in line for line in typed) / lines,
        "suppressions": len(re.findall(r"# *(?:noqa|type: *ignore|pyright:|fmt:|ruff:)", text)),
        "numbered": len(set(re.findall(r"^class (\w*[A-Za-z]\d+)\(", text, re.MULTILINE))),
        "Any": len(re.findall(r"^    \w+:.*\bAny\b", text, re.MULTILINE)),
        "not as formatted": unstable,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--node", type=Path, required=True)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        kept = (given.keep or Path(scratch)).resolve()
        for title, document in DOCUMENTS.items():
            print(f"\n{title}\n")
            header: list[str] = []
            for side, generate in SIDES.items():
                folder = kept / title / side
                folder.mkdir(parents=True)
                try:
                    generate(folder, document(given.node.resolve()), given.node.resolve())
                except RuntimeError as error:
                    print(f"| {side} | refused: {error} |")
                    continue
                figures = judge(folder)
                if not header:
                    header = list(figures)
                    print(f"| | {' | '.join(header)} |\n|---{'|---' * len(header)}|")
                shown = (f"{one:.1f}" if one % 1 else f"{one:,.0f}" for one in figures.values())
                print(f"| {side} | {' | '.join(shown)} |")


def _reformatted(folder: Path, width: int) -> int:
    options = ["--isolated", "--no-cache", "--diff", "--line-length", str(width)]
    printed = _lines(BIN / "ruff", "format", *options, ".", cwd=folder)
    return sum(line.startswith("+++ ") for line in printed)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _run(*command: object, cwd: Path) -> None:
    done = _process(*command, cwd=cwd)
    if done.returncode:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])


def _lines(*command: object, cwd: Path) -> list[str]:
    return _process(*command, cwd=cwd).stdout.splitlines()


def _process(*command: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"  # openapi-python-client formats with ruff
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


if __name__ == "__main__":
    main()
