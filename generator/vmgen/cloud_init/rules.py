"""The rules on user data. They look at the text that a VM gets, whichever form of `cloudInit` it comes from."""

from __future__ import annotations

from vmgen.rules import Rule

INVALID_FORM = Rule(
    "cloud-init-form",
    """An invalid form of `cloudInit:`: `template`, `text` or `merge` with other keys, or with a value of the wrong type.

Write a text, a mapping of cloud-config keys, `{template: web.yaml.j2}`, `{text: ...}` or `{merge: [base.yaml, ...]}`.""",
)
MISSING_FILE = Rule(
    "missing-cloud-init-file",
    """A template or fragment of cloud-init that does not exist, cannot be read, or is outside of the repository.

Put templates into `templates/cloud-init/`, and fragments into the same folder or beside the file that names them.""",
)
MERGE_CONFLICT = Rule(
    "cloud-init-merge",
    """Two fragments that cannot be merged: a list and a mapping under one key, or a fragment that is not a cloud-config.

Lists append, mappings merge, scalars replace, `null` removes. Use the same type for the key in all fragments.""",
)
UNKNOWN_HEADER = Rule(
    "cloud-init-header",
    """User data with an unknown first line. cloud-init would ignore the whole text, and only the log of the VM would show
it.

Begin with `#cloud-config`, with `#!` and an interpreter, or with another header of cloud-init, without a blank, a
comment or an empty line before it. A mapping gets its header automatically.""",
)
INVALID_PART = Rule(
    "cloud-init-part",
    """A part of a MIME message, of a `#cloud-config-archive` or of a `#cloud-config-jsonp` that cloud-init would skip or
fail on: a missing boundary, an unknown type or encoding, a script without `#!`, content of another type.

Follow the message. The rules for the text of each part also apply.""",
)
INVALID_INCLUDE = Rule(
    "cloud-init-include",
    """A line below `#include` or `#include-once` that is not an address. cloud-init would wait for it, and fail.

Write one address per line, beginning with `https://`. Comments begin with `#`.""",
)
UNENCRYPTED_INCLUDE = Rule(
    "cloud-init-include-http",
    """An `#include` over http. An attacker on the network can replace the file, and the VM runs its commands as root.

Serve the file over https.""",
    "warning",
)
UNKNOWN_VARIABLE = Rule(
    "unknown-jinja-variable",
    """A variable in a `## template: jinja` that cloud-init does not define. cloud-init writes CI_MISSING_JINJA_VAR instead,
or drops the whole text.

Correct the name; `cloud-init query --all` lists the variables of a VM. Test `is defined` first if only some images
have it.""",
)
INVALID_SYNTAX = Rule(
    "cloud-config-syntax",
    """A `#cloud-config` that is not a single YAML mapping. cloud-init would ignore all of it.

Correct the line, or write the cloud-config as a mapping, which vmgen validates with the rest of the environment.""",
)
UNDECODABLE_CONTENT = Rule(
    "cloud-config-encoding",
    """Content that does not match its encoding, such as `encoding: b64` with plain text. cloud-init fails, and writes none
of the following files.

Write the content as plain text without `encoding`, or encode it: `base64 -w0 FILE`.""",
)
TEMPLATE_AS_TEXT = Rule(
    "template-as-text",
    """User data with `{{ vm.name }}` or another template variable, but not in a template. The VM would get the braces.

Put the text below `text:`, or into a file for `template:`: `cloudInit: {text: ...}`.""",
    "warning",
)
DUPLICATE_KEY = Rule(
    "cloud-config-duplicate-key",
    """A duplicate key in a mapping of a `#cloud-config`. cloud-init uses the last one and silently drops the first.

Put both values under one key.""",
)
UNKNOWN_KEY = Rule(
    "unknown-cloud-config-key",
    """A key that is not in cloud-init's published schema. cloud-init ignores it, and only the log of the VM shows it.

Correct the key. If the cloud-init in your images is newer than the schema, add a waiver (docs/cloud-init.md).""",
)
INVALID_VALUE = Rule(
    "invalid-cloud-config",
    """A value that cloud-init's published schema does not allow, such as text instead of a list. cloud-init skips the
module, or uses a default.

Follow the message. If cloud-init accepts the value in your images, add a waiver.""",
)
DEPRECATED = Rule(
    "deprecated-cloud-config",
    """A key or a form of a value that cloud-init's published schema marks as deprecated. A later version will drop it.

Use the replacement that the message names.""",
    "warning",
)
LARGE_USER_DATA = Rule(
    "large-cloud-init",
    """User data so large that the object does not fit into the annotation of `kubectl apply` and of Argo CD's default apply
(262,144 bytes).

Use server-side apply (`ServerSideApply=true`), or fetch large files at the first boot (`#include`).""",
    "warning",
)
USER_DATA_TOO_LARGE = Rule(
    "cloud-init-too-large",
    """User data that exceeds the size of the Secret that the platform stores it in (1 MiB).

Fetch large files at the first boot: with `#include`, or a download in `runcmd`.""",
)
UNPRINTABLE_CHARACTER = Rule(
    "cloud-init-character",
    """A character in user data that YAML tools lose or change, such as a control character.

Remove it, or encode the file that contains it: `write_files` supports `encoding: b64`.""",
)
SECRET = Rule(
    "secret-in-cloud-init",
    """A secret in user data. It would be committed to Git, and everybody with access to the VM's object on the platform
could read it.

Remove it, and replace it everywhere it is used if it was ever committed. docs/secrets.md shows how to provide secrets
to a VM. vmgen never prints the value.""",
)
PLACEHOLDER_KEY = Rule(
    "placeholder-key-in-cloud-init",
    """A key from an example in user data, such as `ssh-rsa AAAA...`, in a list of keys, a file or a command. Nobody could
log in with it. `policy:` sets the severity, and `stage: production` makes it an error. Below `sshKeys:`, a
placeholder is always an error (`placeholder-ssh-key`).

Write your public key, usually the one line of `~/.ssh/id_ed25519.pub`, preferably below `sshKeys:`, which applies to
every VM.""",
    "warning",
)
PASSWORD_HASH = Rule(
    "password-hash-in-cloud-init",
    """The hash of a password in user data. Anyone who can read it can try passwords against it, offline and unnoticed.

Use SSH keys and `lock_passwd: true`, or provide the hash in one of the ways in docs/secrets.md. For an intentional
exception, add a waiver.""",
)

RULES = tuple(value for value in vars().values() if isinstance(value, Rule))
