"""The rules on user data. They look at the text that a VM gets, whichever form of `cloudInit` it comes from."""

from __future__ import annotations

from vmgen.check.rule import RuleDescriptor

INVALID_FORM = RuleDescriptor(
    "cloud-init-form",
    "error",
    """A `cloudInit:` that is none of its forms: `template` or `merge` beside other keys, or with a value of another type.

Write a text, a mapping of cloud-config keys, `{template: web.yaml.j2}` or `{merge: [base.yaml, {packages: [nginx]}]}`.""",
)
MISSING_FILE = RuleDescriptor(
    "missing-cloud-init-file",
    "error",
    """A template or fragment of cloud-init that does not exist, cannot be read, or lies outside of the repository.

Templates lie under `templates/cloud-init/`; fragments beside the file that names them, or there too.""",
)
MERGE_CONFLICT = RuleDescriptor(
    "cloud-init-merge",
    "error",
    """Two fragments that cannot be merged: one has a list where the other has a mapping, or a fragment is no cloud-config.

Lists append, mappings merge, scalars replace, `null` removes. Give the key the same type in all fragments.""",
)
UNKNOWN_HEADER = RuleDescriptor(
    "cloud-init-header",
    "error",
    """User data whose first line cloud-init does not know. It would ignore the whole text, and say so only in the VM's log.

Begin with `#cloud-config`, with `#!` and an interpreter, or with another header of cloud-init's; no blank, no comment and
no empty line may come before it. A mapping gets its header by itself.""",
)
INVALID_SYNTAX = RuleDescriptor(
    "cloud-config-syntax",
    "error",
    """A `#cloud-config` that is not one YAML mapping. cloud-init would ignore all of it.

Correct the line, or write the cloud-config as a mapping: then it is read with the rest of the environment.""",
)
DUPLICATE_KEY = RuleDescriptor(
    "cloud-config-duplicate-key",
    "error",
    """A key that stands twice in one mapping of a `#cloud-config`. cloud-init takes the last one, and loses the first silently.

Put both values under one key.""",
)
UNKNOWN_KEY = RuleDescriptor(
    "unknown-cloud-config-key",
    "error",
    """A key that cloud-init's published schema does not have. cloud-init ignores it, and says so only in the VM's log.

Correct the key. Where the cloud-init of your images is newer than the schema, write a waiver (docs/cloud-init.md).""",
)
INVALID_VALUE = RuleDescriptor(
    "invalid-cloud-config",
    "error",
    """A value that cloud-init's published schema does not allow, such as a text where a list belongs.

cloud-init skips the module, or takes a default. Write what the message names; where you know better, write a waiver.""",
)
DEPRECATED = RuleDescriptor(
    "deprecated-cloud-config",
    "warning",
    """A key, or a form of a value, that cloud-init's published schema calls deprecated: a later version drops it.

Write what the message names instead.""",
)
LARGE_USER_DATA = RuleDescriptor(
    "large-cloud-init",
    "warning",
    """User data so large that the object no longer fits into the annotation that `kubectl apply` and Argo CD's default apply
copy it to (262,144 bytes).

Apply on the server's side (`ServerSideApply=true`), or fetch the bulk at the first boot (`#include`).""",
)
USER_DATA_TOO_LARGE = RuleDescriptor(
    "cloud-init-too-large",
    "error",
    """User data that does not fit into the Secret that the platform puts it in (1 MiB).

Fetch the bulk at the first boot: `#include`, or a download in `runcmd`.""",
)
UNPRINTABLE_CHARACTER = RuleDescriptor(
    "cloud-init-character",
    "error",
    """A character in user data that does not survive YAML tools, such as a control character.

Remove it, or encode the file that holds it: `write_files` takes `encoding: b64`.""",
)
SECRET = RuleDescriptor(
    "secret-in-cloud-init",
    "error",
    """A secret in user data. It would be committed to Git; on the platform everybody who may see the VM could read it.

Remove it, and replace it where it is used: what was ever committed is known. docs/secrets.md has three ways to hand a VM
its secrets. The value is never printed.""",
)
PASSWORD_HASH = RuleDescriptor(
    "password-hash-in-cloud-init",
    "error",
    """The hash of a password in user data. Whoever reads it can try passwords against it, at leisure and unseen.

Use SSH keys and `lock_passwd: true`, or hand the hash over as docs/secrets.md says. Where it is meant, write a waiver.""",
)

RULES = (
    INVALID_FORM,
    MISSING_FILE,
    MERGE_CONFLICT,
    UNKNOWN_HEADER,
    INVALID_SYNTAX,
    DUPLICATE_KEY,
    UNKNOWN_KEY,
    INVALID_VALUE,
    DEPRECATED,
    LARGE_USER_DATA,
    USER_DATA_TOO_LARGE,
    UNPRINTABLE_CHARACTER,
    SECRET,
    PASSWORD_HASH,
)
