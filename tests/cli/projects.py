"""Files of a hookspec, and how tests write files."""

HOOKSPEC = """\
kind: greeter
kind_api_version: "1.2.0"
description: Greets people.
hooks:
  - name: greet
    dispatch: singleton
    description: Greet somebody.
    input_schema: schemas/greet.input.json
    output_schema: schemas/greet.output.json
    errors:
      - code: unknown_person
        description: Nobody is called that.
"""
INPUT = """\
{
  "type": "object",
  "additionalProperties": false,
  "required": ["name"],
  "properties": {"name": {"type": "string", "minLength": 2}}
}
"""
OUTPUT = """\
{
  "type": "object",
  "additionalProperties": false,
  "required": ["text"],
  "properties": {"text": {"type": "string"}}
}
"""


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
