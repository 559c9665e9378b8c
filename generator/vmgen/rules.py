"""The registry of rules: a class, and a constant for each rule that is not a function in check/rules/ or on cloud-init.

Each problem is built from a rule, so that its id, severity and paragraph in docs/rules.md have one source.
"""

from inspect import cleandoc
from typing import NamedTuple

from vmgen.problems import Place, Problem, Severity


class Rule(NamedTuple):
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
FILE_TOO_LARGE = Rule(
    "file-too-large",
    "A file of more than 16 MiB, or a catalog, policy or data file of a platform of more than 2 MiB. Split it.",
)
NOT_UTF_8 = Rule(
    "not-utf-8",
    "A file that is not UTF-8 text. Save it as UTF-8, with or without a byte order mark.",
)
UNREADABLE_FILE = Rule(
    "unreadable-file", "A file that the operating system does not let vmgen read. The message has the reason."
)
TOML_SYNTAX = Rule("toml-syntax", "A `vmgen.toml` that is not valid TOML. The message has the location and the parser's error.")
YAML_SYNTAX = Rule(
    "yaml-syntax",
    "A file that is not valid YAML. The message has the parser's error at its location; the rest of the file was not read.",
)
TAB_INDENTATION = Rule("tab-indentation", "A tab in the indentation. YAML only allows spaces.")
SEVERAL_DOCUMENTS = Rule(
    "several-documents",
    "A second document after `---`. Each file contains one environment, or one layer.",
)
YAML_TAG = Rule(
    "yaml-tag",
    "A YAML tag such as `!!python/object` or `!Ref`. Values must be plain text, numbers, booleans, lists or mappings.",
)
MERGE_KEY = Rule(
    "merge-key",
    "The merge key `<<`. Use `defaults:` or `extends:` instead, so that errors point at the line that set a value.",
)
UNKNOWN_ALIAS = Rule("unknown-alias", "An alias `*name` without an anchor `&name` above it. Write the value out.")
ALIAS_BOMB = Rule("alias-bomb", "Aliases that expand to millions of values. Write the values out.")
TOO_DEEP = Rule("too-deep", "More than 50 levels, or two million values, in one file.")
DUPLICATE_KEY = Rule(
    "duplicate-key",
    "A duplicate key in a mapping. Most parsers silently use the last one.",
)
KEY_NOT_TEXT = Rule("key-not-text", "A key that is neither text nor a whole number. Quote it.")
AMBIGUOUS_SCALAR = Rule(
    "ambiguous-scalar",
    """A plain word or number that YAML tools interpret differently: `no` and `y` (booleans for some), `014` and `0o14`
(octal for some), `1e3`, `1_000`, `22:22` (base 60 for some), `.inf`, `=`. Quote it if you mean text, or write the
unambiguous form (`true`, `12`). So is `{data:50Gi}`: without a blank after the colon it is a key without a value.""",
)
UNPRINTABLE_CHARACTER = Rule(
    "unprintable-character",
    """A control character, U+0085, U+2028, U+2029, a byte order mark inside the text, or half of a surrogate pair. YAML
tools lose or change them.""",
)

# The JSON Schema of the files read
UNKNOWN_KEY = Rule(
    "unknown-key",
    "An unknown key. The platform would silently accept and ignore it. The message suggests the closest key.",
)
WRONG_TYPE = Rule(
    "wrong-type",
    "A value of the wrong type. vmgen does not convert types: `version: 24.10` is the number 24.1, not text.",
)
INVALID_VALUE = Rule(
    "invalid-value",
    """A value that the key does not accept: an unknown word, a number out of range, text in another format. The message
lists the accepted values.""",
)
INVALID_NAME = Rule(
    "invalid-name",
    """A name that the platform refuses. Use lower-case letters, digits and dashes, beginning with a letter, and not ending
with a dash.""",
)
MISSING_KEY = Rule("missing-key", "A mapping without a required key.")
DUPLICATE_ITEM = Rule("duplicate-item", "A list with a duplicate item.")

# The files of a repository, and layers
MISSING_KEY_FILE = Rule(
    "missing-key-file",
    "A file of SSH keys that does not exist, cannot be read, or is outside of the repository.",
)
EMPTY_KEY_FILE = Rule("empty-key-file", "A file of SSH keys that contains no key.")
MISSING_LAYER = Rule("missing-layer", "`extends` names a file that does not exist, or is outside of the repository.")
EXTENDS_CYCLE = Rule("extends-cycle", "Two layers that extend each other.")
ENVIRONMENT_SUFFIX = Rule(
    "environment-suffix",
    "A file in environments/ that ends in `.yml`, `.YAML` or similar is not read. Rename it to `.yaml`.",
    "warning",
)
ENVIRONMENT_NAME = Rule(
    "environment-name",
    """An environment file whose name is not a valid folder name on every system. Use lower-case letters, digits and dashes,
and no device name of Windows.""",
)
UNREAD_FILE = Rule(
    "unread-file",
    """A file that looks like an environment, shared defaults, a catalog or a policy, but is not read: `_defaults.yml`, an
environment in a subfolder that no `extends:` names, `policies/eu/x.yaml`. It has no effect.

Rename or move it as the message describes.""",
    "warning",
)
UNKNOWN_PLATFORM = Rule("unknown-platform", "A platform without a folder under templates/.")
UNKNOWN_PLATFORM_VERSION = Rule(
    "unknown-platform-version",
    """A version of the platform that is newer or older than the versions that vmgen knows.

Write one of the versions in the message, or install a newer vmgen.""",
)
FUNCTION_CONFIG = Rule(
    "function-config",
    "A `functionConfig` that is not an Environment: another kind, no name, no `spec`, or a key that belongs under `spec`.",
)

# Policies and waivers
UNKNOWN_POLICY = Rule(
    "unknown-policy",
    """A name below `policy:` that is neither a built-in policy nor the id of a file under policies/. It would enforce
nothing.

Correct the name; the message suggests the closest name, or lists all.""",
)
INVALID_POLICY = Rule(
    "invalid-policy",
    """A file under policies/ with an invalid JSON Schema in `schema:`, or with a `$ref` to another file.

Correct it at the place that the message names. Put definitions under `$defs` in the same schema.""",
)
STALE_SCHEMA = Rule(
    "stale-schema",
    """The schema for editors, `schema/environment.values.schema.json`, does not match the catalogs and this version of
vmgen. Run `vmgen render`, which updates an existing schema.""",
    "warning",
)
POLICY_FILE_NAME = Rule(
    "policy-file-name",
    """A YAML file below `policies/` that is not read, since it ends in `.yml` or is in a subfolder. An unread policy
enforces nothing. Move it to the path in the message.""",
)
DUPLICATE_POLICY = Rule(
    "duplicate-policy",
    """A policy with the id of another policy or of a built-in rule.

Choose another id. It identifies the policy in messages, in `policy:` and in waivers.""",
)
WHOLE_IP = Rule(
    "WholeIP",
    """A VM with `externalMethod: WholeIP`. Every port is reachable from the Internet, including ports that a later update
opens. The reference page of the platform recommends a firewall in the VM, so without a `WholeIP` entry under
`policy:`, a VM passes if its user data enables one (ufw, nftables, firewalld, iptables, Windows Firewall).

List the ports in `externalPorts:`, or waive the policy for this VM.""",
    "warning",
)
NO_SSH_KEY = Rule(
    "no-ssh-key",
    """A VM without an SSH key, and without user data that enables a login. Nobody could log in. Not for Windows.

Write `sshKeys:` on the group or in `defaults:`, or create a user with a key in cloud-init.""",
    "warning",
)
NO_CLOUD_INIT_HARDENING = Rule(
    "no-cloud-init-hardening",
    """A VM with a public address whose user data does not disable SSH passwords. Not for Windows.

Write `ssh_pwauth: false` in its cloud-init, preferably in a fragment for all groups.""",
    "warning",
)
STALE_WAIVER = Rule(
    "stale-waiver",
    """An unused waiver: its rule reports nothing there, or the names do not match.

Remove it, so that it does not hide the next mistake. Waivers in shared layers are not reported, since another
environment may need them.""",
    "warning",
)
WAIVER_DAY = Rule(
    "waiver-day",
    """A waiver whose `until:` is not a date.

Write the last day on which it is valid, for example 2026-12-31.""",
)

# Rendering
TEMPLATE_ERROR = Rule(
    "template-error",
    """A template that does not compile, or that fails: a syntax error, an undefined variable, an operation that the sandbox
forbids. The problem is reported at the line of the template.""",
)
TEMPLATE_OUTPUT = Rule(
    "template-output",
    """A template with invalid output: not exactly one object, another kind, name or namespace, a missing or unknown field, a
wrong type, trailing blanks. The problem is reported at the line of the template, and nothing is written.""",
)
OWN_TEMPLATE = Rule(
    "own-template",
    """A file under `templates/` of the repository that replaces a built-in one, or defines a custom platform. It affects
manifests or verdicts, so `plan` and `check` name each such file for the reviewer, without an effect on the exit
status. No such file can hide the deletion of a disk.

No action is needed, unless the file is there by mistake.""",
    "notice",
)
PROTECTION_LOST = Rule(
    "protection-lost",
    """A manifest of a protected disk (`protect: true`, the default) without a valid protection annotation, because of a
template, a layer or `templates/shared/gitops.yaml` in the repository. Argo CD reads the first `Prune=` and the first
`Delete=` in the list, in this exact case, with `confirm` or `false`. Flux reads `disabled` without blanks. vmgen
checks the rendered manifest, and each kustomization below manifests/ whose `commonAnnotations`, labels or patches
would override the protection, or whose `namePrefix` or `namespace` builds other disks. A waiver has no effect.

Restore the annotation, or set `protect: false` on the disk.""",
)
RECREATING_ANNOTATION = Rule(
    "recreating-annotation",
    """An annotation or label on a protected disk that makes Argo CD or Flux delete it, or recreate it empty, without a
question: a hook of Argo CD or Helm, `Force=true`, the tracking label of an Application, Flux's `force: enabled`.
Verified with Argo CD 3.5 and Flux's kustomize-controller 1.9. A waiver has no effect.

Remove it, or set `protect: false` on the disk.""",
)
FREEZING_ANNOTATION = Rule(
    "freezing-annotation",
    """An annotation or label that makes Argo CD or Flux ignore changes of a protected disk, or its removal from Git: Flux's
`ssa: Ignore`, `ssa: IfNotPresent` and `reconcile: disabled`, Argo CD's `IgnoreExtraneous`. The disk is kept, but
changes from Git have no effect.

Remove the annotation as soon as you no longer need it.""",
    "warning",
)
DELIVERY_CASCADE = Rule(
    "delivery-cascade",
    """A change of delivery that would delete disks: an Application with `finalizer: true` that is removed or renamed, a
finalizer or a pruning policy for unprotected disks, a path without the disks, Flux's `force`. The plan shows it as
DESTROYS DATA.

Undo the change, or split it: first remove the cascade (`finalizer: true`, the `deletionPolicy`) in a change that you
apply, then remove the Application. Disks that are retired in the same change do not count.""",
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
    """Two environments that generate the same object for Argo CD or Flux, or environments that disagree on the settings of
their common ApplicationSet. Set a different `prefix:`, or move the settings to `_defaults.yaml`. Or two parts of one
environment, such as the group `standalone` and the standalone disks: rename the group.""",
)
KUSTOMIZE_DIFFERS = Rule("kustomize-differs", "kustomize builds different objects from manifests/ than vmgen rendered.")

# Comparing with the committed files, and writing
TRACKED_NOTES = Rule(
    "tracked-notes",
    """A file below `.vmgen/` that Git tracks. vmgen stores its stamps there, and a commit could forge them. Run `git rm -r
--cached .vmgen`.""",
)
SYMLINKED_OUTPUT = Rule(
    "symlinked-output",
    "A symbolic link instead of a folder or file of manifests/. vmgen writes only into its own tree.",
)
FOREIGN_FILE_IN_THE_WAY = Rule(
    "foreign-file-in-the-way",
    "A file that vmgen did not write, at the path of a manifest. It is never overwritten; move it.",
)
FOREIGN_FILE = Rule(
    "foreign-file",
    """A file in manifests/ that vmgen did not write and that no sync tool applies, such as a README. It is left alone; move
it to another folder.""",
    "warning",
)
FOREIGN_OBJECT = Rule(
    "foreign-object",
    """A file in manifests/ or delivery/ that vmgen did not write and that Argo CD or Flux may apply: a Kubernetes object, a
kustomization, a chart, a Jsonnet program, `.argocd-source*.yaml`, an unreadable manifest. It would bypass plan,
budget, policies and gate. delivery/ may contain an AppProject, a ConfigManagementPlugin, a source of Flux, a
Namespace, a ConfigMap and a kustomization.

Define the object in an environment, or deliver it from another folder.""",
)
FOREIGN_FOLDER = Rule(
    "foreign-folder",
    """A folder in manifests/ without an environment. An ApplicationSet over `manifests/*` delivers it.

Remove it, or write its environment.""",
)
UNFINISHED_FOLDER = Rule(
    "unfinished-folder",
    """A folder such as `.old.vmgen-tmp` that a killed run left for a deleted environment.

Run `vmgen render`, which removes it.""",
    "warning",
)
LOST_FIRST_LINE = Rule(
    "lost-first-line",
    """A manifest without vmgen's header, often removed by a formatter or by a hand edit. The next render writes it again.

Exclude manifests/ from formatters.""",
    "warning",
)
EMPTY_RESULT = Rule(
    "empty-result",
    "A render that would empty an environment, which is usually a mistake. `--allow-empty` permits it.",
)
DRIFT = Rule(
    "drift",
    "A committed manifest that differs from its environment: missing, edited by hand, or obsolete. Run `vmgen render`.",
)
UNREADABLE_BASELINE = Rule(
    "unreadable-baseline",
    """A committed file in manifests/ that cannot be parsed: conflict markers, a pointer of a filter such as Git LFS, a link,
invalid YAML. vmgen cannot tell which disk it contains, so it must not be removed. If the render writes a manifest at
its path, this is a warning.

Restore the earlier manifest in a separate change, and remove it in a later one.""",
)
UNCOMMITTED_MANIFEST = Rule(
    "uncommitted-manifest",
    """A manifest that is neither committed nor staged, or that Git ignores. Nothing syncs it, and the gate does not protect
its disks. With `--against` and in a Git hook, this is an error.

Run `git add manifests`, or remove the line from `.gitignore`.""",
    "warning",
)

# The gate and tombstones
DUPLICATE_IDENTITY = Rule(
    "duplicate-identity",
    """An object that two environments render: the same kind, namespace and name. Two Applications or Kustomizations would
revert each other's changes at every sync, and pruning one would delete the disks of the other. The problem is
reported at both places.

Remove the object from one of them. If they are delivered to different clusters, set `cluster:` in both.""",
)
CLONE_CYCLE = Rule(
    "clone-cycle",
    """Disks that clone each other in a cycle. Each waits for the next, so none is ever created.

Give one of them another source.""",
)
CLONE_OF_REMOVED = Rule(
    "clone-of-removed",
    """A new disk that clones a disk that the same change deletes. The source must exist until the copy is complete.

Retire the source in a later change, when the copy is ready.""",
)
DESTROYS_DATA = Rule(
    "destroys-data",
    """A committed disk that is no longer rendered: removed, renamed, the count of its group lowered, its environment
deleted. Deleting a VMDisk deletes its data. Restore the disk, or name it under `retire:` with a reason; the message
prints the lines.""",
)
REJECTED_CHANGE = Rule(
    "rejected-change",
    """A change that the platform rejects after the merge, such as another source or storage class for an existing disk. Undo
it, or paste the printed lines, which create the next generation of the disk and keep the existing one under
`previous:`. A `retire:` entry for the object permits the change.""",
)
REBUILD_ERASES_DATA = Rule(
    "rebuild-erases-data",
    """User data that erases or formats disks, on a VM with existing disks on which cloud-init runs as at a first boot: the VM
boots a new system disk, gets another `cloudInitSeed` or its first user data, or is new and attaches existing disks.
cloud-init would format a full disk like an empty one.

Remove it from the user data, let it check for a file system first (`overwrite: false`), or add a waiver if it cannot
affect the existing disks.""",
)
PREVIOUS_DISK_IS_NEW = Rule(
    "previous-disk-is-new",
    """An entry of `previous:` that would create a disk, since no such disk is committed. It would be created from its
source, without data. Remove the VM from `of:`, unless the platform already has the disk, as after an import.""",
    "warning",
)
EXPIRED_TOMBSTONE = Rule(
    "expired-tombstone",
    "A `retire:` entry past its `until` day, while the deletion is still pending. Set a later day, or restore the object.",
)
TOMBSTONE_IN_USE = Rule(
    "tombstone-in-use",
    """A `retire:` entry for an object that is still rendered, by this environment or another of its namespace. It would permit a
later change, which need not name it.

Remove the object from its environment in the same change, or remove the entry.""",
)
STALE_TOMBSTONE = Rule(
    "stale-tombstone",
    "A `retire:` entry for an object that is no longer committed. Remove it once the deletion is merged.",
    "warning",
)
EMPTY_TOMBSTONE = Rule("empty-tombstone", "A `retire:` entry without `disk:` and `vm:`. Add the name of the object to delete.")

# Import
IMPORT_MISSING_DISK = Rule("import-missing-disk", "An imported VM uses a disk that is not imported. Import its VMDisk too.")
IMPORT_FOREIGN_FIELD = Rule(
    "import-foreign-field",
    "A field of another platform. Name that platform with `--platform`.",
)
IMPORT_INVALID_FIELD = Rule(
    "import-invalid-field",
    "A field whose value has a type that the platform refuses. Correct the manifest.",
)
IMPORT_WITHOUT_NAME = Rule("import-without-name", "An object without a name. Add `metadata.name`.")
IMPORT_WITHOUT_NAMESPACE = Rule(
    "import-without-namespace",
    "An object without a namespace. Add `metadata.namespace`, or pass `--namespace`.",
)
IMPORT_DUPLICATE = Rule("import-duplicate", "Two objects of one kind and name that differ. Import one of them.")
IMPORT_PROOF = Rule(
    "import-proof",
    """A field that rendering the imported environment would change. Write the manifest in a form that an environment
supports.""",
)

# Edits in place
EDIT_BY_HAND = Rule(
    "edit-by-hand",
    """An edit that a command cannot make without changing other values: a value behind an alias, one from a shared layer, or
one that several lines define. Write the printed lines, or name the file with `--in`.""",
)

# Status: the live objects against the committed ones
LIVE_FAILED = Rule(
    "live-failed",
    """The platform reports that it could not create an object, or that a VM does not run. The message comes from the
platform.""",
)
LIVE_MISSING = Rule("live-missing", "A committed object that is not in the dump of the cluster.")
LIVE_DRIFT = Rule(
    "live-drift",
    """A live object that differs from its committed manifest. Apply the manifest again, or copy the change into the
environment.""",
)
LIVE_PENDING = Rule(
    "live-pending",
    "A change that is applied but not in effect yet, for example because its VM needs a restart.",
    "warning",
)
LIVE_ORPHAN = Rule(
    "live-orphan",
    """A live object in the namespace of an environment that is not in Git. Import it with the printed command, or delete it.""",
    "warning",
)

RULES = tuple(value for value in vars().values() if isinstance(value, Rule))
