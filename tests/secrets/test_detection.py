"""What is found in a text, and what is not: a table of secrets by kind, and one of harmless texts that look like them.

The secrets are put together here, so that no scanner takes this file for a leak.
"""

from __future__ import annotations

import base64
import gzip
import time

import pytest

from vmgen.cloud_init.validate import check_text
from vmgen.secrets import lines, tokens
from vmgen.secrets.patterns import CHANGE_ME_DESCRIPTION, find_secrets, find_spans
from vmgen.secrets.redact import redact_text, redact_tokens


def _made(length: int, alphabet: str = "aB3xY7kQ9mZ2") -> str:
    """Letters and digits that nobody uses."""
    return (alphabet * (length // len(alphabet) + 1))[:length]


def _hex(length: int) -> str:
    return _made(length, "0a1b2c3d4e5f6789")


def _b64(text: str, times: int = 1) -> str:
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


WORD = "hunter" + "2" * 4
LONG_TEXT = f"# a comment that is long enough to fill two lines of base64\nDB_PASSWORD={WORD}\n"
UPPER = _made(64, "QWERTYUIOPASDFGH234567")

# Tokens by their format: the whole is the secret.
TOKENS = {
    "GitHub": "gh" + "p_" + _made(36),
    "GitHub, of an app": "gh" + "s_" + _made(36),
    "GitHub, fine-grained": "github" + "_pat_" + _made(82),
    "GitLab": "gl" + "pat-" + _made(20),
    "GitLab runner": "gl" + "rt-" + _made(20),
    "AWS": "AK" + "IA" + UPPER[:16],
    "Bedrock": "AB" + "SK" + _made(120),
    "Alibaba": "LT" + "AI" + _made(20),
    "Slack": "xo" + "xb-1234567890-" + _made(24),
    "Slack app": "xa" + "pp-1-A12-34-" + _made(24),
    "Slack webhook": "https://hooks.slack.com/services/" + _made(44),
    "Discord webhook": "https://discord.com/api/webhooks/123456789012345678/" + _made(68),
    "Teams webhook": "https://a.webhook.office.com/webhookb2/" + _hex(36) + "@" + _hex(36) + "/IncomingWebhook/x",
    "Telegram": "1234567890:AA" + _made(33),
    "Google": "AI" + "za" + _made(35),
    "Google OAuth": "ya" + "29." + _made(60),
    "Stripe": "sk" + "_live_" + _made(24),
    "npm": "np" + "m_" + _made(36),
    "PyPI": "py" + "pi-AgEI" + _made(60),
    "RubyGems": "ruby" + "gems_" + _hex(48),
    "SendGrid": "S" + "G." + _made(22) + "." + _made(43),
    "Sendinblue": "xkey" + "sib-" + _hex(64) + "-" + _made(16),
    "Twilio": "S" + "K" + _hex(32),
    "Mailgun": "key" + "-" + _hex(32),
    "Vault": "hv" + "s." + _made(90),
    "Terraform": _made(14) + ".atlas" + "v1." + _made(64),
    "Docker Hub": "dckr" + "_pat_" + _made(27),
    "DigitalOcean": "do" + "p_v1_" + _hex(64),
    "Hugging Face": "hf" + "_" + _made(34),
    "Tailscale": "ts" + "key-auth-" + _made(30),
    "Anthropic": "sk" + "-ant-api03-" + _made(93),
    "OpenAI": "sk" + "-proj-" + _made(74),
    "Groq": "gs" + "k_" + _made(52),
    "xAI": "xa" + "i-" + _made(80),
    "Perplexity": "pp" + "lx-" + _made(48),
    "NVIDIA": "nv" + "api-" + _made(64),
    "Replicate": "r" + "8_" + _made(37),
    "New Relic": "NR" + "AK-" + UPPER[:27],
    "Grafana": "gl" + "sa_" + _made(32) + "_" + _hex(8),
    "Grafana Cloud": "gl" + "c_" + _made(60),
    "Shopify": "sh" + "pat_" + _hex(32),
    "Linear": "lin" + "_api_" + _made(40),
    "Supabase": "sb" + "p_" + _hex(40),
    "Atlassian": "AT" + "ATT3" + _made(186),
    "Notion": "nt" + "n_" + _made(46),
    "Figma": "fi" + "gd_" + _made(40),
    "Netlify": "nf" + "p_" + _made(36),
    "Postman": "PM" + "AK-" + _hex(24) + "-" + _hex(34),
    "Pulumi": "pu" + "l-" + _hex(40),
    "PlanetScale": "pscale" + "_tkn_" + _made(43),
    "Databricks": "da" + "pi" + _hex(32),
    "Doppler": "dp" + ".pt." + _made(43),
    "Dynatrace": "dt" + "0c01." + UPPER[:24] + "." + UPPER[:64],
    "Fly.io": "fo" + "1_" + _made(43),
    "Heroku": "HR" + "KU-AA" + _made(58),
    "Sentry": "sn" + "tryu_" + _hex(64),
    "Square": "sq" + "0atp-" + _made(22),
    "Artifactory": "AK" + "Cp" + _made(69),
    "Airtable": "pa" + "t" + _made(14) + "." + _hex(64),
    "OpenShift": "sha" + "256~" + _made(43),
    "Rancher": "tok" + "en-" + "ab12c" + ":" + _hex(54),
    "k3s": "K1" + "0" + _hex(64) + "::node:" + _hex(32),
    "Proxmox": "PVEAPI" + "Token=root@pam!ci=" + "12345678-1234-1234-1234-123456789abc",
    "1Password": "A" + "3-" + "ABC123-ABCDE1-ABCDE-ABCDE-ABCDE-ABCDE",
    "1Password service": "op" + "s_eyJ" + _made(260),
    "Cloudflare tunnel": "ey" + "JhIjoi" + _made(120),
    "Azure client secret": "ab1" + "8Q~" + _made(34),
    "age": "AGE-SECRET" + "-KEY-1" + UPPER[:58],
    "age, post-quantum": "AGE-SECRET" + "-KEY-PQ-1" + UPPER[:64],
    "JSON web token": ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0", _made(43))),
    "crypt": "$6$" + "saltsalt$" + _made(43),
    "yescrypt": "$y$" + "j9T$" + _made(43),
    "GRUB": "grub.pb" + "kdf2.sha512.10000." + _hex(64).upper(),
}
# Texts with one secret each, which is the second part.
TEXTS = {
    "docker login": (f"docker login -u bob -p {WORD} reg.example", WORD),
    "docker login, continued": (f"docker login -u bob \\\n  -p {WORD} reg.example", WORD),
    "az login": (f"az login --service-principal -u x -p {WORD} --tenant t", WORD),
    "redis-cli": (f"redis-cli -a {WORD} ping", WORD),
    "mongosh": (f"mongosh -u admin -p {WORD}", WORD),
    "mysql in a container": (f"docker exec db mysql -u root -p{WORD}", WORD),
    "ldapadd": (f"ldapadd -x -D cn=admin -w {WORD} -f a.ldif", WORD),
    "rabbitmqctl": (f"rabbitmqctl add_user bob {WORD}", WORD),
    "mosquitto": (f"mosquitto_passwd -b /etc/pw bob {WORD}", WORD),
    "setup key": ("netbird up --setup-key 7C3A5E2B-9D14-4F68-8A0B-1E2D3C4B5A69", "7C3A5E2B-9D14-4F68-8A0B-1E2D3C4B5A69"),
    "certificate key": (f"kubeadm init --certificate-key {_hex(64)}", _hex(64)),
    "token": (f"k3s agent --token {WORD}", WORD),
    "auth key": (f"tailscale up --authkey={WORD}", WORD),
    "cloudflared": (f"cloudflared service install {_made(80)}", _made(80)),
    "wget": (f"wget --http-password={WORD} https://x.example", WORD),
    "openssl": (f"openssl enc -aes-256-cbc -pass pass:{WORD}", WORD),
    "smbclient": (f"smbclient //nas/x -U ops%{WORD}", WORD),
    "net user": (f"net user bob {WORD} /add", WORD),
    "vault login": (f"vault login {WORD}", WORD),
    "aws configure": (f"aws configure set aws_secret_access_key {WORD}", WORD),
    "npm config": (f"npm config set //registry.example/:_authToken {WORD}", WORD),
    "kubectl": (f"kubectl create secret generic x --from-literal=password={WORD}", WORD),
    "wifi": (f"nmcli dev wifi connect shop password {WORD}", WORD),
    "wpa": (f"wpa_passphrase shop {WORD}", WORD),
    "inner shell": (f'sh -c "redis-cli -a {WORD} ping"', WORD),
    "minio": (f"mc alias set shop https://s3.example ops {WORD}", WORD),
    "a share of Windows": (rf"net use x: \\srv\shop {WORD}", WORD),
    "twine": (f"twine upload -u shop -p {WORD} dist/shop.whl", WORD),
    "minio of old": (f"mc config host add shop https://s3.example ${{MINIO_USER}} {WORD}", WORD),
    "piped": (f"echo {WORD} | docker login --password-stdin -u bob", WORD),
    "smbpasswd": (f"(echo {WORD}; echo {WORD}) | smbpasswd -s -a bob", WORD),
    "here string": (f'chpasswd <<< "root:{WORD}"', WORD),
    "heredoc": (f"chpasswd <<EOF\nroot:{WORD}\nEOF\necho done", WORD),
    "heredoc, piped": (f"cat <<'END' | chpasswd\nroot:{WORD}\nEND\n", WORD),
    "netrc": (f"machine git.example\n  login bob\n  password {WORD}\n", WORD),
    "pgpass": (f"db.example:5432:shop:app:{WORD}", WORD),
    "requirepass": (f"requirepass {WORD}", WORD),
    "sentinel": (f"sentinel auth-pass shop {WORD}", WORD),
    "auth_pass": (f"    auth_pass {WORD}", WORD),
    "rootpw": (f"rootpw {WORD}", WORD),
    "my.cnf": (f"[client]\nuser=root\npassword={WORD}\n", WORD),
    "WireGuard": (f"[Interface]\nPrivateKey = {_made(43)}=\n", _made(43)),
    "pre-shared key": (f"[Peer]\nPresharedKey = {_made(43)}=\n", _made(43)),
    "ipsec": (f': PSK "{WORD}"', WORD),
    "docker config": ('{"auths": {"reg.example": {"auth": "' + _b64(f"bob:{WORD}") + '"}}}', _b64(f"bob:{WORD}")),
    "npmrc": (f"//registry.example/:_auth={_b64(f'bob:{WORD}')}", _b64(f"bob:{WORD}")),
    "client key": (f"    client-key-data: {_made(80)}", _made(80)),
    "consul": (f'encrypt = "{_made(43)}="', _made(43)),
    "vault role": (f"secret_id: {WORD}", WORD),
    "unattend": (f"<AdministratorPassword>\n  <Value>{WORD}</Value>\n</AdministratorPassword>", WORD),
    "unattend, of a user": (f"<Password><Value>{WORD}</Value><PlainText>true</PlainText></Password>", WORD),
    "app.config": (f'<add key="DbPassword" value="{WORD}"/>', WORD),
    "PowerShell": (f"ConvertTo-SecureString '{WORD}' -AsPlainText -Force", WORD),
    "PowerShell, encoded": (
        "powershell -enc " + base64.b64encode(f"$password = '{WORD}' ; exit".encode("utf-16-le")).decode(),
        base64.b64encode(f"$password = '{WORD}' ; exit".encode("utf-16-le")).decode(),
    ),
    "base64 in a script": (f"echo {_b64(f'DB_PASSWORD={WORD}')} | base64 -d > /etc/x", _b64(f"DB_PASSWORD={WORD}")),
    "base64 in a variable": (f"CONFIG={_b64(f'DB_PASSWORD={WORD}')}", _b64(f"DB_PASSWORD={WORD}")),
    "base64 in a quoted variable": (f"export CONFIG='{_b64(f'DB_PASSWORD={WORD}')}'", _b64(f"DB_PASSWORD={WORD}")),
    "base64 of an option": (f"install-agent --config={_b64(f'DB_PASSWORD={WORD}')}", _b64(f"DB_PASSWORD={WORD}")),
    "base64 in a data URL": (f"curl data:text/plain;base64,{_b64(f'DB_PASSWORD={WORD}')}", _b64(f"DB_PASSWORD={WORD}")),
    "base64 twice": (f"echo {_b64(f'DB_PASSWORD={WORD}', 2)} | base64 -d", _b64(f"DB_PASSWORD={WORD}", 2)),
    "base64 in lines": (
        base64.encodebytes(
            f"# a comment that is long enough to fill two lines of base64\nDB_PASSWORD={WORD}\n".encode()
        ).decode(),
        base64.b64encode(f"# a comment that is long enough to fill two lines of base64\nDB_PASSWORD={WORD}\n".encode())[
            :40
        ].decode(),
    ),
    "gzip": (
        base64.b64encode(gzip.compress(f"DB_PASSWORD={WORD}".encode(), mtime=0)).decode(),
        base64.b64encode(gzip.compress(f"DB_PASSWORD={WORD}".encode(), mtime=0)).decode(),
    ),
    "signed address, Azure": (f"https://x.blob.core.windows.net/c/i.img?sv=2024&sig={_made(43)}%3D", _made(43)),
    "signed address, AWS": (f"https://s3.example/i.img?X-Amz-Date=1&X-Amz-Signature={_hex(64)}", _hex(64)),
    "signed address, Google": (f"https://storage.example/i?X-Goog-Signature={_hex(64)}", _hex(64)),
    "login in an address": (f"https://ops:{WORD}@x.example/i.img", WORD),
    "header": (f"curl -H 'Authorization: Bearer {WORD}' x.example", WORD),
    "HAProxy": (f"stats auth admin:{WORD}", WORD),
    "Python": (f'requests.get(u, auth=("bob", "{WORD}"))', WORD),
    "SQL": (f"ALTER USER app IDENTIFIED BY '{WORD}';", WORD),
    "JSON in JSON": (f'{{"x": "{{\\"password\\": \\"{WORD}\\"}}"}}', WORD),
    "Azure storage": ("DefaultEndpointsProtocol=https;Account" + f"Key={_made(86)}==", _made(86)),
    "PHP": (f"define('DB_PASSWORD', '{WORD}');", WORD),
    "Kerberos": (f"kinit ops <<< {WORD}", WORD),
    "Windows": (f"cmdkey /add:x /user:y /pass:{WORD}", WORD),
}
HARMLESS = (
    "app --password /secrets/sealer-password",
    "geth --unlock 0xabc --password /run/pw",
    "app --password-file /etc/pw --token-path /run/t",
    "--token-file=/run/token",
    "password: op://vault/item/password",
    "DB_PASSWORD=vault:secret/data/db#password",
    "token: ref+vault://secret/x#token",
    "password: arn:aws:secretsmanager:eu-west-1:1:secret:x",
    "password: projects/p/secrets/db/versions/1",
    "existingSecret: shop-db-credentials",
    "imagePullSecret: regcred",
    "secretRef: {name: shop-db}",
    "secretName: shop-tls",
    "  - secretKey: password",
    "remoteRef: {key: shop/db, property: password}",
    "password: %DB_PASSWORD%",
    "password: @@DB_PASSWORD@@",
    "password: @DB_PASSWORD@",
    "password: ${DB_PASSWORD}",
    "password: ${DB_PASSWORD:-}",
    "password: {{ db_password }}",
    "password: <password>",
    "password: __DB_PASSWORD__",
    "password: [PASSWORD]",
    "password: $DB_PASSWORD",
    "password: $(cat /run/pw)",
    "password: `cat /run/pw`",
    "password: ENC[AES256_GCM,data:8Xk2,iv:9s,tag:aa,type:str]",
    "password: $ANSIBLE_VAULT;1.1;AES256",
    "password: !vault |",
    "password: ''",
    "password: null",
    "password: ********",
    "password: xxxxxxxx",
    "password: required",
    "token: disabled",
    "password = os.environ['DB_PASSWORD']",
    "token = get_token()",
    "password: config.db.password",
    "password=getpass.getpass()",
    "PASSWORD_MIN_LENGTH=12",
    "max_token: 4096",
    "token_ttl: 3600",
    "nopasswd: true",
    "ops ALL=(ALL) NOPASSWD:ALL",
    "passwd: files systemd",
    "PasswordAuthentication no",
    "PermitEmptyPasswords no",
    "ssh_pwauth: false",
    "lock_passwd: true",
    "chpasswd: {expire: false}",
    "ssl_certificate_key /etc/nginx/tls/server.key;",
    "ssl_certificate_key server.key;",
    "private_key: server.pem",
    "public_key: abcdefghijklmnop",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop",
    "ssh-rsa " + _b64("x" * 270) + " ops@shop",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "image: nginx@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "commit 49efe13f86d081884c7d659a2feaa0c55ad01",
    "uuid: 12345678-1234-1234-1234-123456789abc",
    "UUID=12345678-1234-1234-1234-123456789abc / ext4 defaults 0 1",
    "mac: 52:54:00:12:34:56",
    "fe80::5054:ff:fe12:3456/64",
    "root:x:0:0:root:/root:/bin/bash",
    "12:30:45 web-1 systemd[1]: Started.",
    "git clone https://git.example/shop/token-service.git",
    "git clone https://ops:${TOKEN}@git.example/x.git",
    "git clone git@git.example:shop/x.git",
    "https://x.example/i.img?size=10&sig=${SIG}",
    "https://x.example/i.img?version=1.2.3",
    "proxy: http://proxy.example:3128",
    "curl -u ops:$PASSWORD https://x.example",
    "curl --user-agent vmgen https://x.example",
    "docker login --password-stdin -u bob reg.example",
    "docker run -p 8080:80 nginx",
    "docker login -u bob -p $PASSWORD reg.example",
    "mysql -u root -p shop",
    "mkdir -p /srv/shop",
    "ssh -p 2222 ops@bastion",
    "useradd -m -s /bin/bash ops",
    "kubeadm token list",
    "kubectl get secret shop -o yaml",
    "vault login -method=oidc",
    "passwd -l root",
    'echo "done" | mail -s passwd ops',
    "read -s PASSWORD",
    'if [ -z "$TOKEN" ]; then exit 1; fi',
    "echo hello | base64 -d",
    "# the password: see the vault of the team",
    "# Set the token in the vault before the first boot.",
    "Reset the password of ops with the vault.",
    "the tokens are in the vault, and the secret is not here",
    "data: aGVsbG8sIHRoaXMgaXMgYSBwbGFpbiB0ZXh0IGluIGJhc2U2NA==",
    "sk-some-long-name-of-a-service-in-kebab-case-without-digits",
    "node-pypi-mirror-of-the-shop-in-the-second-zone-of-the-west-2",
    "keyboard: {layout: ch}",
    "auth: required",
    "auth_basic_user_file /etc/nginx/htpasswd;",
    "tls_key: /etc/tls/key.pem",
    "monkey: banana-split",
    "secrets: [shop-db]",
    "AKIAIOSFODNN",
    "apt-key: https://x.example/key.gpg",
    "hashed: false",
    "authorized_keys: ~/.ssh/authorized_keys",
    "cert-manager.io/cluster-issuer: letsencrypt",
    "vault.hashicorp.com/agent-inject-secret-db: secret/data/db",
)
CHANGE_ME = (
    "password: CHANGEME",
    "DB_PASSWORD=change-me",
    "token: changeit",
    "api_key: replace_me",
    "app --password CHANGE_ME",
    "password: TODO",
)


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_token(token: str) -> None:
    """A token is found alone, in a sentence, in JSON and in base64, and no output keeps a part of it."""
    for text in (token, f"ask for {token} today", f'{{"note": "{token}"}}', f"echo {_b64(f'say {token} now')}"):
        assert list(find_secrets(text)), text
    assert token[-16:] not in redact_text(f"ask for {token}, today")
    assert token[-16:] not in redact_tokens(f'{{"note": "{token}"}}')


@pytest.mark.parametrize(("text", "secret"), TEXTS.values(), ids=TEXTS)
def test_text(text: str, secret: str) -> None:
    """A value is found by what stands before it, and is hidden in the text."""
    found = [span for span in find_spans(text) if span.description != CHANGE_ME_DESCRIPTION]
    assert found
    assert secret not in redact_text(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless(text: str) -> None:
    """A reference, a placeholder, a path, a hash, a public key or prose is no secret."""
    assert list(find_secrets(text)) == []


def test_there_are_enough() -> None:
    """The tables are as long as the promise."""
    assert len(TOKENS) + len(TEXTS) >= 100
    assert len(HARMLESS) >= 80


@pytest.mark.parametrize("text", CHANGE_ME)
def test_change_me(text: str) -> None:
    """A value that asks to be replaced is said apart, and may be shown."""
    assert [match.description for match in find_secrets(text)] == [CHANGE_ME_DESCRIPTION]
    assert redact_text(text) == text


# Each pattern is tried on texts made of pieces of itself, which are the worst for it.
PIECES = (
    *(
        "password",
        "chpasswd <<EOF\n",
        "chpasswd < a ",
        "-secret_",
        "token=",
        "key:",
        '"',
        "'",
        "\\",
        '\\"',
        "a",
        "A3",
        " ",
        "\t",
        "://",
        ":",
        "@",
        "=",
        "eyJ",
        "eyJ.",
    ),
    *("-----BEGIN ", "<password>", "<", "login ", "login x password ", "auth=", "psk ", "curl -u ", "echo ", "| ", "<<EOF "),
    *("abc123.", "gh" + "p_", "sk-", "$6$", "`", "$(", "${", "{{", "A" * 40 + "\n", "mysql ", "M" * 24 + ".", "xoxb-"),
    *(".atlasv1.", "q~", "?sig=", "identified by '", "- ", "name "),
)


@pytest.mark.slow
@pytest.mark.parametrize("piece", PIECES)
def test_linear(piece: str) -> None:
    """A long line takes no more time for a character than a short one does, whatever it is made of."""
    lengths = (10_000, 160_000)
    seconds = []
    for length in lengths:
        text = piece * (length // len(piece))
        best = float("inf")
        for _ in range(2):
            lines.find_in_line.cache_clear()
            started = time.process_time()
            list(find_spans(text))
            best = min(best, time.process_time() - started)
        seconds.append(best)
    assert seconds[1] < 3 * (seconds[0] + 0.02) * lengths[1] / lengths[0], seconds


@pytest.mark.slow
def test_a_text_that_is_too_long() -> None:
    """A text far beyond what the platform takes is refused at once, and said not to have been searched."""
    text = "#cloud-config\nx: " + "-secret_" * 2_000_000
    started = time.process_time()
    rules = {finding.rule.id for finding in check_text(text)}
    assert {"cloud-init-too-large", "secret-in-cloud-init"} <= rules
    assert time.process_time() - started < 2


def test_every_format_has_words() -> None:
    """Each format has words that are searched for before its pattern, which test_linear_patterns.py compiles."""
    assert all(form.literals and all(form.literals) for form in tokens.TOKEN_FORMATS)


@pytest.mark.parametrize("form", tokens.TOKEN_FORMATS, ids=lambda form: form.description)
def test_search_is_in_lower_case(form: tokens.TokenFormat) -> None:
    """The words that are searched for first are in lower case, as is the text that they are searched in."""
    assert [literal for literal in form.literals if literal != literal.lower()] == []
