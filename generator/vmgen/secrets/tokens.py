"""Find tokens and keys by their format: the prefix, the length and the alphabet that only they have.

The formats are documented by their issuers; compare the rules of gitleaks:
https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

HASH_DESCRIPTION = "a password hash"
PRIVATE_KEY_DESCRIPTION = "a private key"


class TokenFormat(NamedTuple):
    """A format: each text that matches `pattern` has one of `literals` in it, which is searched for first, in lower case.

    With `mixed`, a match without both a letter and a digit is a word, not a token.
    """

    description: str
    literals: tuple[str, ...]
    pattern: str
    mixed: bool = False


def _build(description: str, prefixes: str, rest: str, *, mixed: bool = False) -> TokenFormat:
    """Return the format of tokens that begin with one of some prefixes, which are separated by blanks."""
    words = prefixes.split()
    start = "|".join(map(re.escape, words))
    # A token begins where no letter or digit precedes it.
    return TokenFormat(description, tuple(map(str.lower, words)), rf"(?<![A-Za-z0-9])(?:{start}){rest}", mixed)


# No quantifier is open where its token could begin again inside of it: each pattern takes linear time.
TOKEN_FORMATS = (
    TokenFormat(PRIVATE_KEY_DESCRIPTION, ("private key",), r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"),
    TokenFormat(PRIVATE_KEY_DESCRIPTION, ("putty-user-key-file",), r"PuTTY-User-Key-File-\d"),
    TokenFormat(
        HASH_DESCRIPTION,
        ("$",),
        r"(?<![\w$])\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|apr1|argon2(?:id|i|d)|pbkdf2-sha\d{3}|scrypt)\$[./A-Za-z0-9$=,+]{10}",
    ),
    TokenFormat(HASH_DESCRIPTION, ("{sha", "{ssha"), r"\{S?SHA\d{0,3}\}[A-Za-z0-9+/=]{20}"),
    TokenFormat(HASH_DESCRIPTION, ("grub.pbkdf2",), r"grub\.pbkdf2\.sha512\.\d{1,9}\.[A-F0-9]{16}"),
    TokenFormat(
        "an AWS access key",
        ("akia", "asia", "abia", "acca"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    _build("an AWS Bedrock key", "ABSK", r"[A-Za-z0-9+/]{100}"),
    _build("an AWS Bedrock key", "bedrock-api-key-", r"[A-Za-z0-9+/]{30}"),
    _build("an Alibaba access key", "LTAI", r"[A-Za-z0-9]{16}(?:[A-Za-z0-9]{4})?(?![A-Za-z0-9])", mixed=True),
    _build("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{30}"),
    _build("a GitHub token", "github_pat_", r"[A-Za-z0-9_]{40}"),
    _build(
        "a GitLab token",
        "glpat- glptt- gldt- glrt- glrtr- glcbt- glsoat- glft- glimt- glagent- glffct- gloas-",
        r"[A-Za-z0-9_-]{20}",
    ),
    _build("a GitLab token", "GR1348941", r"[A-Za-z0-9_-]{20}"),
    _build(
        "a Slack token",
        "xoxa- xoxb- xoxe- xoxe.xoxb- xoxe.xoxp- xoxo- xoxp- xoxr- xoxs- xapp-",
        r"[A-Za-z0-9-]{10}",
        mixed=True,
    ),
    _build(
        "a Slack address",
        "hooks.slack.com/services/ hooks.slack.com/workflows/ hooks.slack.com/triggers/",
        r"[A-Za-z0-9/_-]{20}",
    ),
    TokenFormat("a Discord address", ("/api/webhooks/",), r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{40}"),
    TokenFormat(
        "a Teams address", ("webhook.office.com/",), r"webhook\.office\.com/webhookb2/[A-Za-z0-9-]{36}@[A-Za-z0-9-]{36}"
    ),
    TokenFormat(
        "a Discord token",
        (".",),
        r"(?<![\w.-])[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![\w.-])",
        True,
    ),
    TokenFormat("a Telegram token", (":aa",), r"(?<!\d)\d{8,10}:AA[A-Za-z0-9_-]{33}"),
    _build("a Google API key", "AIza", r"[A-Za-z0-9_-]{35}"),
    _build("a Google token", "ya29.", r"[A-Za-z0-9_-]{20}"),
    _build("a Google client secret", "GOCSPX-", r"[A-Za-z0-9_-]{24}"),
    _build("a Stripe key", "sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_", r"[A-Za-z0-9]{10}"),
    _build("a Stripe key", "whsec_", r"[A-Za-z0-9+/]{24}"),
    _build("an npm token", "npm_", r"[A-Za-z0-9]{30}", mixed=True),
    _build("a PyPI token", "pypi-", r"[A-Za-z0-9_-]{40}", mixed=True),
    _build("a RubyGems key", "rubygems_", r"[a-f0-9]{40}"),
    _build("a SendGrid key", "SG.", r"[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16}"),
    _build("a Sendinblue key", "xkeysib- xsmtpsib-", r"[a-f0-9]{40}"),
    _build("a Mailgun key", "key-", r"[a-f0-9]{32}(?![A-Za-z0-9])"),
    _build("a Twilio key", "SK", r"[a-f0-9]{32}(?![A-Za-z0-9])"),
    _build("a Vault token", "hvs. hvb. hvr.", r"[A-Za-z0-9_-]{20}"),
    TokenFormat("a Terraform token", (".atlasv1.",), r"(?<![A-Za-z0-9])[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40}"),
    _build("a Docker Hub token", "dckr_pat_ dckr_oat_", r"[A-Za-z0-9_-]{20}"),
    _build("a DigitalOcean token", "dop_v1_ doo_v1_ dor_v1_", r"[a-f0-9]{40}"),
    _build("a Hugging Face token", "hf_ api_org_", r"[A-Za-z0-9]{30}"),
    _build("a Tailscale key", "tskey-", r"[a-z]{2,20}-[A-Za-z0-9-]{16}", mixed=True),
    _build("an API key", "sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1-", r"[A-Za-z0-9_-]{32}", mixed=True),
    _build("an API key", "sk-", r"[A-Za-z0-9]{32}", mixed=True),
    _build("an API key", "gsk_", r"[A-Za-z0-9]{40}", mixed=True),
    _build("an API key", "xai- pplx- nvapi-", r"[A-Za-z0-9_-]{40}", mixed=True),
    _build("an API key", "r8_", r"[A-Za-z0-9]{30}", mixed=True),
    _build("an API key", "NRAK- NRII- NRJS-", r"[A-Za-z0-9_-]{19}", mixed=True),
    _build("a Grafana token", "glsa_", r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    _build("a Grafana token", "glc_", r"[A-Za-z0-9+/]{32}", mixed=True),
    _build("a Grafana token", "eyJrIjoi", r"[A-Za-z0-9]{40}"),
    _build("a Shopify token", "shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    _build("a Linear key", "lin_api_ lin_oauth_", r"[A-Za-z0-9]{32}"),
    _build("a Supabase key", "sbp_", r"[a-f0-9]{40}"),
    _build("a Supabase key", "sb_secret_", r"[A-Za-z0-9_-]{20}", mixed=True),
    _build("an Atlassian token", "ATATT3 ATCTT3 ATBB", r"[A-Za-z0-9_=-]{28}", mixed=True),
    _build("a Notion token", "ntn_", r"[A-Za-z0-9]{40}"),
    _build("a Figma token", "figd_", r"[A-Za-z0-9_-]{38}", mixed=True),
    _build("a Netlify token", "nfp_", r"[A-Za-z0-9]{36}"),
    _build("a PostHog key", "phx_", r"[A-Za-z0-9]{40}"),
    _build("a Postman key", "PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}"),
    _build("a Pulumi token", "pul-", r"[a-f0-9]{40}"),
    _build("a PlanetScale secret", "pscale_tkn_ pscale_oauth_ pscale_pw_", r"[A-Za-z0-9_=.-]{32}"),
    _build("a Databricks token", "dapi", r"[a-f0-9]{32}(?![A-Za-z0-9])"),
    _build("a Doppler token", "dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.", r"[A-Za-z0-9._-]{40}"),
    TokenFormat("a Dynatrace token", ("dt0",), r"(?<![A-Za-z0-9])dt0[a-z]\d\d\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}"),
    _build("a Fly.io token", "fo1_ fm1a_ fm1r_ fm2_", r"[A-Za-z0-9_+/-]{43}"),
    _build("a Heroku key", "HRKU-AA", r"[A-Za-z0-9_-]{40}"),
    _build("a Sentry token", "sntrys_ sntryu_", r"[A-Za-z0-9+/=_]{40}"),
    _build("a Square token", "sq0atp- sq0csp-", r"[A-Za-z0-9_-]{22}", mixed=True),
    _build("an Octopus key", "API-", r"[A-Z0-9]{26}(?![A-Za-z0-9])", mixed=True),
    _build("an Artifactory key", "AKCp", r"[A-Za-z0-9]{60}"),
    _build("an Artifactory token", "cmVmd", r"[A-Za-z0-9]{50}"),
    _build("a ClickHouse key", "4b1d", r"[A-Za-z0-9]{38}(?![A-Za-z0-9])"),
    _build("a Harness token", "pat. sat.", r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{20}"),
    _build("an Airtable token", "pat", r"[A-Za-z0-9]{14}\.[a-f0-9]{64}"),
    _build("an OpenShift token", "sha256~", r"[A-Za-z0-9_-]{43}"),
    _build("a Rancher token", "token-", r"[a-z0-9]{5}:[a-z0-9]{50}"),
    _build("a k3s token", "K10", r"[a-f0-9]{64}::[\w.:-]{8}"),
    _build("a Proxmox token", "PVEAPIToken=", r"[^\s\"'=]{3,120}=[A-Fa-f0-9-]{36}"),
    _build("a 1Password key", "A3-", r"[A-Z0-9]{6}-[A-Z0-9]{5,11}-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}"),
    _build("a 1Password token", "ops_eyJ", r"[A-Za-z0-9+/_-]{40}"),
    _build("a Cloudflare key", "v1.0-", r"[a-f0-9]{24}-[a-f0-9]{100}"),
    _build("a Cloudflare tunnel token", "eyJhIjoi", r"[A-Za-z0-9+/=_-]{60}"),
    TokenFormat("an Azure client secret", ("q~",), r"(?<![\w~.])[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31}"),
    _build("an age key", "AGE-SECRET-KEY-1 AGE-SECRET-KEY-PQ-1", r"[A-Z0-9]{40}"),
    TokenFormat("a JSON web token", ("eyj",), r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8}"),
    _build("an Azure storage key", "AccountKey= SharedAccessKey=", r"[A-Za-z0-9+/]{40}"),
)
_WORD_REST = re.compile(r"[A-Za-z0-9_+/=.~:-]*")
_END_OF_KEY = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")


class Token(NamedTuple):
    """A token in a text: its description and position. A private key reaches to its last line, or to the end of the text."""

    description: str
    start: int
    end: int


def find_tokens(text: str, lowered: str = "") -> Iterator[Token]:
    """Iterate over the tokens in a text, format by format. `lowered` is the text in lower case, if the caller has it."""
    lowered = lowered or text.lower()
    for token_format in TOKEN_FORMATS:
        if any(literal in lowered for literal in token_format.literals):
            # The next search begins behind the whole token, lest a run of prefixes is read once for each.
            end = 0
            while match := _compile(token_format.pattern).search(text, end):
                end = _find_end(token_format, text, match.end())
                if not token_format.mixed or _is_mixed(text[match.start() : end]):
                    yield Token(token_format.description, match.start(), end)


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for the first text that needs it: all of them take longer than most runs search."""
    return re.compile(pattern)


def _is_mixed(token: str) -> bool:
    """Return whether a token has a digit and a letter behind its prefix; with dashes a capital too, as no name of a service."""
    rest = token[4:]
    is_name = "-" in rest and rest == rest.lower()
    return not is_name and any(map(str.isdigit, rest)) and any(map(str.isalpha, rest))


def _find_end(token_format: TokenFormat, text: str, end: int) -> int:
    if token_format.description == PRIVATE_KEY_DESCRIPTION:
        last_line = _END_OF_KEY.search(text, end)
        return last_line.end() if last_line else len(text)
    rest = _WORD_REST.match(text, end)
    return rest.end() if rest else end
