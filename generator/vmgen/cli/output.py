"""The one way out: what a command prints goes through here, where tokens are hidden that no report has hidden yet."""

from __future__ import annotations

import sys

import click

from vmgen.printable import escape
from vmgen.secrets.redact import redact_text, redact_tokens


def write_output(text: str, *, color: bool | None = None) -> None:
    """Print data on stdout without the tokens in it. `color` is True to keep colours, None to let click decide."""
    click.echo(redact_tokens(text), nl=False, color=color)


def write_message(text: str) -> None:
    """Print a message on stderr without the secrets and the control characters in it."""
    sys.stderr.write(escape(redact_text(text), keep="\n"))


def write_report(text: str) -> None:
    """Print a report on stderr whose secrets are hidden already, without the tokens that are left in it."""
    sys.stderr.write(redact_tokens(text))


def write_manifests(content: bytes) -> None:
    """Print manifests on stdout unchanged, since they may be deployed. Manifests with a secret were refused before."""
    sys.stdout.buffer.write(content)


def write_objects(text: str) -> None:
    """Print objects for kustomize on stdout as they are, those of others among them."""
    click.echo(text, nl=False)
