"""What each rule is about: the paragraphs of docs/rules.md, and the descriptions in SARIF."""

from __future__ import annotations

from typing import NamedTuple

from vmgen.problems import Severity


class RuleDoc(NamedTuple):
    """A rule for readers: its id, its severity where nothing changes it, and its paragraph."""

    id: str
    severity: Severity
    text: str


# The rules that are no functions of their own, since reading, rendering or comparing finds their problems on the way.
_INLINE_RULES: tuple[tuple[str, Severity, str], ...] = (
    ("file-too-large", "error", "A file of more than 16 MiB. Split the environment, or move groups into layers."),
    (
        "not-utf-8",
        "error",
        "A file that is not UTF-8 text. Save it as UTF-8; a byte order mark is taken, other encodings are not.",
    ),
    ("unreadable-file", "error", "A file that the system does not let vmgen read. The message says why."),
    (
        "yaml-syntax",
        "error",
        "A file that is not YAML. The message is the parser's, at the place where it gave up; nothing after it was read.",
    ),
    ("tab-indentation", "error", "A tab in the indentation. YAML takes spaces only."),
    ("several-documents", "error", "A `---` that begins a second document. One file is one environment, or one layer of one."),
    (
        "yaml-tag",
        "error",
        "A YAML tag such as `!!python/object` or `!Ref`. Values are plain text, numbers, true and false, lists and mappings.",
    ),
    (
        "merge-key",
        "error",
        "The merge key `<<`. Layers do its work, and errors then point at the line that wrote a value: use `defaults:` or `extends:`.",
    ),
    ("unknown-alias", "error", "An alias `*name` whose anchor `&name` does not stand above it. Write the value out."),
    ("alias-bomb", "error", "Aliases that unfold to millions of values. Write them out."),
    ("too-deep", "error", "More than 50 levels, or two million values, in one file."),
    (
        "duplicate-key",
        "error",
        "A key that is written twice in one mapping. Most parsers take the last one in silence; here it is a mistake to mend.",
    ),
    ("key-not-text", "error", "A key that is not text or a whole number. Put it in quotes."),
    (
        "ambiguous-scalar",
        "error",
        "A plain word or number that YAML tools read as different things: `no` and `y` (true or false to some), `014` and `0o14` "
        "(octal to some), `1e3`, `1_000`, `22:22` (base 60 to some), `.inf`, `=`. Put it in quotes for the text, or write the value "
        "in its one form (`true`, `12`).",
    ),
    (
        "unprintable-character",
        "error",
        "A control character, U+0085, U+2028, U+2029, a byte order mark inside the text, or half of a surrogate pair: YAML tools lose or change them.",
    ),
    (
        "unknown-key",
        "error",
        "A key that means nothing here. The platform would accept it in silence and ignore it, so vmgen does not. The message suggests the nearest key.",
    ),
    (
        "wrong-type",
        "error",
        "A value of another type than the key takes. Nothing is converted: `version: 24.10` is the number 24.1, not a text.",
    ),
    (
        "invalid-value",
        "error",
        "A value outside of what the key takes: another word, a number out of range, a text of another form. The message says what is taken.",
    ),
    (
        "invalid-name",
        "error",
        "A name that the platform refuses: lower-case letters, digits and dashes, a letter first, no dash at the end.",
    ),
    ("missing-key", "error", "A mapping without a key that it needs."),
    ("duplicate-item", "error", "A list in which something stands twice."),
    ("missing-key-file", "error", "A file of SSH keys that is not there, cannot be read, or lies outside of the repository."),
    ("empty-key-file", "error", "A file of SSH keys without a key in it."),
    ("missing-layer", "error", "`extends` names a file that is not there, or lies outside of the repository."),
    ("extends-cycle", "error", "Two layers that extend each other."),
    ("environment-suffix", "warning", "A file in environments/ that ends in `.yml`. It is not read; rename it to `.yaml`."),
    (
        "environment-name",
        "error",
        "An environment file whose name cannot name a folder everywhere. Use lower-case letters, digits and dashes, and no device name of Windows.",
    ),
    ("unknown-platform", "error", "A platform without a folder under templates/."),
    (
        "template-error",
        "error",
        "A template that does not compile or fails: a mistake in its syntax, an undefined variable, something that the sandbox forbids. The place is the template's line.",
    ),
    (
        "template-output",
        "error",
        "A template whose output is not what was meant: not exactly one object, another kind, name or namespace, a field missing "
        "or unknown, a wrong type, blanks at the end of a line. The place is the template's line; nothing is written.",
    ),
    (
        "delivery-clash",
        "error",
        "Two environments that ask Argo CD or Flux for one object, or one ApplicationSet whose environments do not agree on its "
        "settings. Write a `prefix:` that tells them apart, or the settings in `_defaults.yaml`.",
    ),
    (
        "tracked-notes",
        "error",
        "A file below `.vmgen/` that Git tracks. vmgen keeps notes of earlier runs there, so that a render skips what has not "
        "changed; a commit could forge them. Run `git rm -r --cached .vmgen`.",
    ),
    (
        "symlinked-output",
        "error",
        "A symbolic link where a folder or file of manifests/ should be. vmgen writes only into its own tree.",
    ),
    (
        "foreign-file-in-the-way",
        "error",
        "A file that vmgen did not write lies where a manifest should be. It is never overwritten; move it away.",
    ),
    (
        "foreign-file",
        "warning",
        "A file in manifests/ that vmgen did not write. It is left alone, but Argo CD and Flux may apply it; move it out.",
    ),
    (
        "empty-result",
        "error",
        "A render that would leave nothing of an environment. It is a mistake far more often than a wish; `--allow-empty` lets it through.",
    ),
    (
        "drift",
        "error",
        "A committed manifest that is not what its environment renders: missing, changed by hand, or no longer wanted. Run `vmgen render`.",
    ),
    (
        "destroys-data",
        "error",
        "A disk that is committed and no longer rendered: removed, renamed, its group's count lowered, its environment gone. "
        "Deleting a VMDisk deletes the data. Restore it, or name it under `retire:` with a reason; the message prints the lines.",
    ),
    (
        "rejected-change",
        "error",
        "A change that the platform rejects after the merge, such as another storage class of a disk that exists. Take it back; "
        "a `retire:` entry for the object lets it pass.",
    ),
    (
        "expired-tombstone",
        "error",
        "A `retire:` entry that is past its `until`, while what it names is still being removed. Write a later day, or restore the object.",
    ),
    (
        "tombstone-in-use",
        "error",
        "A `retire:` entry that names an object which is still rendered. Take the object out of the environment, or remove the entry.",
    ),
    (
        "stale-tombstone",
        "warning",
        "A `retire:` entry that names nothing which is committed any more. Remove it once the removal is merged.",
    ),
    ("empty-tombstone", "error", "A `retire:` entry with neither `disk:` nor `vm:`. Write the name of what may go."),
    (
        "unreadable-baseline",
        "warning",
        "A committed manifest that is not YAML, so that the plan cannot say what becomes of the object in it.",
    ),
    ("kustomize-differs", "error", "The kustomize engine builds other objects from manifests/ than were rendered."),
)


def list_rules() -> tuple[RuleDoc, ...]:
    """Every rule there is."""
    from vmgen.check.policy import RULES as ON_POLICIES
    from vmgen.check.rules import RULES
    from vmgen.check.waivers import RULES as ON_WAIVERS
    from vmgen.cloud_init.rules import RULES as ON_CLOUD_INIT
    from vmgen.render.policies import USER_DATA_RULES as ON_USER_DATA

    functions = (
        RuleDoc(rule.id, rule.severity, rule.text)
        for rule in (*RULES, *ON_WAIVERS, *ON_CLOUD_INIT, *ON_POLICIES, *ON_USER_DATA)
    )
    return (*(RuleDoc(*row) for row in _INLINE_RULES), *functions)
