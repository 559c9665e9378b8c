"""The formats of lines with a secret: configuration files, addresses, headers, SQL, and what other files have."""

from __future__ import annotations

from vmgen.secrets.names import SENSITIVE_NAME
from vmgen.secrets.token_formats import HASH_DESCRIPTION

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
COOKIE_PATTERN = r"(?<![\w.-])[\w.-]{1,80}=(?P<value>[\w%+][\w%+./~=-]{15,2000})"
EXPECT_PATTERN = (
    r"""\b(?:exp_)?send(?:line)?(?:\s{1,8}(?:--\s{1,8})?|\()\\?["'{](?P<value>[^"'\s\\{}$]{6,400})(?:\\{1,2}[rn]|["']\))"""
)
USER_LINE_PATTERN = r"\A\s{0,20}user(?:=[\w.@-]{1,80}:|\s{1,8}[\w.@-]{1,80}\s{1,8})(?P<value>[^\s;:]{8,200})\s{0,20}\Z"
# Formats of lines whose value is a secret, unless it is a reference: description, words of the line in lower case, pattern.
LINE_FORMATS = (
    # A user may be an address of mail, and a password may have an `@`: the last one ends the login.
    # An address that was joined to a path has one slash, and in the name of a file it has none.
    ("a login in a URL", (":/", ":__"), r":(?:/{1,2}|__)[^\s/:\"'\[\]]{0,200}:(?P<value>[^\s/\"']{1,400})@"),
    ("a login in a URL", ("%3a%2f%2f",), r"(?i)%3A%2F%2F[\w.~-]{0,200}%3A(?P<value>[\w.~%+-]{1,400}?)%40"),
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
        r"(?i)(?:sqlplus|expdp|impdp|sqlldr|rman)\s{1,8}(?:-\w{1,8}\s{1,8}|target\s{1,8}){0,4}[\"']?[\w$#]{1,40}/(?P<value>[^\s@/\"']{1,400})",
    ),
    ("a login of Oracle", (":thin:",), r":thin:[\w$#]{1,40}/(?P<value>[^\s@/\"']{1,400})@"),
    (
        "a login of a database",
        (" using ",),
        r"(?i)\bconnect\s{1,8}to\s{1,8}\S{1,80}\s{1,8}user\s{1,8}\S{1,80}\s{1,8}using\s{1,8}(?P<value>[^\s\"']{1,400})",
    ),
    (
        "a password in SQL",
        ("set password",),
        r"(?i)\bset\s{1,8}password\s{1,8}for\s{1,8}\S{1,200}\s{0,8}=\s{0,8}[\"'](?P<value>[^\"']{1,400})[\"']",
    ),
    # https://clickhouse.com/docs/operations/settings/settings-users#user-namepassword
    (HASH_DESCRIPTION, ("sha256_hex", "sha1_hex"), r"password_(?:double_)?sha\d{1,3}_hex\W{1,8}(?P<value>[0-9a-fA-F]{40,64})"),
    (
        HASH_DESCRIPTION,
        ("scram-sha-",),
        r"\bSCRAM-SHA-\d{1,3}\$\d{1,9}:(?P<value>[A-Za-z0-9+/=]{16,100}\$[A-Za-z0-9+/=:]{1,200})",
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
    (
        "a password of SNMP",
        ("createuser",),
        r"(?i)\bcreateUser\s{1,8}\S{1,80}\s{1,8}\S{1,20}\s{1,8}\S{1,200}\s{1,8}(?:AES|DES)[\w-]{0,8}\s{1,8}(?P<value>\S{6,200})",
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
    ("a gossip key", ("encrypt",), r"\bencrypt[\"']?(?:\s{0,8}[:=]\s{0,8}|\s{1,8})[\"']?(?P<value>[A-Za-z0-9+/]{22,43}={1,2})"),
    (
        "a password in plain text",
        ("convertto-securestring",),
        rf"(?i)ConvertTo-SecureString\s{{1,8}}(?:-(?:String|AsPlainText|Force)\s{{1,8}}){{0,3}}(?!-){_VALUE}",
    ),
    (
        "a password in plain text",
        ("convertto-securestring",),
        r"(?i)(?<=[\"'])(?P<value>[^\"'\s]{1,400})[\"']\s{0,8}\|\s{0,8}ConvertTo-SecureString",
    ),
    ("a password in plain text", (".setpassword(",), r"(?i)\.SetPassword\(\s{0,8}[\"'](?P<value>[^\"']{1,400})[\"']"),
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
        ("define", "setenv", "setenvironmentvariable"),
        rf"""(?i)\b(?:define|setenv|SetEnvironmentVariable)\s{{0,8}}\(\s{{0,8}}["'](?:[^"']{{0,80}}{SENSITIVE_NAME}"""
        r"""|(?:(?:secure_)?auth|logged_in|nonce)_(?:key|salt))["']\s{0,8},\s{0,8}["'](?P<value>[^"']{1,400})["']""",
    ),
    # A password that `expect` sends when it is asked for one.
    (
        "a password of expect",
        ("send",),
        r"(?i)(?:asswor|assphrase|passcode)[^\n;{}]{0,40}[;\n{}\s\"']{1,40}"
        r"(?:exp_)?send\s{1,8}(?:--\s{1,8})?\\?[\"{](?P<value>[^\"\s\\}$][^\"\s\\}]{3,400})",
    ),
    # https://www.qemu.org/docs/master/system/secrets.html
    ("a secret of QEMU", ("secret,",), r"\bsecret,[\w=,.-]{0,200}\bdata=(?P<value>[^\s,\"']{1,400})"),
    ("a login of a share", ("cifs",), r"\buser(?:name)?=[^\s,%]{1,80}%(?P<value>(?![0-9A-Fa-f]{2})[^\s,\"']{4,200})"),
    (
        "a login of a mail server",
        (" pass ", " password "),
        r"(?i)(?:\A\s{0,40}|\bproto(?:col)?\s{1,8}\S{1,12}\s{1,8})"
        r"user(?:name)?\s{1,8}\S{1,80}\s{1,8}(?:there\s{1,8})?(?:with\s{1,8})?pass(?:word)?\s{1,8}"
        r"(?P<value>(?=[^\d\s]{0,80}\d)[^\s\"']{6,400})",
    ),
    (
        "a password of a command",
        ("passcommand", "password-command", "-extpass"),
        r"(?i)(?:passcommand|password-command|-extpass)[\s=:\"']{1,8}echo\s{1,8}(?P<value>[^\s\"']{4,400})",
    ),
    (
        "a login of a package source",
        ("http-basic.",),
        r"\bhttp-basic\.[\w.-]{1,80}\s{1,8}[^\s\"'-]{1,80}\s{1,8}(?P<value>[^\s\"'-][^\s\"']{3,400})",
    ),
    (
        "a token of a package source",
        ("pypi-token.", "-oauth.", "gitlab-token."),
        r"\b(?:pypi-token|git(?:hub|lab)-oauth|gitlab-token)\.[\w.-]{1,80}\s{1,8}(?P<value>[^\s\"'-][^\s\"']{15,400})",
    ),
    (
        "a login of a package source",
        ("bundle_",),
        r"\bBUNDLE_[A-Z0-9_]{1,120}=[\"']?[^\s:\"']{1,80}:(?P<value>[^\s\"'/][^\s\"']{3,400})",
    ),
    ("a login of Steam", ("+login",), r"\+login\s{1,8}[^\s+]{1,80}\s{1,8}(?P<value>[^\s+\"'][^\s\"']{3,200})"),
    ("a token of a cluster", ("microk8s",), r"\bmicrok8s\s{1,8}join\s{1,8}[\w.\[\]:-]{1,200}/(?P<value>[0-9a-f]{32})"),
    ("a login of Neo4j", ("neo4j_auth",), r"\bNEO4J_AUTH[\"']?\s{0,4}[:=]\s{0,4}[\"']?\w{1,40}/(?P<value>[^\s\"']{1,200})"),
    (
        "a login of an option",
        ("-auth ",),
        r"(?<![\w-])-auth\s{1,8}[\"']?[^\s:\"'@]{1,80}:(?P<value>(?=[^\s\"']{0,80}[A-Za-z])[^\s\"'/]{4,400})",
    ),
    (
        "a password of a certificate",
        (" -e ", "--cert"),
        r"\bcurl\s[^\n|;]{0,400}?(?:(?<=\s)-E\s|--cert[\s=])[\s\"']{0,8}[^\s:\"']{2,400}:(?P<value>[^\s\"'\\]{1,400})",
    ),
    (
        "a password of a router",
        ("neighbor", "authentication-key", "message-digest-key"),
        r"\b(?:neighbor\s{1,8}\S{1,80}\s{1,8}password|authentication-key|message-digest-key\s{1,8}\d{1,3}\s{1,8}md5)\s{1,8}"
        r"(?P<value>[^\s\"']{4,200})",
    ),
    ("a password of VRRP", ("auth_pass",), r"\bauth_pass\s{1,8}(?P<value>[^\s\"'}]{4,200})"),
    ("a key of DNS", ("hmac-",), r"\s-y\s{0,8}[\"']?hmac-[\w-]{2,20}:[^\s:]{1,200}:(?P<value>[A-Za-z0-9+/=]{16,400})"),
    (
        "a login of a call",
        ("auth(", "auth('", "changeuserpassword(", "networkcredential(", "pscredential(", ".login("),
        r"(?i)\b(?:db\.auth|changeUserPassword|HTTP(?:Basic|Digest)Auth|NetworkCredential|PSCredential|\.login)"
        r"\(\s{0,8}[\"'][^\"']{1,200}[\"']\s{0,8},\s{0,8}[\"'](?P<value>[^\"']{4,400})[\"']",
    ),
    (
        "a login of a call",
        ("->connect(", "mysqli", "pdo(", "create_superuser(", "plainauth("),
        r"(?i)(?:->connect|mysqli(?:_connect)?|\bPDO|create_superuser|PlainAuth)\(\s{0,8}[\"'][^\"']{0,200}[\"']\s{0,8},"
        r"\s{0,8}[\"'][^\"']{1,200}[\"']\s{0,8},\s{0,8}[\"'](?P<value>[^\"']{4,400})[\"']",
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
