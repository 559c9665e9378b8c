"""The registry of rules: a class, and a constant for each rule that is not a function in check/rules/ or on cloud-init.

Each problem is built from a rule, so that its id, severity and paragraph in docs/rules.md have one source.
"""

from __future__ import annotations

from dataclasses import dataclass
from inspect import cleandoc

from vmgen.problems import Place, Problem, Severity


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: the id that messages carry, its paragraph in docs/rules.md, and the severity unless an environment changes it.

    `doc` may be indented like a docstring.
    """

    id: str
    doc: str
    severity: Severity = "error"

    @property
    def text(self) -> str:
        """The paragraph without the indentation of a docstring."""
        return cleandoc(self.doc)

    def build_problem(self, place: Place, subject: str, message: str, lines: tuple[str, ...] = ()) -> Problem:
        """Return a problem of this rule. See Problem for the arguments."""
        return Problem(place, self.id, subject, message, self.severity, lines)


# Reading files and YAML
FILE_TOO_LARGE = Rule("file-too-large", "A file of more than 16 MiB. Split the environment, or move groups into layers.")
NOT_UTF_8 = Rule(
    "not-utf-8",
    "A file that is not UTF-8 text. Save it as UTF-8; a byte order mark is taken, other encodings are not.",
)
UNREADABLE_FILE = Rule("unreadable-file", "A file that the system does not let vmgen read. The message says why.")
TOML_SYNTAX = Rule(
    "toml-syntax", "A `vmgen.toml` that is not TOML. The message says what the parser did not expect, and where."
)
YAML_SYNTAX = Rule(
    "yaml-syntax",
    "A file that is not YAML. The message is the parser's, at the place where it gave up; nothing after it was read.",
)
TAB_INDENTATION = Rule("tab-indentation", "A tab in the indentation. YAML takes spaces only.")
SEVERAL_DOCUMENTS = Rule(
    "several-documents",
    "A `---` that begins a second document. One file is one environment, or one layer of one.",
)
YAML_TAG = Rule(
    "yaml-tag",
    "A YAML tag such as `!!python/object` or `!Ref`. Values are plain text, numbers, true and false, lists and mappings.",
)
MERGE_KEY = Rule(
    "merge-key",
    "The merge key `<<`. Layers do its work, and errors then point at the line that wrote a value: use `defaults:` or `extends:`.",
)
UNKNOWN_ALIAS = Rule("unknown-alias", "An alias `*name` whose anchor `&name` does not stand above it. Write the value out.")
ALIAS_BOMB = Rule("alias-bomb", "Aliases that unfold to millions of values. Write them out.")
TOO_DEEP = Rule("too-deep", "More than 50 levels, or two million values, in one file.")
DUPLICATE_KEY = Rule(
    "duplicate-key",
    "A key that is written twice in one mapping. Most parsers take the last one in silence; here it is a mistake to mend.",
)
KEY_NOT_TEXT = Rule("key-not-text", "A key that is not text or a whole number. Put it in quotes.")
AMBIGUOUS_SCALAR = Rule(
    "ambiguous-scalar",
    "A plain word or number that YAML tools read as different things: `no` and `y` (true or false to some), `014` and `0o14` (octal to some), `1e3`, `1_000`, `22:22` (base 60 to some), `.inf`, `=`. Put it in quotes for the text, or write the value in its one form (`true`, `12`).",
)
UNPRINTABLE_CHARACTER = Rule(
    "unprintable-character",
    "A control character, U+0085, U+2028, U+2029, a byte order mark inside the text, or half of a surrogate pair: YAML tools lose or change them.",
)

# The JSON Schema of what was read
UNKNOWN_KEY = Rule(
    "unknown-key",
    "A key that means nothing here. The platform would accept it in silence and ignore it, so vmgen does not. The message suggests the nearest key.",
)
WRONG_TYPE = Rule(
    "wrong-type",
    "A value of another type than the key takes. Nothing is converted: `version: 24.10` is the number 24.1, not a text.",
)
INVALID_VALUE = Rule(
    "invalid-value",
    "A value outside of what the key takes: another word, a number out of range, a text of another form. The message says what is taken.",
)
INVALID_NAME = Rule(
    "invalid-name",
    "A name that the platform refuses: lower-case letters, digits and dashes, a letter first, no dash at the end.",
)
MISSING_KEY = Rule("missing-key", "A mapping without a key that it needs.")
DUPLICATE_ITEM = Rule("duplicate-item", "A list in which something stands twice.")

# The files of a repository, and layers
MISSING_KEY_FILE = Rule(
    "missing-key-file",
    "A file of SSH keys that is not there, cannot be read, or lies outside of the repository.",
)
EMPTY_KEY_FILE = Rule("empty-key-file", "A file of SSH keys without a key in it.")
MISSING_LAYER = Rule("missing-layer", "`extends` names a file that is not there, or lies outside of the repository.")
EXTENDS_CYCLE = Rule("extends-cycle", "Two layers that extend each other.")
ENVIRONMENT_SUFFIX = Rule(
    "environment-suffix",
    "A file in environments/ that ends in `.yml`, `.YAML` or the like. It is not read; rename it to `.yaml`.",
    "warning",
)
ENVIRONMENT_NAME = Rule(
    "environment-name",
    "An environment file whose name cannot name a folder everywhere. Use lower-case letters, digits and dashes, and no device name of Windows.",
)
UNREAD_FILE = Rule(
    "unread-file",
    """A file that looks like an environment, shared defaults, a catalog or a policy, and is not read: `_defaults.yml`, an environment
in a subfolder that no `extends:` names, `policies/eu/x.yaml`. Nobody would notice that it has no effect.

Rename or move it as the message says.""",
    "warning",
)
UNKNOWN_PLATFORM = Rule("unknown-platform", "A platform without a folder under templates/.")
UNKNOWN_PLATFORM_VERSION = Rule(
    "unknown-platform-version",
    """A version that is newer or older than those whose rules vmgen knows. Nobody can tell what such a platform takes.

Write one of the versions that the message lists, or install a newer vmgen.""",
)
FUNCTION_CONFIG = Rule(
    "function-config",
    "A `functionConfig` that is not an Environment: another kind, no name, no `spec`, or a key that belongs under `spec`.",
)

# Policies and waivers
UNKNOWN_POLICY = Rule(
    "unknown-policy",
    """A name below `policy:` that is no policy: neither a built-in one, nor the id of a file under policies/. Nothing would be
enforced, and nobody would notice.

Correct the name; the message suggests the nearest, or lists all.""",
)
INVALID_POLICY = Rule(
    "invalid-policy",
    """A file under policies/ whose `schema:` is no JSON Schema, or has a `$ref` that leads out of the file.

Correct it at the place that the message names; definitions stand under `$defs` in the same schema.""",
)
STALE_SCHEMA = Rule(
    "stale-schema",
    "The schema that editors complete with, `schema/environment.values.schema.json`, is not what the catalogs and this version of vmgen make. `vmgen render` writes it anew where it exists.",
    "warning",
)
POLICY_FILE_NAME = Rule(
    "policy-file-name",
    "A YAML file below `policies/` that is not read, since it ends in `.yml` or lies in a subfolder: a policy that nobody reads enforces nothing. The message says where it has to go.",
)
DUPLICATE_POLICY = Rule(
    "duplicate-policy",
    """A policy with the id of another one, or of a rule of vmgen's.

Take another id: it names the policy in messages, in `policy:` and in waivers.""",
)
WHOLE_IP = Rule(
    "WholeIP",
    """A VM with `externalMethod: WholeIP`: every port of it answers the Internet, those that an update opens included. The
reference page of the platform asks for a firewall in the VM: without a line for `WholeIP` under `policy:`, a VM whose user data
turns one on (ufw, nftables, firewalld, iptables, that of Windows) passes.

List what has to be reachable in `externalPorts:`, or waive the policy for the VM that needs it.""",
    "warning",
)
NO_SSH_KEY = Rule(
    "no-ssh-key",
    """A VM without an SSH key, and without user data that lets anybody in: nobody could log in. Windows is left out.

Write `sshKeys:` on the group or in `defaults:`, or let cloud-init make a user with a key.""",
    "warning",
)
NO_CLOUD_INIT_HARDENING = Rule(
    "no-cloud-init-hardening",
    """A VM with a public address whose user data does not turn SSH passwords off. Windows is left out.

Write `ssh_pwauth: false` in its cloud-init, best in a fragment that all groups merge.""",
    "warning",
)
STALE_WAIVER = Rule(
    "stale-waiver",
    """A waiver that lets nothing pass: the rule finds nothing there, or the names do not match.

Remove it, so that it does not hide the next mistake. Waivers in shared layers are not reported: another environment may
need them.""",
    "warning",
)
WAIVER_DAY = Rule(
    "waiver-day",
    """A waiver whose `until:` is no day of the calendar.

Write the last day on which it counts, such as 2026-12-31.""",
)

# Rendering
TEMPLATE_ERROR = Rule(
    "template-error",
    "A template that does not compile or fails: a mistake in its syntax, an undefined variable, something that the sandbox forbids. The place is the template's line.",
)
TEMPLATE_OUTPUT = Rule(
    "template-output",
    "A template whose output is not what was meant: not exactly one object, another kind, name or namespace, a field missing or unknown, a wrong type, blanks at the end of a line. The place is the template's line; nothing is written.",
)
OWN_TEMPLATE = Rule(
    "own-template",
    """A file under `templates/` of the repository that replaces a built-in one, or makes a platform of its own. It decides what is
rendered, or what a plan says, so a reviewer should know that it is there. `plan` and `check` name each of them; no exit code
changes. What destroys data is not in these files: no table lets a disk disappear unsaid.

Nothing to do, unless the file is not meant to be there.""",
    "notice",
)
PROTECTION_LOST = Rule(
    "protection-lost",
    """A manifest of a protected disk (`protect: true`, the default) that lacks a guard, or spells it in a way that the engine does
not honour: a template, a layer or `templates/shared/gitops.yaml` of the repository left it out. Argo CD takes the first `Prune=` and
the first `Delete=` in the list, in their exact case, with `confirm` or `false`; Flux takes `disabled` without blanks. The
manifest is looked at as it was rendered, and so is a kustomization below manifests/ whose `commonAnnotations`, labels or patches would
override a guard. No waiver lets it pass.

Give the annotation back, or say openly that the disk is not protected: `protect: false` on it.""",
)
RECREATING_ANNOTATION = Rule(
    "recreating-annotation",
    """An annotation or label on a protected disk with which Argo CD or Flux deletes it, or deletes it and makes it anew, empty,
without a question: a hook of Argo CD or Helm, `Force=true`, the tracking mark of an Application, Flux's `force: enabled`. Seen in
runs of Argo CD 3.5 and Flux's kustomize-controller 1.9. No waiver lets it pass.

Take it away, or write `protect: false` on the disk.""",
)
FREEZING_ANNOTATION = Rule(
    "freezing-annotation",
    """An annotation or label with which an engine no longer applies a protected disk, or no longer says that it is gone from
Git: Flux's `ssa: Ignore`, `ssa: IfNotPresent` and `reconcile: disabled`, Argo CD's `IgnoreExtraneous`. The disk stays; what Git
says of it does not arrive.

Take it away once it has served.""",
    "warning",
)
DELIVERY_CASCADE = Rule(
    "delivery-cascade",
    """A change of what delivers that would delete disks: an Application with `finalizer: true` that is removed or gets another name, a
finalizer or a pruning policy where disks are not guarded, a path without them, Flux's `force`. The plan has it as DESTROYS DATA.

Take it back; or take it apart: first what cascades (`finalizer: true`, the `deletionPolicy`) in a change that is applied, then the
removal. Disks that are retired in the same change do not count.""",
)
DELIVERY_UNGUARDED = Rule(
    "delivery-unguarded",
    """A template of your own for Argo CD or Flux that bypasses the guards of disks: an Application with `deletion-approved`, an
`operation` or a `source.kustomize` with patches; a Kustomization with `patches`, `components`, `force`, or a `commonMetadata` that
replaces a guard. Argo CD or Flux would delete, recreate or change disks that the plan calls safe.

Remove the field from the template. Make the change in the environment, so that the plan shows it.""",
)
DELIVERY_CLASH = Rule(
    "delivery-clash",
    "Two environments that ask Argo CD or Flux for one object, or one ApplicationSet whose environments do not agree on its settings. Write a `prefix:` that tells them apart, or the settings in `_defaults.yaml`.",
)
KUSTOMIZE_DIFFERS = Rule("kustomize-differs", "The kustomize engine builds other objects from manifests/ than were rendered.")

# Comparing with what is committed, and writing
TRACKED_NOTES = Rule(
    "tracked-notes",
    "A file below `.vmgen/` that Git tracks. vmgen keeps notes of earlier runs there, so that a render skips what has not "
    "changed; a commit could forge them. Run `git rm -r --cached .vmgen`.",
)
SYMLINKED_OUTPUT = Rule(
    "symlinked-output",
    "A symbolic link where a folder or file of manifests/ should be. vmgen writes only into its own tree.",
)
FOREIGN_FILE_IN_THE_WAY = Rule(
    "foreign-file-in-the-way",
    "A file that vmgen did not write lies where a manifest should be. It is never overwritten; move it away.",
)
FOREIGN_FILE = Rule(
    "foreign-file",
    "A file in manifests/ that vmgen did not write, and that no engine applies, such as a README. It is left alone; move it out.",
    "warning",
)
FOREIGN_OBJECT = Rule(
    "foreign-object",
    """A file in manifests/ or delivery/ that vmgen did not write, and that Argo CD or Flux may apply: a Kubernetes object, a
kustomization, a chart, a Jsonnet program, `.argocd-source*.yaml`, a manifest that cannot be read. It would pass by plan, budget,
policies and gate. In delivery/, an AppProject, a ConfigManagementPlugin, a source of Flux, a Namespace, a ConfigMap and a
kustomization may lie.

Describe the object in an environment, or deliver it from another folder.""",
)
FOREIGN_FOLDER = Rule(
    "foreign-folder",
    """A folder in manifests/ that belongs to no environment. An ApplicationSet over `manifests/*` delivers it.

Remove it, or write its environment.""",
)
UNFINISHED_FOLDER = Rule(
    "unfinished-folder",
    """A folder such as `.old.vmgen-tmp` that a killed run left, of an environment that is gone.

Run `vmgen render`, which removes it.""",
    "warning",
)
LOST_FIRST_LINE = Rule(
    "lost-first-line",
    """A manifest without the first line that vmgen writes: a formatter took it, or somebody edited it. It is still rendered, so the
next render writes it again.

Keep formatters away from manifests/.""",
    "warning",
)
EMPTY_RESULT = Rule(
    "empty-result",
    "A render that would leave nothing of an environment. It is a mistake far more often than a wish; `--allow-empty` lets it through.",
)
DRIFT = Rule(
    "drift",
    "A committed manifest that is not what its environment renders: missing, changed by hand, or no longer wanted. Run `vmgen render`.",
)
UNREADABLE_BASELINE = Rule(
    "unreadable-baseline",
    """A committed file in manifests/ that cannot be read: conflict markers, the pointer of a filter such as Git LFS, a link, no
YAML. Nobody can tell which disk is in it, so it may not go. It is a warning if the render puts the manifest of an object in its
place.

Write the manifest there as it was, in a change of its own, and remove it in a later one.""",
)
UNCOMMITTED_MANIFEST = Rule(
    "uncommitted-manifest",
    """A manifest that is neither committed nor staged, or that Git ignores. What is not committed is synced by nobody, and a disk
in it is protected by nothing but the file. It is an error with `--against` and in a Git hook.

Add it with `git add manifests`, or take the line from `.gitignore`.""",
    "warning",
)

# The gate and tombstones
DUPLICATE_IDENTITY = Rule(
    "duplicate-identity",
    """An object that two environments render: the same kind, namespace and name. Two Applications or Kustomizations would undo each
other's changes at every sync, and to prune one deletes the disks of the other. It is said at both places.

Take the object out of one of the two. Where they are delivered to two clusters, write `cluster:` in both.""",
)
CLONE_CYCLE = Rule(
    "clone-cycle",
    """Disks that are copies of each other in a circle. Each waits for the next, so that none is ever made.

Give one of them another source.""",
)
CLONE_OF_REMOVED = Rule(
    "clone-of-removed",
    """A new disk that is to be a copy of a disk that the same change deletes. The copy can only be made while the source exists.

Retire the source in a later change, when the copy is ready.""",
)
DESTROYS_DATA = Rule(
    "destroys-data",
    "A disk that is committed and no longer rendered: removed, renamed, its group's count lowered, its environment gone. Deleting a VMDisk deletes the data. Restore it, or name it under `retire:` with a reason; the message prints the lines.",
)
REJECTED_CHANGE = Rule(
    "rejected-change",
    "A change that the platform rejects after the merge, such as another source or storage class of a disk that exists. Take it back; or write the next generation of the disk, whose lines the message has, and keep the one that exists under `previous:`. A `retire:` entry for the object lets it pass.",
)
PREVIOUS_DISK_IS_NEW = Rule(
    "previous-disk-is-new",
    "An entry of `previous:` that makes a disk which is not committed. What is kept from before exists; this one would be made from its source, without data, and cost. Take the VM out of `of:`, unless the platform has the disk already, as after an import.",
    "warning",
)
EXPIRED_TOMBSTONE = Rule(
    "expired-tombstone",
    "A `retire:` entry that is past its `until`, while what it names is still being removed. Write a later day, or restore the object.",
)
TOMBSTONE_IN_USE = Rule(
    "tombstone-in-use",
    "A `retire:` entry that names an object which is still rendered. Take the object out of the environment, or remove the entry.",
)
STALE_TOMBSTONE = Rule(
    "stale-tombstone",
    "A `retire:` entry that names nothing which is committed any more. Remove it once the removal is merged.",
    "warning",
)
EMPTY_TOMBSTONE = Rule("empty-tombstone", "A `retire:` entry with neither `disk:` nor `vm:`. Write the name of what may go.")

# Import
IMPORT_MISSING_DISK = Rule("import-missing-disk", "A VM that is imported uses a disk that is not. Import its VMDisk with it.")
IMPORT_FOREIGN_FIELD = Rule(
    "import-foreign-field",
    "A field that means something, and not on this platform. Name the other platform with `--platform`.",
)
IMPORT_INVALID_FIELD = Rule(
    "import-invalid-field",
    "A field whose value is of a kind that the platform refuses. Correct the manifest.",
)
IMPORT_WITHOUT_NAME = Rule("import-without-name", "An object without a name. Write `metadata.name`.")
IMPORT_WITHOUT_NAMESPACE = Rule(
    "import-without-namespace",
    "An object without a namespace. Write `metadata.namespace`, or give `--namespace`.",
)
IMPORT_DUPLICATE = Rule("import-duplicate", "Two objects of one kind and name that differ. Import one of them.")
IMPORT_PROOF = Rule(
    "import-proof",
    "A field that rendering the imported environment would change. Write the manifest in a way that an environment has.",
)

# Edits in place
EDIT_BY_HAND = Rule(
    "edit-by-hand",
    "An edit that a command cannot make without changing more than is meant: a value behind an alias, one that a shared layer sets, "
    "or one that several lines decide. Write the printed lines, or name the file with `--in`.",
)

# Status: what is live against what is committed
LIVE_FAILED = Rule(
    "live-failed",
    "The platform reports that it could not make an object, or that a VM does not run. The message is the platform's.",
)
LIVE_MISSING = Rule("live-missing", "An object that is committed and not in the dump of the cluster.")
LIVE_DRIFT = Rule(
    "live-drift",
    "A live object that differs from its committed manifest. Apply the manifest again, or write the change into the environment.",
)
LIVE_PENDING = Rule(
    "live-pending",
    "A change that has arrived and is not in effect yet, such as one that waits for a restart of its VM.",
    "warning",
)
LIVE_ORPHAN = Rule(
    "live-orphan",
    "A live object in the namespace of an environment that is not in Git. Adopt it with the printed command, or delete it.",
    "warning",
)

RULES = tuple(value for value in vars().values() if isinstance(value, Rule))
