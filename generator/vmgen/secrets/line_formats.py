"""The formats of lines with a secret: configuration files, addresses, headers, SQL, and what other files have."""

from __future__ import annotations

from vmgen.secrets.names import SENSITIVE_NAME

NAMED_DESCRIPTION = "a value with the name of a secret"

_VALUE = r"""(?:\\(?=["']))?(?P<value>"(?:\\.|[^"\\]){0,4096}"?|'[^']{0,4096}'?|[^\s"',;&|]{1,4096})"""
# A template or a shell puts a value in the place of an expression, which may have blanks in it. Possessive: taken as a whole.
_EXPRESSION = r"\{\{[^{}]{0,200}\}\}|\{%[^{}%]{0,200}%\}|\$\{[^{}]{0,200}\}"
_LONG_VALUE = rf"""(?P<value>"(?:\\.|[^"\\]){{0,4096}}"?|'[^']{{0,4096}}'?|(?:{_EXPRESSION}|[^\s"',;&|]){{1,4096}}+)"""
# What may stand between a separator and a value: a tag or an anchor of YAML, the bracket of a list, the prefix of a string.
_BEFORE_VALUE = (
    r"""(?:!!\w{1,20}[ \t]{1,8}|&[\w-]{1,40}[ \t]{1,8}|\[\s{0,8}(?=["']))?"""
    r"""(?:\\(?=["']))?(?:[A-Za-z]{1,2}(?=["']))?(?:""(?=")|''(?='))?"""
)
_SEPARATOR = r"(?::\s{0,4}&?[A-Za-z]\w{0,20}\s{0,4}=(?![=>])|=>|:=|=|::(?=\s)|:|\uff1a|%3[dD])"
NAMED_PATTERN = (
    rf"""(?i)(?:{SENSITIVE_NAME})s?\d{{0,2}}(?:\\?["'])?\]?\s{{0,8}}{_SEPARATOR}\s{{0,8}}{_BEFORE_VALUE}{_LONG_VALUE}"""
)
# Lines of a name and a value with a blank between, as in the files of Redis, keepalived and OpenLDAP.
WORD_PATTERN = (
    r"[ \t]{0,80}(?:-[ \t]{1,8}|#[ \t]{0,4}define[ \t]{1,8})?(?P<name>[A-Za-z_][\w.-]{0,80})[ \t]{1,40}"
    rf"{_VALUE}[ \t]{{0,80}}(?:#.{{0,400}})?\Z"
)
# The same within a line, if the value is in quotes: `key "k" { secret "x"; };` of BIND.
QUOTED_WORD_PATTERN = r"""(?<![\w.-])(?P<name>[A-Za-z][\w.-]{0,60})[ \t]{1,20}["'](?P<value>[^"'\s]{6,400})["']"""
TOKEN_IN_URL_PATTERN = r"://(?P<value>[A-Za-z0-9_~-]{20,400})(?::x-oauth-basic)?@"  # noqa: S105 - a pattern
# A password with a slash, which is no port and path: `https://registry:5000/web@sha256:...` has no login.
SLASH_IN_URL_PATTERN = r"://[^\s/:@\"'\[\]]{0,200}:(?!\d{1,5}[/?#])(?P<value>[^\s@\"'/]{1,400}/[^\s@\"']{1,400})@"
# `sed s/__DB_PASSWORD__/x/`
SUBSTITUTION_PATTERN = (
    r"(?<!\w)s(?P<mark>[/|#,~@%!])(?P<name>(?:(?!(?P=mark))\S){1,120})(?P=mark)"
    r"(?P<value>(?:(?!(?P=mark))[^\s\"']){4,400})(?P=mark)"
)
# Formats of lines whose value is a secret, unless it is a reference: description, words of the line in lower case, pattern.
LINE_FORMATS = (
    # A user may be an address of mail, and a password may have an `@`: the last one ends the login.
    # An address that was joined to a path has one slash.
    ("a login in a URL", (":/",), r":/{1,2}[^\s/:\"'\[\]]{0,200}:(?P<value>[^\s/\"']{1,400})@"),
    ("a signature in an address", ("sig",), r"(?i)[?&](?:sig|[a-z-]{0,20}signature)=(?P<value>[^&\s\"'#]{16,800})"),
    (
        "a login in a header",
        ("authoriz",),
        r"(?i)\bauthorization[\"']?(?:\s{0,8}[:=]\s{0,8}|\s{1,8})[\"']?(?:bearer|basic|token|apikey|splunk|ssws|geniekey|key)\s{1,8}"
        r"(?P<value>[\w.~+/=-]{8,2000})",
    ),
    (
        "a password in SQL",
        ("identified", "password"),
        r"(?i)\b(?:identified\s{1,8}(?:with\s{1,8}\S{1,80}\s{1,8})?by|password)\s{1,8}N?(?P<quote>['\"])(?P<value>[^'\"]{1,400})(?P=quote)",
    ),
    ("a password in SQL", ("password",), r"(?i)\bpassword\s{0,8}\(\s{0,8}['\"](?P<value>[^'\"]{1,400})['\"]\s{0,8}\)"),
    (
        "a login of Oracle",
        ("sqlplus", "expdp", "impdp", "sqlldr", "rman"),
        r"(?i)(?:sqlplus|expdp|impdp|sqlldr|rman)\s{1,8}(?:-\w{1,8}\s{1,8}|target\s{1,8}){0,4}[\w$#]{1,40}/(?P<value>[^\s@/\"']{1,400})",
    ),
    ("a password of Redis", (" on ", "setuser"), r"\bon\s{1,8}>(?P<value>[^\s>]{4,400})"),
    ("a login of a netrc file", ("password",), rf"\blogin\s{{1,40}}\S{{1,200}}\s{{1,40}}password\s{{1,40}}{_VALUE}"),
    ("a pre-shared key", ("psk", "xauth", "eap"), r"\b(?:PSK|XAUTH|EAP)\s{1,20}[\"'](?P<value>[^\"']{4,400})[\"']"),
    (
        "a pre-shared key",
        ("psk", "xauth", "eap"),
        r"\A[^#:\n]{0,200}:\s{1,20}(?:PSK|XAUTH|EAP)\s{1,20}(?P<value>[^\s\"']{6,400})\s{0,20}\Z",
    ),
    (
        "a password of PPP",
        ('" ', "' "),
        r"\A\s{0,20}\S{1,120}\s{1,20}\S{1,120}\s{1,20}[\"'](?P<value>[^\s\"']{6,200})[\"']\s{1,20}(?:\*|[\d.]{7,15})\s{0,20}\Z",
    ),
    (
        "a password of SNMP",
        ("createuser", "rocommunity", "rwcommunity"),
        r"(?i)\b(?:createUser\s{1,8}\S{1,80}\s{1,8}(?:MD5|SHA[\w-]{0,8})|r[ow]community6?)\s{1,8}(?P<value>(?!public\b)\S{6,200})",
    ),
    ("a password in a configuration", ("insecure-password",), r"\binsecure-password\s{1,8}(?P<value>\S{1,400})"),
    (
        "a login of a mail server",
        ("smtp", "relay", "]:"),
        r"\A\s{0,20}\[?[\w.-]{1,200}\]?:(?:25|465|587|2525)\s{1,20}[^\s:]{1,200}:(?P<value>\S{4,400})\s{0,20}\Z",
    ),
    # https://github.com/go-sql-driver/mysql#dsn-data-source-name
    (
        "a login of a database",
        ("@tcp(", "@unix("),
        r"(?<![\w.-])[\w.-]{1,80}:(?P<value>[^\s\"'/]{1,400})@(?:tcp|unix)\(",
    ),
    (
        NAMED_DESCRIPTION,
        ("-value",),
        rf"(?i)-name\s{{1,8}}[\"']?[\w.-]{{0,60}}{SENSITIVE_NAME}[\"']?\s(?:[^|;\n]{{0,200}}\s)?-value\s{{1,8}}{_VALUE}",
    ),
    # https://doc.dovecot.org/main/core/config/auth/schemes.html
    ("a password of Dovecot", ("{plain", "{cleartext}"), r"(?i)\{(?:PLAIN(?:-TRUNC)?|CLEARTEXT)\}(?P<value>[^\s:\"']{4,400})"),
    ("a cookie of Erlang", ("-setcookie",), r"(?<![\w-])-setcookie\s{1,8}(?P<value>[^\s\"']{6,200})"),
    ("a login of an option", ("login=",), r"\blogin=[^\s:=]{1,80}:(?P<value>[^\s\"']{4,400})"),
    (
        "an answer of debconf",
        ("password ", "password\t"),
        r"(?i)(?<![\w./-])[\w.-]{1,80}/[\w./-]{0,80}pass[\w-]{0,40}[ \t]{1,20}password[ \t]{1,20}(?P<value>[^\s\"']{1,400})",
    ),
    (
        "a password of GRUB",
        ("password ",),
        r"\A\s{0,20}password\s{1,8}[a-z]\w{0,30}\s{1,8}(?P<value>(?=[^\d\s]{0,80}\d)(?=[^A-Z\s]{0,80}[A-Z])\S{6,200})\s{0,20}\Z",
    ),
    ("a password for crypt()", ("crypt(",), r"\bcrypt\(\s{0,8}[\"'](?P<value>[^\"']{1,400})[\"']"),
    ("a private key of JSON", ('"kty"',), r'"[dk]"\s{0,8}:\s{0,8}"(?P<value>[A-Za-z0-9_-]{20,4000})"'),
    ("a signature in an address", ("azurewebsites.net",), r"[?&]code=(?P<value>[A-Za-z0-9_/+=%-]{20,800})"),
    ("a gossip key", ("encrypt",), r"\bencrypt[\"']?\s{0,8}[:=]\s{0,8}[\"'](?P<value>[A-Za-z0-9+/]{22,43}={1,2})[\"']"),
    (
        "a password in plain text",
        ("convertto-securestring",),
        rf"(?i)ConvertTo-SecureString\s{{1,8}}(?:-String\s{{1,8}})?(?!-){_VALUE}",
    ),
    ("a login of a page", ("stats",), r"\bstats\s{1,20}auth\s{1,20}[^\s:]{1,80}:(?P<value>\S{1,200})"),
    (
        "a login of a request",
        ("auth",),
        r"\bauth\s{0,8}=\s{0,8}\(\s{0,8}[\"'][^\"']{1,80}[\"']\s{0,8},\s{0,8}[\"'](?P<value>[^\"']{1,400})",
    ),
    (
        "a password of a pgpass file",
        (":",),
        r"\A\s{0,80}[\w.*-]{1,200}:(?:\d{2,5}|\*):[\w.*-]{1,80}:[\w.*-]{1,80}:(?P<value>[^\s:]{6,400})\s{0,80}\Z",
    ),
    (
        NAMED_DESCRIPTION,
        ("define",),
        rf"""(?i)\bdefine\s{{0,8}}\(\s{{0,8}}["'][^"']{{0,80}}{SENSITIVE_NAME}["']\s{{0,8}},\s{{0,8}}["'](?P<value>[^"']{{1,400}})["']""",
    ),
    (
        NAMED_DESCRIPTION,
        ('value="',),
        rf"""(?i)(?:key|name)="[^"=]{{0,80}}{SENSITIVE_NAME}"\s{{1,20}}value=(?P<value>"[^"]{{1,400}}")""",
    ),
)
AUTH_PATTERN = (
    r"""(?i)(?<![A-Za-z0-9])_?auth(?:\\?["'])?\s{0,8}[:=]\s{0,8}(?:\\?["'])?(?P<value>[A-Za-z0-9+/_-]{8,800}={0,2})"""
)
BOOTSTRAP_PATTERN = r"(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])"
