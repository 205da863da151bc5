"""Files from a template."""

import tomllib

import pytest
import yaml

from scaffold._project.config.errors import UsageError
from scaffold._project.template.template import newest_bundled, question_names, render_new_project

TEMPLATE = newest_bundled("plugin")
FACTS = {
    "name": "my-demo",
    "kind": "tool",
    "package": "my_demo",
    "class_name": "MyDemoPlugin",
    "runtimes": ["in_process", "mcp_stdio"],
    "contract": "tool_v1",
    "hook": "execute",
}


def rendered(*, facts=FACTS, answers=None, defaults=True):
    return render_new_project(
        TEMPLATE, facts=facts, answers=answers or {}, defaults=defaults, interactive=False
    )


def test_the_same_answers_give_the_same_files():
    assert rendered() == rendered()


def test_the_answers_are_remembered_without_a_path_of_the_machine():
    files = rendered(answers={"description": 'A "quoted" \\ text: 😀'})

    assert yaml.safe_load(files[".copier-answers.yml"]) == {
        "_commit": TEMPLATE.name,
        "_src_path": "scaffold:plugin",
        "name": "my-demo",
        "kind": "tool",
        "package": "my_demo",
        "class_name": "MyDemoPlugin",
        "runtimes": ["in_process", "mcp_stdio"],
        "contract": "tool_v1",
        "hook": "execute",
        "description": 'A "quoted" \\ text: 😀',
        "ci": "github",
    }


def test_hostile_text_in_an_answer_stays_text():
    text = '"""\\ {{ 1 + 1 }} \' <b> & {% raw %} 😀'
    files = rendered(answers={"description": text})

    assert tomllib.loads(files["pyproject.toml"])["project"]["description"] == text
    assert "&lt;b> &amp;" in files["README.md"]


def test_a_plugin_that_is_never_served_has_no_server():
    files = rendered(facts={**FACTS, "runtimes": ["in_process"]})

    assert "my_demo/__main__.py" not in files
    assert "my_demo/__init__.py" in files
    assert "## Serve" not in files["README.md"]


def test_the_service_for_checks_can_be_left_out():
    assert ".github/workflows/check.yml" in rendered()
    assert ".github/workflows/check.yml" not in rendered(answers={"ci": "none"})


def test_missing_answers_are_listed_when_nobody_can_be_asked():
    with pytest.raises(UsageError, match="no answer for 'ci'") as caught:
        rendered(answers={"description": "x"}, defaults=False)

    assert "--defaults" in caught.value.help


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"colour": "red"}, "does not ask for 'colour'"),
        ({"name": "other"}, "does not ask for 'name'"),
        ({"description": "two\nlines"}, "write one line of text"),
        ({"description": ""}, "write one line of text"),
        ({"ci": "abacus"}, "'abacus' is not in"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(answers, reason):
    with pytest.raises(UsageError, match=reason):
        rendered(answers=answers)


def test_the_template_asks_for_what_its_file_says():
    assert set(question_names(TEMPLATE)) - set(FACTS) == {"description", "ci"}
