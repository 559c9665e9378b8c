"""User data inside of user data: MIME messages, archives, patches, includes, Jinja for the guest, encoded files."""

from __future__ import annotations

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.cloud_init.content import MAX_LEVELS
from vmgen.cloud_init.mime import MAX_BOUNDARIES, _find_line_feeds, split_message
from vmgen.cloud_init.validate import check_text

CONFIG = "#cloud-config\npackages: [nginx]\n"
MISSPELT = "#cloud-config\npakages: [nginx]\n"
PART, INCLUDE, KEY, SYNTAX = "cloud-init-part", "cloud-init-include", "unknown-cloud-config-key", "cloud-config-syntax"
ENCODING, VARIABLE = "cloud-config-encoding", "unknown-jinja-variable"


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def compress(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def message(*parts: str, boundary: str = "//") -> str:
    """A MIME message: its first part begins at line 3."""
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\nMIME-Version: 1.0\n\n'
    return head + "".join(f"--{boundary}\n{part}\n" for part in parts) + f"--{boundary}--\n"


def part(text: str, type_: str = "text/cloud-config", headers: str = "") -> str:
    return f"Content-Type: {type_}\n{headers}\n{text}"


BASE64, GZIP = "Content-Transfer-Encoding: base64\n", "application/gzip"
NESTED = 'multipart/mixed; boundary="in"'

# A text, and each finding in it: its rule, its line from 0, and a piece of its message.
MIME = {
    "misspelt key": (message(part(MISSPELT)), [(KEY, 7, "'packages'?")]),
    "second part": (message(part(CONFIG), part(MISSPELT)), [(KEY, 13, "'packages'?")]),
    "no YAML": (message(part("#cloud-config\nruncmd: [\n")), [(SYNTAX, 7, "not YAML")]),
    "no header is needed": (message(part("pakages: [x]\n")), [(KEY, 6, "'packages'?")]),
    "other boundary": (
        message(part(CONFIG)).replace("--//\n", "--EDGE\n"),
        [(PART, 0, "line 4 of the text begins with another one")],
    ),
    "no boundary": (message(part(CONFIG)).replace('; boundary="//"', ""), [(PART, 0, "has no boundary")]),
    "one boundary misspelt": (
        message(part(CONFIG), part(CONFIG)).replace("nginx]\n\n--//\nContent", "nginx]\n\n--/\nContent"),
        [(SYNTAX, 10, "not YAML"), (PART, 9, "looks like a boundary")],
    ),
    "script without #!": (
        message(part("echo x\n", "text/x-shellscript")),
        [(PART, 6, "begin with a line such as `#!/bin/sh`")],
    ),
    "boot script without #!": (message(part("x\n", "text/x-shellscript-per-boot")), [(PART, 6, "`#!/bin/sh`")]),
    "a script that is a config": (message(part(MISSPELT, "text/x-shellscript")), [(KEY, 7, "'packages'?")]),
    "misspelt type": (message(part(CONFIG, "text/cloudconfig")), [(PART, 6, "did you mean 'text/cloud-config'?")]),
    "foreign type": (message(part("<a/>", "text/html")), [(PART, 6, "write text/cloud-config or")]),
    "plain without header": (message(part("packages: []\n", "text/plain")), [("cloud-init-header", 6, "`#cloud-config`")]),
    "no type": (message(f"\n{MISSPELT}"), [(KEY, 6, "'packages'?")]),
    "encoded": (message(part(encode(MISSPELT), headers=BASE64)), [(KEY, 7, "in the encoded part, line 2: unknown key")]),
    "not base64": (message(part("not base64!", headers=BASE64)), [(PART, 7, "the part is not base64")]),
    "encoding": (message(part(CONFIG, headers="Content-Transfer-Encoding: bas64\n")), [(PART, 5, "did you mean 'base64'?")]),
    "compressed": (message(part(compress(MISSPELT), GZIP, BASE64)), [(KEY, 7, "line 2: unknown key 'pakages'")]),
    "not compressed": (message(part(encode(CONFIG), GZIP, BASE64)), [(PART, 7, "the part is not gzip")]),
    "nested": (message(part(f"--in\n{part(MISSPELT)}\n--in--\n", NESTED)), [(KEY, 10, "'packages'?")]),
    "jinja as config": (message(part(f"## template: jinja\n{CONFIG}")), [(PART, 6, "write `text/jinja2`")]),
    "jinja": (message(part(f"## template: jinja\n{MISSPELT}", "text/jinja2")), [(KEY, 8, "'packages'?")]),
    "include": (message(part("https:/x\n", "text/x-include-url")), [(INCLUDE, 6, "is not an address")]),
    "archive": (message(part("- |\n  pakages: [x]\n", "text/cloud-config-archive")), [(KEY, 7, "'packages'?")]),
    "one part only": (f"MIME-Version: 1.0\nContent-Type: text/cloud-config\n\n{MISSPELT}", [(KEY, 4, "'packages'?")]),
    "secret": (
        message(part(encode("#!/bin/sh\nPASSWORD=hun" + "ter222\n"), "text/x-shellscript", BASE64)),
        [("secret-in-cloud-init", 7, "in the encoded part, line 2: contains a value")],
    ),
    "too many": ("MIME-Version: 1.0\n" + "boundary\n" * (MAX_BOUNDARIES + 1), [(PART, 0, "more than 50 boundaries")]),
}
ARCHIVE = {
    "misspelt key": ("- type: text/cloud-config\n  content: |\n    pakages: [x]\n", [(KEY, 3, "'packages'?")]),
    "text": ("- |\n  #cloud-config\n  pakages: [x]\n- |\n  #!/bin/sh\n", [(KEY, 3, "'packages'?")]),
    "flow": ('- {content: "pakages: [x]"}\n', [(KEY, 1, "'packages'?")]),
    "no list": ("packages: [x]\n", [(PART, 0, "must be a list of parts")]),
    "no content": ("- type: text/cloud-config\n  contnet: x\n", [(PART, 1, "did you mean 'content'?")]),
    "content is a mapping": ("- content:\n    packages: [x]\n", [(PART, 1, "write `content: |`")]),
    "entry is a number": ("- 1\n", [(PART, 1, "must be text, or a mapping")]),
    "type": ("- type: text/x-shelscript\n  content: '#!/bin/sh'\n", [(PART, 2, "did you mean 'text/x-shellscript'?")]),
    "type without slash": ("- type: script\n  content: '#!/bin/sh'\n", [(PART, 1, "is not a MIME type")]),
    "script without #!": ("- type: text/x-shellscript\n  content: |\n    echo\n", [(PART, 3, "`#!/bin/sh`")]),
    "not YAML": ("- [\n", [(SYNTAX, 1, "not YAML")]),
}
ARCHIVE = {f"archive: {name}": (f"#cloud-config-archive\n{text}", found) for name, (text, found) in ARCHIVE.items()}
PATCH = {
    "key": ('[{"op": "add", "path": "/pakages", "value": ["x"]}]', [(KEY, 1, "'packages'?")]),
    "second": (
        '[{"op": "add", "path": "/packages", "value": ["x"]},\n{"op": "add", "path": "/runcmd", "value": 1}]',
        [("invalid-cloud-config", 2, "must be a list")],
    ),
    "item": ('[{"op": "add", "path": "/pakages/-", "value": "x"}]', [(KEY, 1, "'packages'?")]),
    "operation": ('[{"op": "ad", "path": "/packages", "value": []}]', [(PART, 1, "did you mean 'add'?")]),
    "path": ('[{"op": "add", "path": "packages", "value": []}]', [(PART, 1, "must begin with `/`")]),
    "no value": ('[{"op": "add", "path": "/packages"}]', [(PART, 1, "has no `value`")]),
    "no list": ('{"op": "add"}', [(PART, 1, "must be a list of operations")]),
    "not JSON": ("- op: add\n", [(SYNTAX, 1, "not JSON")]),
}
PATCH = {f"patch: {name}": (f"#cloud-config-jsonp\n{text}", found) for name, (text, found) in PATCH.items()}
INCLUDES = {
    "no address": ("#include\nshop.example/x\n", [(INCLUDE, 1, "is not an address")]),
    "commands": ("#include-once\nhttps://shop.example/x\npackages: [nginx]\n", [(INCLUDE, 2, "is not an address")]),
    "on the first line": ("#include shop\n", [(INCLUDE, 0, "is not an address")]),
    "nothing": ("#include\n# later\n", [(INCLUDE, 0, "has no address")]),
    "http": ("#include\nhttp://shop.example/x\n", [("cloud-init-include-http", 1, "use https")]),
    "one slash": ("#include\n# a comment\nhttps:/shop.example/x\n", [(INCLUDE, 2, "is not an address")]),
}
JINJA = {
    "key": ("#cloud-config\npakages: [x]\n", [(KEY, 2, "'packages'?")]),
    "variable": ("#cloud-config\nfqdn: {{ local_hostnme }}\n", [(VARIABLE, 2, "did you mean 'local_hostname'?")]),
    "standard key": ("#cloud-config\nfqdn: {{ v1.hostname }}\n", [(VARIABLE, 2, "did you mean 'v1.local_hostname'?")]),
    "in brackets": ("#cloud-config\nfqdn: '{{ v1[\"hostname\"] }}'\n", [(VARIABLE, 2, "'v1.local_hostname'?")]),
    "ours": ("#cloud-config\nfqdn: {{ vm.name }}\n", [(VARIABLE, 2, "it belongs to vmgen")]),
    "syntax": ("#cloud-config\nfqdn: {{ v1.region\n", [(SYNTAX, 2, "not a Jinja template")]),
    "unclosed block": ("#cloud-config\n{% if region %}\nfqdn: x\n", [(SYNTAX, 3, "not a Jinja template")]),
    "in a branch": (
        "#cloud-config\n{% if region %}\npakages: [x]\n{% else %}\nruncmd: ls\n{% endif %}\n",
        [(KEY, 3, "'packages'?"), ("invalid-cloud-config", 5, "must be a list")],
    ),
    "in a loop": (
        "#cloud-config\nwrite_files:\n{% for n in [1, 2] %}\n  - pth: /x{{ n }}\n    content: x\n{% endfor %}\n",
        [(KEY, 4, "unknown key 'pth'")],
    ),
    "no YAML": ("#cloud-config\nruncmd: [\n", [(SYNTAX, 2, "not YAML")]),
}
JINJA = {f"jinja: {name}": (f"## template: jinja\n{text}", found) for name, (text, found) in JINJA.items()}
FILES = {
    "Terraform": ("b64", "${base64encode(fetch_py)}", "is a Terraform expression"),
    "Terraform file": ("b64", '${filebase64("a.py")}', "is a Terraform expression"),
    "Terraform variable": ("gz+b64", "${var.content}", "is a Terraform expression"),
    "plain": ("b64", "not base64!!", "is not base64"),
    "cut off": ("base64", encode("hello")[:-2], "is not base64"),
    "gzip as text": ("gzip", "abc", "is not gzip as in `encoding`"),
    "gzip in base64": ("gz+b64", encode("hello"), "is not gzip in its base64"),
    "gzip cut off": ("gzip+base64", encode("hello")[:8], "is not gzip in its base64"),
}
FILES_FOUND = {
    f"file: {name}": (
        f"#cloud-config\nwrite_files:\n  - path: /a\n    encoding: {encoding}\n    content: '{content}'\n",
        [(ENCODING, 4, says)],
    )
    for name, (encoding, content, says) in FILES.items()
}
FILES_FOUND["seed"] = ("#cloud-config\nrandom_seed:\n  data: a!\n  encoding: b64\n", [(ENCODING, 2, "is not base64")])
ALL = {**MIME, **ARCHIVE, **PATCH, **INCLUDES, **JINJA, **FILES_FOUND}


@pytest.mark.parametrize(("text", "expected"), ALL.values(), ids=ALL)
def test_found_inside(text: str, expected: list[tuple[str, int, str]]) -> None:
    """What is wrong inside of an envelope is found, at its line in the text of the user."""
    found = sorted(check_text(text), key=lambda finding: (finding.line, finding.rule.id))
    assert [(finding.rule.id, finding.line) for finding in found] == [
        (rule, line) for rule, line, _ in sorted(expected, key=lambda item: (item[1], item[0]))
    ]
    for (_, _, says), finding in zip(sorted(expected, key=lambda item: (item[1], item[0])), found, strict=True):
        assert says in finding.message


FINE = {
    "two parts": message(part(CONFIG), part("#!/bin/sh\necho\n", "text/x-shellscript")),
    "encoded": message(part(encode(CONFIG), headers=BASE64), part(compress(CONFIG), GZIP, BASE64)),
    "quoted": message(part("#cloud-config\nhostname: a=2Db\n", headers="Content-Transfer-Encoding: quoted-printable\n")),
    "other boundary": message(part(CONFIG), boundary="===============1234=="),
    "nested": message(part(f"--in\n{part(CONFIG)}\n--in--\n", NESTED), part(CONFIG)),
    "handler for a type": message(part("#part-handler\n", "text/part-handler"), part("x", "text/x-own")),
    "jinja": message(part("## template: jinja\n#cloud-config\nfqdn: {{ v1.local_hostname }}\n", "text/jinja2")),
    "merge type": message(part(CONFIG, headers="Merge-Type: list(append)+dict(recurse_array)+str()\n")),
    "attachment": message(part(CONFIG, headers='Content-Disposition: attachment; filename="a.yaml"\n')),
    "a config that says MIME-VERSION": "#cloud-config\n# MIME-VERSION:\npackages: [nginx]\n",
    "archive": "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    packages: [nginx]\n- |\n"
    "  #!/bin/sh\n  echo\n",
    "patch": '#cloud-config-jsonp\n[{"op": "add", "path": "/packages/-", "value": "x"}, {"op": "remove", "path": "/ntp"}]\n',
    "include": "#include\n# ours\nhttps://shop.example/a\n\n#include-once https://shop.example/b\nfile:///etc/x\n",
    "defended": "## template: jinja\n#cloud-config\nfqdn: {{ ours | default('x') }}\n"
    "{% if theirs is defined %}\nlocale: {{ theirs }}\n{% endif %}\n",
    "own": "## template: jinja\n#cloud-config\n{% set a = v1.region %}\nfqdn: {{ a }}\n"
    "{% for b in range(2) %}\n# {{ loop.index }} {{ b }}\n{% endfor %}\n",
    "data source": "## template: jinja\n#cloud-config\nfqdn: {{ ds.meta_data.hostname }}-{{ ds['meta_data'].id }}\n",
    "unknown values": "## template: jinja\n#cloud-config\nusers: {{ ds.users }}\nruncmd: [{{ ds.a }}, {{ ds.b }}]\n"
    "{{ ds.key }}: 1\n",
    "script": "## template: jinja\n#!/bin/sh\necho {{ instance_id }}\n",
    "file": f"#cloud-config\nwrite_files:\n  - {{path: /a, encoding: b64, content: {encode('x')}}}\n"
    f"  - {{path: /b, encoding: gz+b64, content: {compress('x')}}}\n",
    "binary": f"#cloud-config\nwrite_files:\n  - path: /b\n    encoding: gzip\n    content: !!binary {compress('x')}\n",
    "from Flux": "#cloud-config\nwrite_files:\n  - {path: /a, encoding: b64, content: '${CERTIFICATE}'}\n",
    "cut for an example": "#cloud-config\nwrite_files:\n  - {path: /a, encoding: b64, content: aGVs...}\n",
    "folded": f"#cloud-config\nwrite_files:\n  - path: /a\n    encoding: b64\n    content: |\n"
    f"      {encode('x' * 30)[:20]}\n      {encode('x' * 30)[20:]}\n",
}


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_fine_inside(text: str) -> None:
    """What cloud-init takes inside of an envelope, we take."""
    assert check_text(text) == ()


@pytest.mark.parametrize(
    "text", ["#cloud-config\nMIME-VERSION:", "#!/bin/sh\n# MIME-Version: 1.0\n", "#include\nMIME-version:\n"]
)
def test_a_word_makes_no_message(text: str) -> None:
    """A text whose first line begins no message is what that line says, whatever it holds, as for cloud-init."""
    assert all(finding.line < 2 for finding in check_text(text))


def test_levels_end() -> None:
    """Texts in texts are read down to a limit, and a place is named beyond it."""
    text = "packages: [x]\n"
    for _ in range(MAX_LEVELS + 2):
        body = "".join(f"    {line}\n" for line in text.splitlines())
        text = f"#cloud-config-archive\n- content: |\n{body}"
    assert [finding.rule.id for finding in check_text(text)] == [PART]


PIECES = st.sampled_from(
    [
        "MIME-Version: 1.0\n",
        "Content-Type: ",
        "multipart/mixed; boundary=",
        "x\n",
        "--x\n",
        "--x--\n",
        "text/cloud-config\n",
        "\n",
        "#cloud-config\n",
        "#cloud-config-archive\n",
        "- |\n",
        "  a: b\n",
        "## template: jinja\n",
        "{{ v1.a }}",
        "{% if a %}",
        "{% endif %}",
        "#include\n",
        "base64\n",
        "Content-Transfer-Encoding: ",
        "#cloud-config-jsonp\n",
        "[{}]\n",
        "\u00e9",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60).map(lambda text: "MIME-Version: 1.0\n" + text))
def test_any_envelope(text: str) -> None:
    """Whatever envelopes are made of, looking into them ends, at a line of the text."""
    assert all(
        0 <= finding.line <= text.count("\n") + sum(map(text.count, "\r\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e"))
        for finding in check_text(text)
    )


def test_lines_of_a_message_are_counted_once() -> None:
    """A message has thousands of parts, each at its line, and the text before a part is not counted for each of them."""
    part = "--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n"
    text = f'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n{part * 300}--x--\n'
    _find_line_feeds.cache_clear()
    envelope = split_message(text)
    assert [part.line for part in envelope.parts] == [6 + 4 * number for number in range(300)]
    assert _find_line_feeds.cache_info().misses == 1
