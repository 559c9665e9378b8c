"""Templates end: whatever they multiply, nest or repeat, the answer is a problem at their line, soon and in little memory."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.cloud_init.variables import USER_DATA_FILTERS, finalize_user_data
from vmgen.problems import ProblemsError
from vmgen.read.repository import Project
from vmgen.read.template_steps import MAX_STEPS, MAX_TOKENS, STEPS_PER_OBJECT, StepCounter, StepLimitError
from vmgen.read.templates import Templates

# One line each, so that the line of the problem is 1. What they would make does not fit into any memory, or takes hours.
BOMBS = {
    "center": "{{ 'x'.center(9000000000)|length }}",
    "ljust": "{{ 'x'.ljust(9000000000) }}",
    "rjust": "{{ 'x'.rjust(9000000000) }}",
    "zfill": "{{ '1'.zfill(9000000000) }}",
    "expandtabs": "{{ '\\t'.expandtabs(9000000000) }}",
    "the filter center": "{{ 'x'|center(9000000000) }}",
    "a filter by name": "{{ ['x']|map('center', 9000000000)|list }}",
    "format": "{{ '{:>9000000000}'.format('x')|length }}",
    "a computed format": "{{ '{:>{w}}'.format('x', w=9000000000) }}",
    "format_map": "{{ '{x:>9000000000}'.format_map({'x': 1}) }}",
    "the filter format": "{{ '%9000000000s'|format('x') }}",
    "a starred format": "{{ '%*d'|format(9000000000, 1) }}",
    "text times number": "{{ 'x' * 9000000000 }}",
    "number times list": "{{ (9000000000 * [1])|length }}",
    "a large power": "{{ 9 ** 9 ** 9 }}",
    "a large product": "{% set ns = dict(x=9) %}{{ (99999999999999999999 * 99999999999999999999 * 9999999999999999999)"
    " * (99999999999999999999999999999999999999999999999999) }}",
    "percent": "{{ '%9000000000d' % 1 }}",
    "doubling": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}",
    "doubling by plus": "{% set a = 'xxxxxxxxxx' %}" + "{% set a = a + a %}" * 40 + "{{ a }}",
    "doubling by blocks": "{% set a %}xxxxxxxxxx{% endset %}" + "{% set a %}{{ a }}{{ a }}{% endset %}" * 40 + "{{ a }}",
    "doubling of lists": "{% set a = [1, 2] %}" + "{% set a = a + a %}" * 40 + "{{ a|length }}",
    "shared lists": "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a|tojson }}",
    "shared lists compared": "{% set a = [1] %}{% set b = [1] %}" + "{% set a = [a, a] %}{% set b = [b, b] %}" * 60
    + "{{ 1 if a == b else 2 }}",
    "shared lists as text": "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a|string|length }}",
    "shared lists concatenated": "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ 'x' ~ a }}",
    "shared lists printed": "{% set a = [1] %}" + "{% set a = [a, a] %}" * 60 + "{{ a|pprint }}",
    "shared lists as YAML": "{% set a = [1] %}" + "{% set a = {'a': a, 'b': a} %}" * 60 + "{{ a|yaml }}",
    "replace": "{{ ('x'*100000).replace('x','y'*100000)|length }}",
    "replace of nothing": "{{ ('x'*100000)|replace('','y'*100000)|length }}",
    "join": "{{ range(99999)|join('y'*100000)|length }}",
    "the method join": "{{ ('y'*100000).join('x'*100000)|length }}",
    "join of joins": "{{ [range(99999)|join('yyyyyyyyyy')]|map('replace', '', 'xxxxxxxxxxxxxxx')|list|length }}",
    "indent": "{{ ('\\n'*100000)|indent(100000)|length }}",
    "indent by a text": "{{ ('\\n'*100000)|indent('x'*100000)|length }}",
    "batch": "{% for b in [1]|batch(2000000000,'x') %}{% endfor %}",
    "slice": "{% for b in [1]|slice(2000000000,'x') %}{% endfor %}",
    "slices": "{% set a = 'x' * 1000000 %}{% for b in range(99999) %}{% set c = a[1:] %}{% endfor %}",
    "nested ranges": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "ranges within filters": "{% for a in range(99999) %}{{ range(99999)|sum }}{% endfor %}",
    "a range searched": "{% for a in range(99999) %}{{ 1 if 'x' in range(99999) else 2 }}{% endfor %}",
    "a range mapped": "{{ range(99999)|map('string')|map('center', 5000)|list|length }}",
    "a long body": "{% for a in range(99999) %}" + "{% set x = a %}" * 2000 + "{% endfor %}",
    "a long text": "{% for a in range(99999) %}" + "x" * 100000 + "{% endfor %}",
    "sum of lists": "{{ range(9999)|batch(1)|map('list')|sum(start=range(99999)|list)|length }}",
    "groupby": "{% set x = [{'a': 1}, {'a': 2}] * 999 %}{% for a in range(99999) %}{{ x|groupby('a')|length }}{% endfor %}",
    "sort": "{% for a in range(99999) %}{{ range(99999)|sort|length }}{% endfor %}",
    "tojson": "{% set a = range(99999)|list %}{% for b in range(99999) %}{{ a|tojson|length }}{% endfor %}",
    "round": "{{ 1|round(999999999, 'ceil') }}",
    "wordwrap": "{{ ('-'*1000000)|wordwrap(1, wrapstring='y'*100000)|length }}",
    "urlize": "{{ ('http://a.b/(' * 99999)|urlize|length }}",
    "striptags": "{{ ('<!--' * 99999)|striptags|length }}",
    "urlencode": "{% for a in range(9999) %}{{ ('é' * 9999)|urlencode|length }}{% endfor %}",
    "recursion": "{% macro m(n) %}{% if n %}{{ m(n-1) }}{{ m(n-1) }}{% endif %}{% endmacro %}{{ m(40) }}",
    "endless recursion": "{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}",
    "blocks of themselves": "{% block a %}{{ self.a() }}{{ self.a() }}{% endblock %}",
    "a recursive loop": "{% for x in [1, 2] recursive %}{{ loop([1, 2]) }}{% endfor %}",
    "includes of itself": "{% include 'cloud-init/x.j2' %}{% include 'cloud-init/x.j2' %}",
    "imports of itself": "{% import 'cloud-init/x.j2' as x %}{% import 'cloud-init/x.j2' as y %}",
    "a search": "{% set x = 'a' * 500000 %}{% set z = 'a' * 1000 ~ 'b' ~ 'a' * 1000 %}"
    "{% for a in range(99999) %}{% set y = x.find(z) %}{% endfor %}",
    "a search by `in`": "{% set x = 'a' * 500000 %}{% set z = 'a' * 1000 ~ 'b' ~ 'a' * 1000 %}"
    "{% for a in range(99999) %}{% if z not in x %}{% endif %}{% endfor %}",
    "a search by a test": "{% set x = 'a' * 500000 %}{% set z = 'a' * 1000 ~ 'b' ~ 'a' * 1000 %}"
    "{% for a in range(99999) %}{% if z is in x %}{% endif %}{% endfor %}",
    "macros": "{% macro m() %}{% endmacro %}"
    "{% for b in range(99) %}{% for a in range(99999) %}{{ m() }}{% endfor %}{% endfor %}",
    "formats": "{% for b in range(99) %}"
    "{% for a in range(99999) %}{% set q = '{}{}{}'.format(a, a, a) %}{% endfor %}{% endfor %}",
    "tests": "{% for b in range(99) %}{{ range(99999)|select('odd')|reject('even')|list|length }}{% endfor %}",
    "large characters": "{% for a in range(99999) %}{{ '\U0001f600' * 100000 }}{% endfor %}",
    "a large number": "{{ ('9' * 4000)|int }}",
    "bytes": "{{ (1).to_bytes(9000000000, 'big')|length }}",
    "methods of bytes": "{{ 'x'.encode().center(9000000000)|length }}",
    "translate": "{{ ('x'*100000).translate({120: 'y'*100000})|length }}",
    "call blocks": "{% macro m() %}{{ caller() }}{{ caller() }}{% endmacro %}"
    + "{% call m() %}" * 18 + "x" * 100 + "{% endcall %}" * 18,
    "filter blocks": "{% filter center(9000000000) %}x{% endfilter %}",
    "nested brackets": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "nested conditions": "{% if 1 %}" * 5000 + "{% endif %}" * 5000,
    "nested loops": "{% for a in [1] %}" * 50 + "{% endfor %}" * 50,
    "many words": "{{ 1 }}" * 100000,
    "many signs": "{{ [" + "1," * 1000000 + "] }}",
}  # fmt: skip
SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from vmgen.cloud_init.variables import USER_DATA_FILTERS, finalize_user_data
from vmgen.problems import ProblemsError
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
root, results = Path(sys.argv[1]), {}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name, bomb in json.loads(sys.stdin.read()).items():
    (root / "templates" / "cloud-init" / "x.j2").write_text(bomb, encoding="utf-8")
    started = time.process_time()
    try:
        Templates(Project(root), finalize_user_data, USER_DATA_FILTERS, plain=True).render("cloud-init/x.j2", {})
        result = ["rendered", 0]
    except ProblemsError as error:
        result = [error.problems[0].message, error.problems[0].place.line]
    results[name] = [*result, time.process_time() - started]
print(json.dumps([results, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def limit_memory() -> None:
    """Let an allocation of more than 1.5 GB fail."""
    resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))


@pytest.mark.slow
def test_bombs(tmp_path: Path) -> None:
    """Each bomb is a problem at line 1 that says why, within 5 seconds of processor time and 300 MiB."""
    (tmp_path / "templates" / "cloud-init").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], input=json.dumps(BOMBS), capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True, check=False, timeout=300, preexec_fn=limit_memory,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results, memory = json.loads(done.stdout)
    bad = {
        name: result
        for name, result in results.items()
        if result[1] != 1 or result[2] > 5 or "Error" in result[0] or not result[0]
    }
    assert bad == {}
    assert memory < 300


@pytest.fixture(name="render")
def _render(tmp_path: Path) -> Callable[..., str]:
    """Renders a text as a template of user data."""

    def render(text: str, **values: object) -> str:
        (tmp_path / "templates" / "cloud-init").mkdir(parents=True, exist_ok=True)
        (tmp_path / "templates" / "cloud-init" / "x.j2").write_text(text, encoding="utf-8")
        return Templates(Project(tmp_path), finalize_user_data, USER_DATA_FILTERS, plain=True).render("cloud-init/x.j2", values)

    return render


def test_what_is_counted_is_unchanged(render: Callable[..., str]) -> None:
    """Loops, slices, membership, concatenation and calls give what Jinja gives."""
    text = (
        "{% for x in [1, 2, 3] %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last else '' }}"
        "{% else %}none{% endfor %};"
        "{{ 'abcdef'[1:3] ~ 2 ~ 'x' }};{{ 'b' in 'abc' }}{{ 'b' not in 'abc' }}{{ 2 is in [1, 2] }};"
        "{% for x in [[1, [2]]] recursive %}{% if x is number %}{{ x }}{% else %}({{ loop(x) }}){% endif %}{% endfor %};"
        "{% macro m(a, b=2) %}{{ a }}{{ b }}{{ caller() if caller else '' }}{% endmacro %}"
        "{% call m(3, b=4) %}c{% endcall %};"
        "{{ [[1], [2, 3]]|sum(start=[])|join('-') }};{{ [1, 2, 3]|batch(2, 0)|map('join', '+')|join(' ') }};"
        "{{ 'a b'|replace(' ', '_')|upper|center(7) }};{{ '{:>5}'.format('x') }};{{ '%05d'|format(42) }};"
        "{{ range(5)|slice(2)|map('list')|list|tojson }};{{ ['b', 'a']|sort|first }};{{ 10 * 1024 * 1024 * 1024 }};"
        "{{ {'a': 1}.items()|list|tojson }};{{ v.k if v.k is defined else '' }}"
    )
    assert render(text, v={"k": 1}).split(";") == [
        "1/3,2/3,3/3", "bc2x", "truefalsetrue", "(1(2))", "34c", "1-2-3", "1+2 3+0", "  A_B  ", "    x", "00042",
        "[[0, 1, 2], [3, 4]]", "a", "10737418240", '[["a", 1]]', "1",
    ]  # fmt: skip


@pytest.mark.parametrize(("number", "passes"), [(MAX_STEPS - 30, True), (MAX_STEPS + 1, False)])
def test_limit_of_steps(number: int, passes: bool) -> None:
    """The last step that is allowed passes, the next does not."""
    steps = StepCounter()
    steps.start_object()
    if passes:
        steps.spend(number)
    else:
        with pytest.raises(StepLimitError):
            steps.spend(number)


def test_limit_of_an_environment() -> None:
    """Each object adds its share, and another environment begins anew."""
    steps = StepCounter()
    steps.start_object(MAX_STEPS)
    steps.start_object(2 * STEPS_PER_OBJECT)
    with pytest.raises(StepLimitError):
        steps.start_object(STEPS_PER_OBJECT + 1)
    steps.start_environment()
    steps.start_object(MAX_STEPS)


@pytest.mark.parametrize(("number", "passes"), [((MAX_TOKENS - 10) // 2, True), (MAX_TOKENS, False)])
def test_limit_of_words(number: int, passes: bool, render: Callable[..., str]) -> None:
    """A template of many words is compiled, one of more is refused."""
    text = "{{ [" + "1," * number + "]|length }}"
    if passes:
        assert render(text) == str(number)
    else:
        with pytest.raises(ProblemsError, match="problem"):
            render(text)


def test_large_fleet_is_far_from_the_limits(repository: Callable) -> None:
    """A usual template takes less than a tenth of what an object of a large environment may take."""
    made = repository("namespace: tenant-a\nvms: {}\n")
    text = "#cloud-config\nhostname: {{ vm.name }}\nwrite_files:\n" + "".join(
        f"  - path: /etc/{number}\n    content: {{{{ vars.x | yaml }}}}\n" for number in range(20)
    )
    text += "packages:\n{% for name in vars.names %}\n  - {{ name }}\n{% endfor %}\n"
    made.write({"templates/cloud-init/x.j2": text})
    templates = Templates(made.project, finalize_user_data, USER_DATA_FILTERS, plain=True)
    values = {"vm": {"name": "web-1"}, "vars": {"x": "y" * 40, "names": ["nginx"] * 20}}
    for _ in range(10_000 // 100):
        templates.render("cloud-init/x.j2", values)
    assert templates.steps < STEPS_PER_OBJECT // 10
