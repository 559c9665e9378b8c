"""What is wrong with a text of user data: its first line, its YAML, its keys, its size."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vmgen.cloud_init.document import UserDataFinding
from vmgen.cloud_init.rules import RULES
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.validate import MAX_BYTES, WARN_BYTES, check_text, validate_user_data

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
    "## template: jinja\n#cloud-config\nfqdn: {{ v1.hostname }}\npackges: {{ nope }}\n",
    "Content-Type: multipart/mixed; boundary=x\nMIME-Version: 1.0\n\n--x--\n",
    "From nobody\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n--x--\n",
    "#cloud-config\nusers: [default, {name: ops, groups: sudo, sudo: ALL=(ALL) NOPASSWD:ALL}]\n",
    "#cloud-config\nusers: [{name: ops, expiredate: 2032-09-01}]\n",
    "#cloud-config\nbootcmd: &same [[a, b]]\nruncmd: *same\n",
    "#cloud-config\nmerge_how: [{name: list, settings: [append]}]\n",
)
WRONG: dict[str, tuple[str, str, int, str]] = {
    "leading blank": (" #cloud-config\n", "cloud-init-header", 0, "begins with a blank or an empty line"),
    "leading line": ("\n#cloud-config\n", "cloud-init-header", 0, "begins with a blank or an empty line"),
    "no header": (
        "packages: [nginx]\n",
        "cloud-init-header",
        0,
        "begin with the line `#cloud-config`, or write it as a mapping",
    ),
    "header with a blank": ("# cloud-config\npackages: []\n", "cloud-init-header", 0, "did you mean `#cloud-config`?"),
    "misspelt header": ("#cloud-confg\npackages: []\n", "cloud-init-header", 0, "did you mean `#cloud-config`?"),
    "late header": ("# ours\n#cloud-config\nruncmd: []\n", "cloud-init-header", 0, "move `#cloud-config` up from line 2"),
    "prose": ("hello\n", "cloud-init-header", 0, "begin with `#cloud-config`, or with `#!/bin/sh`"),
    "jinja without header": ("## template: jinja\npackages: []\n", "cloud-init-header", 1, "the next line must be a header"),
    "not YAML": ("#cloud-config\na: b: c\n", "cloud-config-syntax", 1, "quote a text that holds ': '"),
    "two documents": ("#cloud-config\nruncmd: []\n---\nx: 1\n", "cloud-config-syntax", 2, "a second document begins here"),
    "list": ("#cloud-config\n- nginx\n", "cloud-config-syntax", 0, "must be a mapping"),
    "alias": ("#cloud-config\nruncmd: *nope\n", "cloud-config-syntax", 1, "cannot begin with '*'"),
    "tag": ("#cloud-config\nruncmd: !nope x\n", "cloud-config-syntax", 1, "an unknown tag"),
    "no date": ("#cloud-config\nfinal_message: 2026-99-99\n", "cloud-config-syntax", 0, "put it in quotes"),
    "deep": ("#cloud-config\nruncmd: " + "[" * 60 + "]" * 60 + "\n", "cloud-config-syntax", 0, "more than 50 levels"),
    "key twice": ("#cloud-config\nruncmd: [a]\nruncmd: [b]\n", "cloud-config-duplicate-key", 2, "first at line 2 of the text"),
    "unknown key": ("#cloud-config\npakages: [x]\n", "unknown-cloud-config-key", 1, "did you mean 'packages'?"),
    "unknown below": ("#cloud-config\nntp:\n  sever: [x]\n", "unknown-cloud-config-key", 2, "did you mean 'servers'?"),
    "unknown in a choice": ("#cloud-config\nusers:\n  - name: a\n    shel: x\n", "unknown-cloud-config-key", 3, "'shell'?"),
    "type": ("#cloud-config\nruncmd: ls\n", "invalid-cloud-config", 1, "must be a list"),
    "type in a choice": ("#cloud-config\npackages: [a, 1]\n", "invalid-cloud-config", 1, "must be a mapping or a list or text"),
    "words": (
        "#cloud-config\ngrowpart: {mode: x}\n",
        "invalid-cloud-config",
        1,
        "must be auto or growpart or gpart or off or false",
    ),
    "one word": (
        "#cloud-config\nwrite_files: [{path: /x, encoding: b65}]\n",
        "invalid-cloud-config",
        1,
        "must be one of gz, gzip,",
    ),
    "missing": ("#cloud-config\nwrite_files:\n  - content: x\n", "invalid-cloud-config", 2, "the key 'path' is missing"),
    "empty": ("#cloud-config\nruncmd: []\n", "invalid-cloud-config", 1, "must not be empty"),
    "one item too many": ("#cloud-config\npackages: [[a, b, c]]\n", "invalid-cloud-config", 1, "has more items than"),
    "deprecated key": ("#cloud-config\napt_update: true\n", "deprecated-cloud-config", 1, "Use `package_update` instead"),
    "deprecated form": (
        "#cloud-config\nrh_subscription: {org: 12}\n",
        "deprecated-cloud-config",
        1,
        "deprecated since cloud-init 24.2",
    ),
    "control character": ("#!/bin/sh\necho '\x07'\n", "cloud-init-character", 1, "U+0007"),
}


@pytest.mark.parametrize("text", FINE, ids=range(len(FINE)))
def test_fine(text: str) -> None:
    """What cloud-init takes, we take."""
    assert check_text(text) == ()


@pytest.mark.parametrize("case", WRONG)
def test_wrong(case: str) -> None:
    """One mistake is one finding, at its line, with its remedy."""
    text, rule, line, says = WRONG[case]
    (found,) = check_text(text)
    assert (found.rule.id, found.line) == (rule, line)
    assert says in found.message


@pytest.mark.parametrize(
    ("size", "rules"),
    [(1000, []), (WARN_BYTES - 20, []), (WARN_BYTES + 20, ["large-cloud-init"]), (MAX_BYTES + 1, ["cloud-init-too-large"])],
)
def test_size(size: int, rules: list[str]) -> None:
    """What does not fit into an annotation is a warning, what does not fit into a Secret an error."""
    text = "#!/bin/sh\n"
    assert [each.rule.id for each in check_text(text + ":" * (size - len(text)))] == rules


def test_alias_bomb() -> None:
    """Aliases that unfold to a great many values are refused before anything walks through them."""
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    (found,) = check_text(f"#cloud-config\na0: &a0 [x]\n{levels}")
    assert "aliases unfold to too many values" in found.message


def test_alias_of_itself() -> None:
    """An alias that holds itself is refused too."""
    (found,) = check_text("#cloud-config\nruncmd: &a [*a]\n")
    assert "aliases unfold to too many values" in found.message


def test_nothing_repeats_a_value() -> None:
    """A message never quotes what stands there, since it may be a secret."""
    word = "hunter" + "22"
    text = f"#cloud-config\nruncmd: {word}\ngrowpart: {{mode: {word}}}\npackages: [[{word}, {word}, {word}]]\nntp: *{word}\n"
    assert [each for each in check_text(text) if word in each.message] == []
    text = text.replace(f"ntp: *{word}\n", "")
    assert len(check_text(text)) == 3
    assert [each for each in check_text(text) if word in each.message] == []


def test_one_text_of_a_shape_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that differ in the VM's name and in numbers share what is found; with `verify_all` each is looked at."""
    looked: list[str] = []

    def look(text: str) -> tuple[UserDataFinding, ...]:
        looked.append(text)
        return ()

    monkeypatch.setattr("vmgen.cloud_init.validate.check_text", look)
    texts = [UserData(f"#cloud-config\nfqdn: web-{n}\nuid: {n}\n", name=f"web-{n}") for n in range(1, 4)]
    assert validate_user_data(texts) == []
    assert len(looked) == 1
    validate_user_data(texts, verify_all=True)
    assert len(looked) == 4


@pytest.mark.parametrize(("one", "other"), [("mode: 0644", "mode: 644"), ("a: x", "a: y"), ("a: 1", "a: 1.5")])
def test_other_shapes(one: str, other: str) -> None:
    """What YAML reads as something else is another shape."""
    assert UserData(one, name="web-1").normalized_text != UserData(other, name="web-1").normalized_text


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["users", "packages", "chpasswd", "write_files", "ssh_keys", "runcmd", "apt", "ntp", "nope"])


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_any_config(config: dict[str, Any]) -> None:
    """Whatever a cloud-config holds, looking at it ends, and each finding is by a rule that is documented."""
    found = check_text("#cloud-config\n" + yaml.safe_dump(config))
    assert {each.rule for each in found} <= set(RULES)


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    """Whatever stands after the header, looking at it ends, and points at a line of the text."""
    text = f"#cloud-config\n{text}"
    assert all(
        0 <= each.line <= text.count("\n") + text.count("\r") + text.count("\x85") + text.count("\u2028")
        for each in check_text(text)
    )


def test_rules_are_documented() -> None:
    """Ids are unique, and each rule has two paragraphs: what it refuses and why, and what to do."""
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert [rule.id for rule in RULES if len(rule.text.split("\n\n")) != 2] == []
