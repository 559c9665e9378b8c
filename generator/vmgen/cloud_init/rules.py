"""The rules on user data. They look at the text that a VM gets, whichever form of `cloudInit` it comes from."""

from __future__ import annotations

from vmgen.rules import Rule

INVALID_FORM = Rule(
    "cloud-init-form",
    """A `cloudInit:` that is none of its forms: `template`, `text` or `merge` beside other keys, or with a value of another
type.

Write a text, a mapping of cloud-config keys, `{template: web.yaml.j2}`, `{text: ...}` or `{merge: [base.yaml, ...]}`.""",
)
MISSING_FILE = Rule(
    "missing-cloud-init-file",
    """A template or fragment of cloud-init that does not exist, cannot be read, or lies outside of the repository.

Templates lie under `templates/cloud-init/`; fragments beside the file that names them, or there too.""",
)
MERGE_CONFLICT = Rule(
    "cloud-init-merge",
    """Two fragments that cannot be merged: one has a list where the other has a mapping, or a fragment is no cloud-config.

Lists append, mappings merge, scalars replace, `null` removes. Give the key the same type in all fragments.""",
)
UNKNOWN_HEADER = Rule(
    "cloud-init-header",
    """User data whose first line cloud-init does not know. It would ignore the whole text, and say so only in the VM's log.

Begin with `#cloud-config`, with `#!` and an interpreter, or with another header of cloud-init's; no blank, no comment and
no empty line may come before it. A mapping gets its header by itself.""",
)
INVALID_PART = Rule(
    "cloud-init-part",
    """A part of a MIME message, of a `#cloud-config-archive` or of a `#cloud-config-jsonp` that cloud-init would skip or trip
over: a boundary that no line has, a type or an encoding that it does not know, a script without `#!`, content that is none.

Write what the message names. Each part is held to the rules of the text that it is.""",
)
INVALID_INCLUDE = Rule(
    "cloud-init-include",
    """A line below `#include` or `#include-once` that is no address. cloud-init would wait for it, and fail.

Write one address a line, with `https://` before it; a comment begins with `#`.""",
)
UNENCRYPTED_INCLUDE = Rule(
    "cloud-init-include-http",
    """An `#include` over http. Whoever is on the way can put other commands there, and the VM runs them as root.

Serve the file over https.""",
    "warning",
)
UNKNOWN_VARIABLE = Rule(
    "unknown-jinja-variable",
    """A variable in a `## template: jinja` that cloud-init does not have. It writes CI_MISSING_JINJA_VAR in its place, or
drops the whole text.

Correct the name; `cloud-init query --all` lists what a VM has. Ask `is defined` first where only some images have it.""",
)
INVALID_SYNTAX = Rule(
    "cloud-config-syntax",
    """A `#cloud-config` that is not one YAML mapping. cloud-init would ignore all of it.

Correct the line, or write the cloud-config as a mapping: then it is read with the rest of the environment.""",
)
UNDECODABLE_CONTENT = Rule(
    "cloud-config-encoding",
    """Content that is not in the encoding beside it, such as `encoding: b64` above plain text. cloud-init fails there, and
writes none of the files that follow.

Write the content as plain text, without `encoding`, or encode it: `base64 -w0 FILE`.""",
)
TEMPLATE_AS_TEXT = Rule(
    "template-as-text",
    """User data with `{{ vm.name }}`, or another variable of vmgen's templates, that is no template. The braces go to the VM.

Write the text below `text:`, or as a file that `template:` names: `cloudInit: {text: ...}`.""",
    "warning",
)
DUPLICATE_KEY = Rule(
    "cloud-config-duplicate-key",
    """A key that stands twice in one mapping of a `#cloud-config`. cloud-init takes the last one, and loses the first silently.

Put both values under one key.""",
)
UNKNOWN_KEY = Rule(
    "unknown-cloud-config-key",
    """A key that cloud-init's published schema does not have. cloud-init ignores it, and says so only in the VM's log.

Correct the key. Where the cloud-init of your images is newer than the schema, write a waiver (docs/cloud-init.md).""",
)
INVALID_VALUE = Rule(
    "invalid-cloud-config",
    """A value that cloud-init's published schema does not allow, such as a text where a list belongs.

cloud-init skips the module, or takes a default. Write what the message names; where you know better, write a waiver.""",
)
DEPRECATED = Rule(
    "deprecated-cloud-config",
    """A key, or a form of a value, that cloud-init's published schema calls deprecated: a later version drops it.

Write what the message names instead.""",
    "warning",
)
LARGE_USER_DATA = Rule(
    "large-cloud-init",
    """User data so large that the object no longer fits into the annotation that `kubectl apply` and Argo CD's default apply
copy it to (262,144 bytes).

Apply on the server's side (`ServerSideApply=true`), or fetch the bulk at the first boot (`#include`).""",
    "warning",
)
USER_DATA_TOO_LARGE = Rule(
    "cloud-init-too-large",
    """User data that does not fit into the Secret that the platform puts it in (1 MiB).

Fetch the bulk at the first boot: `#include`, or a download in `runcmd`.""",
)
UNPRINTABLE_CHARACTER = Rule(
    "cloud-init-character",
    """A character in user data that does not survive YAML tools, such as a control character.

Remove it, or encode the file that holds it: `write_files` takes `encoding: b64`.""",
)
SECRET = Rule(
    "secret-in-cloud-init",
    """A secret in user data. It would be committed to Git; on the platform everybody who may see the VM could read it.

Remove it, and replace it where it is used: what was ever committed is known. docs/secrets.md has three ways to hand a VM
its secrets. The value is never printed.""",
)
PLACEHOLDER_KEY = Rule(
    "placeholder-key-in-cloud-init",
    """A key of an example in user data, such as `ssh-rsa AAAA...`, in a list of keys, a file or a command. Nobody could log in
with it. It is advice: `policy:` decides how severe it is, and `stage: production` makes an error of it. Below `sshKeys:` a
placeholder is always one (`placeholder-ssh-key`).

Write your public key, mostly the one line of `~/.ssh/id_ed25519.pub`; best below `sshKeys:`, which reaches every VM.""",
    "warning",
)
PASSWORD_HASH = Rule(
    "password-hash-in-cloud-init",
    """The hash of a password in user data. Whoever reads it can try passwords against it, at leisure and unseen.

Use SSH keys and `lock_passwd: true`, or hand the hash over as docs/secrets.md says. Where it is meant, write a waiver.""",
)

RULES = tuple(value for value in vars().values() if isinstance(value, Rule))
