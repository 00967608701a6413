"""How the package speaks in its docstrings: a function's begins with a verb."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(path for folder in ("amkd", "benchmarks") for path in (ROOT / folder).rglob("*.py"))
# Words that end as a verb in the third person does.
NO_VERBS = {"As", "Has", "Is", "Its", "Others", "This", "Was", "Whose", "Less", "Classes"}
OF = re.compile(r"^\s*\*{0,2}\w+: of ", re.MULTILINE)  # such as "name: of the table"


def functions(path):
    """Functions and methods, without properties, which are named as things."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            named = {getattr(one, "id", getattr(one, "attr", "")) for one in node.decorator_list}
            if not named & {"property", "cached_property"}:
                yield node


def begins_with_a_verb(text):
    """Whether a docstring does; one that names another, or begins with its arguments, may."""
    first = text.split(maxsplit=1)[0].rstrip(",;:")
    return first in ("See", "Args") or (first.endswith("s") and first not in NO_VERBS)


def test_the_rule_itself():
    assert begins_with_a_verb("Returns the k pairs with the lowest C2.")
    assert not begins_with_a_verb("The k pairs with the lowest C2.")
    assert not begins_with_a_verb("Its ReLU.")
    assert OF.search("  Args:\n    name: of the table.\n") and not OF.search(
        "  name: the name of it"
    )


def test_docstrings_of_functions():
    odd = [
        f"{path.relative_to(ROOT)}: {node.name}: {text}"
        for path in FILES
        for node in functions(path)
        if (text := ast.get_docstring(node)) and not begins_with_a_verb(text)
    ]
    assert odd == []


def test_arguments_are_named_in_full():
    """Such as "name: the name of the table"."""
    found = {path: OF.findall(path.read_text(encoding="utf-8")) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}
