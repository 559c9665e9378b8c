"""The formats of tokens and keys: the prefix, the length and the alphabet that only they have.

The formats are documented by their issuers; compare the rules of gitleaks:
https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
"""

import re
from typing import NamedTuple

HASH_DESCRIPTION = "a password hash"
PRIVATE_KEY_DESCRIPTION = "a private key"
KEY_BODY_DESCRIPTION = "a private key without its first line"


class TokenFormat(NamedTuple):
    """A format: each text that matches `pattern` has one of `literals` in it, which is searched for first, in lower case.

    With `is_mixed`, a match without both a letter and a digit is a word, not a token. With `is_prefix`, the literals are how
    the token begins, so that it is looked for in few places.
    """

    description: str
    literals: tuple[str, ...]
    pattern: str
    is_mixed: bool = False
    is_prefix: bool = False


def _build(description: str, prefixes: str, rest: str, *, is_mixed: bool = False) -> TokenFormat:
    """Return the format of tokens that begin with one of some prefixes, which are separated by blanks."""
    words = prefixes.split()
    start = "|".join(map(re.escape, words))
    # A token begins where no letter or digit precedes it.
    return TokenFormat(
        description, tuple(map(str.lower, words)), rf"(?<![A-Za-z0-9])(?:{start}){rest}", is_mixed, is_prefix=True
    )


# No quantifier is open where its token could begin again inside of it: each pattern takes linear time.
TOKEN_FORMATS = (
    TokenFormat(PRIVATE_KEY_DESCRIPTION, ("private key",), r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"),
    TokenFormat(PRIVATE_KEY_DESCRIPTION, ("putty-user-key-file",), r"PuTTY-User-Key-File-\d"),
    TokenFormat(PRIVATE_KEY_DESCRIPTION, ("openvpn static key",), r"-----BEGIN OpenVPN Static key"),
    # The first bytes of private keys in base64: PKCS #1, SEC 1, PKCS #8, OpenSSH. Those of public keys and certificates differ.
    TokenFormat(
        KEY_BODY_DESCRIPTION,
        ("ibaak", "mhccaqee", "ageb", "baqefaasc", "ageamb", "mc4caqa", "b3blbnnzac1rzxk"),
        r"(?:\bMII[A-Z][A-Za-z0-9+/]{2}IBAAK[BC]|\bMHcCAQEEI|\bMI(?:Gk|Hc)AgEBB|\bMI[A-Za-z0-9+/]{16,24}w0BAQEFAASC"
        r"|\bMI(?:GH|G2|Hu)AgEAMB|\bMC4CAQAwBQYDK2VwBCIEI|\bb3BlbnNzaC1rZXktdjE)[A-Za-z0-9+/]{10}",
    ),
    TokenFormat(
        HASH_DESCRIPTION,
        ("$",),
        r"(?<![\w$])\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|apr1|argon2(?:id|i|d)|pbkdf2-sha\d{3}|scrypt)\$[./A-Za-z0-9$=,+]{10}",
    ),
    TokenFormat(HASH_DESCRIPTION, ("{sha", "{ssha"), r"\{S?SHA\d{0,3}\}[A-Za-z0-9+/=]{20}"),
    TokenFormat(HASH_DESCRIPTION, ("grub.pbkdf2",), r"grub\.pbkdf2\.sha512\.\d{1,9}\.[A-Fa-f0-9]{16}"),
    TokenFormat(
        "an AWS access key",
        # The kinds of keys have prefixes of four letters.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        ("akia", "asia", "abia", "acca"),
        r"(?<![A-Za-z0-9])(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])",
    ),
    _build("an AWS Bedrock key", "ABSK", r"[A-Za-z0-9+/]{100}"),
    _build("an AWS Bedrock key", "bedrock-api-key-", r"[A-Za-z0-9+/]{30}"),
    _build("an Alibaba access key", "LTAI", r"[A-Za-z0-9]{12,22}(?![A-Za-z0-9])", is_mixed=True),
    _build("a GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"[A-Za-z0-9]{30}"),
    _build("a GitHub token", "github_pat_", r"[A-Za-z0-9_]{40}"),
    _build(
        "a GitLab token",
        "glpat- glptt- gldt- glrt- glrtr- glcbt- glsoat- glft- glimt- glagent- glffct- gloas- glwt-",
        r"[A-Za-z0-9_-]{20}",
    ),
    _build("a GitLab token", "GR1348941", r"[A-Za-z0-9_-]{20}"),
    _build(
        "a Slack token",
        "xoxa- xoxb- xoxc- xoxd- xoxe- xoxe.xoxb- xoxe.xoxp- xoxo- xoxp- xoxr- xoxs- xapp-",
        r"[A-Za-z0-9-]{10}",
        is_mixed=True,
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
    _build("an npm token", "npm_", r"[A-Za-z0-9]{30}", is_mixed=True),
    _build("a PyPI token", "pypi-", r"[A-Za-z0-9_-]{40}", is_mixed=True),
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
    _build("a Tailscale key", "tskey-", r"[a-z]{2,20}-[A-Za-z0-9-]{16}", is_mixed=True),
    _build("an API key", "sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or-v1-", r"[A-Za-z0-9_-]{32}"),
    _build("an API key", "sk-", r"[A-Za-z0-9]{32}", is_mixed=True),
    _build("an API key", "sk-lf-", r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}"),
    _build("an API key", "gsk_", r"[A-Za-z0-9]{40}", is_mixed=True),
    _build("an API key", "xai- pplx- nvapi-", r"[A-Za-z0-9_-]{40}", is_mixed=True),
    _build("an API key", "r8_", r"[A-Za-z0-9]{30}", is_mixed=True),
    _build("an API key", "NRAK- NRII- NRJS-", r"[A-Za-z0-9_]{19}", is_mixed=True),
    _build("a Grafana token", "glsa_", r"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    _build("a Grafana token", "glc_", r"[A-Za-z0-9+/]{32}", is_mixed=True),
    _build("a Grafana token", "eyJrIjoi", r"[A-Za-z0-9]{40}"),
    _build("a Shopify token", "shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    _build("a Linear key", "lin_api_ lin_oauth_", r"[A-Za-z0-9]{32}"),
    _build("a Supabase key", "sbp_", r"[a-f0-9]{40}"),
    _build("a Supabase key", "sb_secret_", r"[A-Za-z0-9_-]{20}", is_mixed=True),
    _build("an Atlassian token", "ATATT3 ATCTT3 ATBB", r"[A-Za-z0-9_=-]{28}", is_mixed=True),
    _build("a Notion token", "ntn_", r"[A-Za-z0-9]{40}"),
    _build("a Figma token", "figd_", r"[A-Za-z0-9_-]{38}", is_mixed=True),
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
    _build("a Square token", "sq0atp- sq0csp-", r"[A-Za-z0-9_-]{22}", is_mixed=True),
    _build("an Octopus key", "API-", r"[A-Z0-9]{26}(?![A-Za-z0-9])", is_mixed=True),
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
    # `{"` in base64, twice: the header and the claims are JSON. https://www.rfc-editor.org/rfc/rfc7519#section-3
    TokenFormat("a JSON web token", ("eyj",), r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8}"),
    _build("an Azure storage key", "AccountKey= SharedAccessKey=", r"[A-Za-z0-9+/]{40}"),
    TokenFormat("a New Relic key", ("nral",), r"(?<![A-Za-z0-9])[a-z0-9]{6}[a-f0-9]{30}NRAL(?![A-Za-z0-9])"),
    _build("a Cloudflare token", "cfut_ cfat_ cfk_", r"[A-Za-z0-9_-]{40}", is_mixed=True),
    _build("a Datadog key", "ddapp_", r"[A-Za-z0-9]{34}", is_mixed=True),
    _build("an age identity", "AGE-PLUGIN-", r"[A-Z0-9]{2,40}-1[A-Z0-9]{20}"),
    TokenFormat("a Mailchimp key", ("-us",), r"(?<![A-Za-z0-9-])[a-f0-9]{32}-us\d{1,2}(?![A-Za-z0-9-])"),
    _build("a Resend key", "re_", r"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}", is_mixed=True),
    _build("a Neon key", "napi_", r"[a-z0-9]{60}", is_mixed=True),
    _build("a Vercel token", "vcp_ vci_ vca_ vcr_ vck_", r"[A-Za-z0-9]{24}", is_mixed=True),
    _build("a Render key", "rnd_", r"[A-Za-z0-9]{28}", is_mixed=True),
    _build("a CircleCI token", "CCIPAT_ CCIPRJ_", r"[A-Za-z0-9]{22}_[a-f0-9]{40}"),
    _build("a Buildkite token", "bkua_ bkat_ bkct_", r"[A-Za-z0-9]{40}", is_mixed=True),
    _build("a SonarQube token", "sqp_ squ_ sqa_", r"[a-f0-9]{40}"),
    _build("a NuGet key", "oy2", r"[a-z0-9]{43}(?![A-Za-z0-9])", is_mixed=True),
    _build("a Notion token", "secret_", r"[A-Za-z0-9]{43}(?![A-Za-z0-9])", is_mixed=True),
    _build("an ntfy token", "tk_", r"[a-z0-9]{29}(?![A-Za-z0-9_])", is_mixed=True),
    _build("a Google refresh token", "1//0", r"[A-Za-z0-9_-]{38}", is_mixed=True),
    _build("a Google HMAC key", "GOOG1E", r"[A-Z0-9]{55}(?![A-Za-z0-9])", is_mixed=True),
    _build("a Google API key", "AQ.Ab8RN6", r"[A-Za-z0-9_-]{40}"),
    _build("a Facebook token", "EAACEdEose0cBA EAAM EAAC EAAG", r"[A-Za-z0-9]{60}", is_mixed=True),
    _build("a Twitter token", "AAAAAAAAAAAAAAAAAAAAA", r"[A-Za-z0-9%]{40}", is_mixed=True),
    _build("a Mapbox token", "sk.eyJ", r"[A-Za-z0-9_-]{40,400}\.[A-Za-z0-9_-]{20}"),
    _build("an API key", "sk_", r"[a-f0-9]{48}(?![A-Za-z0-9])"),
    _build("an API key", "tgp_v1_ wandb_v1_ pcsk_", r"[A-Za-z0-9_-]{36}", is_mixed=True),
    _build("an API key", "csk-", r"[a-z0-9]{48}(?![A-Za-z0-9])", is_mixed=True),
    _build("an API key", "fw_", r"[A-Za-z0-9]{22,24}(?![A-Za-z0-9_])", is_mixed=True),
    _build("an API key", "lsv2_pt_ lsv2_sk_", r"[a-f0-9]{32}_[a-f0-9]{10}"),
    _build("an API key", "tvly-dev- tvly-prod- tvly-", r"[A-Za-z0-9]{32}", is_mixed=True),
    _build("an API key", "fc-", r"[a-f0-9]{32}(?![A-Za-z0-9])"),
    _build("an API secret", "as- ak-", r"[A-Za-z0-9]{22}(?![A-Za-z0-9_-])", is_mixed=True),
    _build("a Tencent key", "AKID", r"[A-Za-z0-9]{32}(?![A-Za-z0-9])", is_mixed=True),
    _build("a Yandex key", "AQVN", r"[A-Za-z0-9_-]{35,38}(?![A-Za-z0-9_-])", is_mixed=True),
    _build("a Yandex token", "y0_", r"[A-Za-z0-9_-]{55}", is_mixed=True),
    _build("a Yandex token", "t1.", r"[A-Za-z0-9_-]{60,600}={0,2}\.[A-Za-z0-9_-]{86}={0,2}"),
    _build("an EasyPost key", "EZAK EZTK", r"[A-Za-z0-9]{54}(?![A-Za-z0-9])", is_mixed=True),
    _build("a Shippo token", "shippo_live_ shippo_test_", r"[a-f0-9]{40}"),
    _build("a Duffel token", "duffel_live_ duffel_test_", r"[A-Za-z0-9_-]{40}", is_mixed=True),
    _build("a Square token", "EAAA", r"[A-Za-z0-9_-]{60}(?![A-Za-z0-9_+/-])", is_mixed=True),
    _build("a Flutterwave key", "FLWSECK_TEST- FLWSECK-", r"[a-f0-9]{32}"),
    _build(
        "a Bitwarden token",
        "0.",
        r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}\.[A-Za-z0-9]{30}:[A-Za-z0-9+/]{20}",
    ),
    _build("an Infisical token", "st.", r"[a-f0-9-]{24,36}\.[a-f0-9]{32}\.[a-f0-9]{32}"),
    _build("a Docker Swarm token", "SWMTKN-1-", r"[a-z0-9]{49,50}-[a-z0-9]{25}"),
    _build("a LaunchDarkly key", "sdk-", r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}(?![A-Za-z0-9-])"),
    TokenFormat("an Azure DevOps token", ("azdo",), r"(?<![A-Za-z0-9])[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}(?![A-Za-z0-9])"),
    TokenFormat("an Azure key", ("jqqj99",), r"(?<![A-Za-z0-9])[A-Za-z0-9]{52,76}JQQJ99[A-Za-z0-9]{4,26}(?![A-Za-z0-9])"),
    TokenFormat("a Ceph key", ("==",), r"(?<![A-Za-z0-9+/=])AQ[A-Za-z0-9+/]{36}==(?![A-Za-z0-9+/=])", is_mixed=True),
    TokenFormat(
        "an address that is a secret",
        ("hc-ping.com/", "hooks.zapier.com/", "loggly.com/inputs/", "/hooks/", "cronitor.link/"),
        r"(?:hc-ping\.com/[a-f0-9-]{36}|hooks\.zapier\.com/hooks/catch/\d{1,12}/[a-z0-9]{6}|loggly\.com/inputs/[a-f0-9-]{36}"
        r"|https://[\w.-]{1,80}/hooks/[a-z0-9]{26}(?![A-Za-z0-9]))",
    ),
)
