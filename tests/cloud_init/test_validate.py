"""Findings in a text of user data: its first line, its YAML, its keys, its size."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft4Validator

from vmgen.cloud_init.document import MAX_DEPTH, MAX_VALUES, UserDataFinding, parse_document
from vmgen.cloud_init.rules import DUPLICATE_KEY, INVALID_VALUE, RULES, UNKNOWN_KEY
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.validate import MAX_BYTES, WARN_BYTES, UserDataChecker, check_text
from vmgen.read.repository import read_schema_text

FINE = (
    "",
    "#cloud-config\n",
    "#cloud-config\n# only a comment\n",
    "#cloud-config\npackages: [nginx]\n",
    "#Cloud-Config\npackages: [nginx]\n",
    "#!/bin/sh\necho\n",
    "#include\nhttps://example.com/x\n",
    "#include-once\nhttps://example.com/x\n",
    "#cloud-boothook\necho\n",
    "#part-handler\n",
    "#cloud-config-jsonp\n[]\n",
    "#cloud-config-archive\n- type: text/cloud-config\n  content: 'packages: [nginx]'\n",
    "## template: jinja\n#cloud-config\nfqdn: {{ v1.local_hostname }}\npackages: {{ ds.packages }}\n",
    "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x\n\n#!/bin/sh\n--x--\n",
    "From nobody\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\n#!/bin/sh\n--x--\n",
    "#cloud-config\nusers: [default, {name: ops, groups: sudo, sudo: ALL=(ALL) NOPASSWD:ALL}]\n",
    "#cloud-config\nusers: [{name: ops, expiredate: 2032-09-01}]\n",
    "#cloud-config\nbootcmd: &same [[a, b]]\nruncmd: *same\n",
    "#cloud-config\nmerge_how: [{name: list, settings: [append]}]\n",
)
# A text, the rule that it breaks, the line of the finding from 0, and a piece of its message.
WRONG = {
    "leading blank": (" #cloud-config\n", "cloud-init-header", 0, "begins with a blank or an empty line"),
    "leading line": ("\n#cloud-config\n", "cloud-init-header", 0, "begins with a blank or an empty line"),
    "no header": ("packages: [nginx]\n", "cloud-init-header", 0, "with the line `#cloud-config`, or write it as a mapping"),
    "header with a blank": ("# cloud-config\npackages: []\n", "cloud-init-header", 0, "did you mean `#cloud-config`?"),
    "misspelt header": ("#cloud-confg\npackages: []\n", "cloud-init-header", 0, "did you mean `#cloud-config`?"),
    "message without its version": (
        "Content-Type: multipart/mixed; boundary=X\n\n--X\nContent-Type: text/cloud-config\n\n#cloud-config\n--X--\n",
        "cloud-init-header",
        0,
        "a MIME message begins with `MIME-Version: 1.0`; add this line at the top",
    ),
    "late header": ("# ours\n#cloud-config\nruncmd: []\n", "cloud-init-header", 0, "move `#cloud-config` up from line 2"),
    "prose": ("hello\n", "cloud-init-header", 0, "begin with `#cloud-config`, or with `#!/bin/sh`"),
    "jinja without header": ("## template: jinja\npackages: []\n", "cloud-init-header", 1, "the next line must be a header"),
    "control character": ("#!/bin/sh\necho '\x07'\n", "cloud-init-character", 1, "U+0007"),
}
# The same for what follows the line `#cloud-config`, so the first line of these is 1.
WRONG_CONFIGS = {
    "not YAML": ("a: b: c", "cloud-config-syntax", 1, "quote text that contains ': '"),
    "two documents": ("runcmd: []\n---\nx: 1", "cloud-config-syntax", 2, "a second document begins here"),
    "list": ("- nginx", "cloud-config-syntax", 0, "must be a mapping"),
    "alias": ("runcmd: *nope", "cloud-config-syntax", 1, "cannot begin with '*'"),
    "tag": ("runcmd: !nope x", "cloud-config-syntax", 1, "an unknown tag"),
    "no date": ("final_message: 2026-99-99", "cloud-config-syntax", 0, "quote it"),
    "deep": ("runcmd: " + "[" * 60 + "]" * 60, "cloud-config-syntax", 0, "more than 50 levels"),
    "alias of itself": ("runcmd: &a [*a]", "cloud-config-syntax", 0, "aliases expand to too many values"),
    "key twice": ("runcmd: [a]\nruncmd: [b]", "cloud-config-duplicate-key", 2, "first at line 2 of the text"),
    "unknown key": ("pakages: [x]", "unknown-cloud-config-key", 1, "did you mean 'packages'?"),
    "unknown below": ("ntp:\n  sever: [x]", "unknown-cloud-config-key", 2, "did you mean 'servers'?"),
    "unknown in a choice": ("users:\n  - name: a\n    shel: x", "unknown-cloud-config-key", 3, "'shell'?"),
    "type": ("runcmd: ls", "invalid-cloud-config", 1, "must be a list"),
    "type in a choice": ("packages: [a, 1]", "invalid-cloud-config", 1, "must be a mapping or a list or text"),
    "words": ("growpart: {mode: x}", "invalid-cloud-config", 1, "must be auto or growpart or gpart or off or false"),
    "one word": ("write_files: [{path: /x, encoding: b65}]", "invalid-cloud-config", 1, "must be one of gz, gzip,"),
    "missing": ("write_files:\n  - content: x", "invalid-cloud-config", 2, "the key 'path' is missing"),
    "empty": ("runcmd: []", "invalid-cloud-config", 1, "must not be empty"),
    "one item too many": ("packages: [[a, b, c]]", "invalid-cloud-config", 1, "has more items than"),
    "deprecated key": ("apt_update: true", "deprecated-cloud-config", 1, "Use `package_update` instead"),
    "deprecated form": ("rh_subscription: {org: 12}", "deprecated-cloud-config", 1, "deprecated since cloud-init 24.2"),
}
WRONG |= {name: (f"#cloud-config\n{text}\n", *expected) for name, (text, *expected) in WRONG_CONFIGS.items()}


@pytest.mark.parametrize("text", FINE, ids=range(len(FINE)))
def test_fine(text: str) -> None:
    """What cloud-init takes, we take."""
    assert check_text(text) == ()


@pytest.mark.parametrize(("text", "rule", "line", "says"), WRONG.values(), ids=WRONG)
def test_wrong(text: str, rule: str, line: int, says: str) -> None:
    """One mistake is one finding, at its line, with its remedy."""
    (finding,) = check_text(text)
    assert (finding.rule.id, finding.line) == (rule, line)
    assert says in finding.message


@pytest.mark.parametrize(
    ("size", "rules"),
    [
        (WARN_BYTES - 3, []),  # as JSON, the text has two quotes and an escaped line feed more
        (WARN_BYTES - 2, ["large-cloud-init"]),
        (MAX_BYTES, ["large-cloud-init"]),
        (MAX_BYTES + 1, ["cloud-init-too-large"]),
    ],
)
def test_size(size: int, rules: list[str]) -> None:
    """What does not fit into an annotation is a warning, what does not fit into a Secret an error."""
    assert [finding.rule.id for finding in check_text("#!/bin/sh\n".ljust(size, ":"))] == rules


@pytest.mark.parametrize(
    ("text", "is_read"),
    [
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, True),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), False),
        # A list of 1,000 values with itself, 199 times in all, single values, and the list around them.
        (f"- &a [{'x, ' * 999}]\n" + "- *a\n" * 198 + "- x\n" * (MAX_VALUES - 199_001), True),
        (f"- &a [{'x, ' * 999}]\n" + "- *a\n" * 198 + "- x\n" * (MAX_VALUES - 199_000), False),
    ],
    ids=["deepest", "too deep", "most values", "too many values"],
)
def test_limits(text: str, is_read: bool) -> None:
    """What nests deeper, or unfolds to more values, than a cloud-config may is refused before anything walks through it."""
    document, findings = parse_document(text)
    assert (document is not None, findings == []) == (is_read, is_read)


def test_nothing_repeats_a_value() -> None:
    """A message never quotes what stands there, since it may be a secret."""
    word = "hunter" + "22"
    text = f"#cloud-config\nruncmd: {word}\ngrowpart: {{mode: {word}}}\npackages: [[{word}, {word}, {word}]]\nntp: *{word}\n"
    assert not any(word in finding.message for finding in check_text(text))
    text = text.replace(f"ntp: *{word}\n", "")
    assert len(check_text(text)) == 3
    assert not any(word in finding.message for finding in check_text(text))


def test_one_text_of_a_shape_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that differ in the VM's name and in numbers share their findings, unless a number is a value by itself."""
    checked: list[str] = []

    def check(text: str, *, for_windows: bool) -> tuple[UserDataFinding, ...]:
        assert not for_windows
        checked.append(text)
        return ()

    monkeypatch.setattr("vmgen.cloud_init.validate.check_text", check)
    texts = [UserData(f"#cloud-config\nfqdn: web-{n}\nruncmd: [echo {n} is up]\n", name=f"web-{n}") for n in range(1, 4)]
    assert UserDataChecker().find_problems(texts) == []
    assert len(checked) == 1
    with_numbers = [UserData(f"{item.text}mtu: {n}\n", name=item.name) for n, item in enumerate(texts)]
    assert UserDataChecker().find_problems(with_numbers) == []
    assert len(checked) == 4


@pytest.mark.parametrize(("one", "other"), [("mode: 0644", "mode: 644"), ("a: x", "a: y"), ("a: 1", "a: 1.5")])
def test_other_shapes(one: str, other: str) -> None:
    """What YAML reads as something else is another shape."""
    assert UserData(one, name="web-1").normalized_text != UserData(other, name="web-1").normalized_text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
SCHEMA = Draft4Validator(json.loads(read_schema_text("cloud-init/cloud-config")))
KEYS = st.sampled_from(["users", "packages", "chpasswd", "write_files", "ssh_keys", "runcmd", "apt", "ntp", "nope"])


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_config(config: dict[str, Any]) -> None:
    """Whatever a cloud-config holds, looking at it ends, and the schema's verdict on it is that of a plain validator."""
    rules = {finding.rule for finding in check_text("#cloud-config\n" + yaml.safe_dump(config))}
    assert rules <= set(RULES)
    if DUPLICATE_KEY not in rules:  # 1 and "1" are one key in JSON
        data = json.loads(json.dumps(config, default=str))
        assert rules.isdisjoint((UNKNOWN_KEY, INVALID_VALUE)) is SCHEMA.is_valid(data)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Whatever stands after the header, looking at it ends, and points at a line of the text."""
    text = f"#cloud-config\n{text}"
    lines = sum(map(text.count, "\n\r\x85\u2028"))
    assert all(0 <= finding.line <= lines for finding in check_text(text))


def test_rules_are_documented() -> None:
    """Ids are unique, and each rule has two paragraphs: what it refuses and why, and what to do."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert [rule.id for rule in RULES if len(rule.text.split("\n\n")) != 2] == []


def test_environments_share_the_findings_of_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second environment looks at no text of the first again, reports its findings for its own VM, and looks at others."""
    checked: list[str] = []

    def check(text: str, *, for_windows: bool) -> tuple[UserDataFinding, ...]:
        checked.append(text)
        return check_text(text, for_windows=for_windows)

    monkeypatch.setattr("vmgen.cloud_init.validate.check_text", check)
    checker = UserDataChecker()

    def find(key: str, environment: str, *, for_windows: bool = False) -> list[str]:
        text = f"#cloud-config\n{key}: {environment}-1\n"
        item = UserData(text, environment, name=f"{environment}-1", for_windows=for_windows)
        return [f"{problem.subject} {problem.rule}" for problem in checker.find_problems([item])]

    assert find("hostnam", "dev") == ["dev.hostnam unknown-cloud-config-key"]
    assert find("hostnam", "web") == ["web.hostnam unknown-cloud-config-key"]
    assert len(checked) == 1
    assert find("hostname", "web") == []
    assert find("hostname", "web", for_windows=True) == []
    assert len(checked) == 3
