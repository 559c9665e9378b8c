"""The programs that take a secret as a word of their command line, and where."""

from collections.abc import Mapping
from typing import NamedTuple


class Program(NamedTuple):
    """Where a program takes a secret: after options, glued to options, as the word of a position, behind a mark of an option.

    Without `after`, always; else only if it has a word of it. `flags` is a pattern that one word has to match.
    A position counts words that are no options, and no values of the options in `arguments`; a login of `login_positions` has
    its mark in it. With `is_mixed`, a word that does not mix letters and digits is no secret: it may be the name of a user.
    """

    options: tuple[str, ...] = ()
    joined_options: tuple[str, ...] = ()
    login_options: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    flags: str = ""
    arguments: tuple[str, ...] = ()
    login_mark: str = ":"
    login_positions: tuple[int, ...] = ()
    is_mixed: bool = False


# A word behind a lone `-p` is a database: the password is glued to it.
# https://dev.mysql.com/doc/refman/8.4/en/password-security-user.html
_MYSQL = Program(joined_options=("-p",))
_MYSQLADMIN = Program(options=("password",))
_CREDENTIALS = Program(login_options=("--creds", "--src-creds", "--dest-creds"))
_REGISTRY = Program(options=("-p",), joined_options=("-p=", "-p"), after=("login",))
_LDAP = Program(options=("-w",), joined_options=("-w",))
_WEB = Program(options=("--pass", "--oauth2-bearer"), login_options=("-u", "--user", "--proxy-user", "-U", "-a", "--auth"))
_USERADD = Program(options=("-p",), joined_options=("-p=", "-p"))
_MQTT = Program(options=("-P",))
_PASSWORD = Program(options=("-p",))
_LOGIN = Program(positions=(2,), after=("login",))
PROGRAMS: Mapping[str, tuple[Program, ...]] = {
    **dict.fromkeys(
        (
            "mysql",
            "mysqldump",
            "mysqlimport",
            "mysqlcheck",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
        ),
        (_MYSQL,),
    ),
    **dict.fromkeys(
        ("docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "crane", "oras", "ctr", "cf", "oc", "ibmcloud"),
        (_REGISTRY, _CREDENTIALS),
    ),
    "az": (_REGISTRY, Program(options=("--value",), after=("keyvault",))),
    **dict.fromkeys(
        (
            *("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "cqlsh", "clickhouse-client"),
            *("rabbitmqadmin", "cypher-shell", "subscription-manager", "landscape-config", "mcrcon", "turnadmin", "veracrypt"),
            *("register_new_matrix_user", "add-user.sh", "fence_ipmilan", "racadm", "twine"),
            *("ncftpput", "ncftpget", "ncftp", "psexec", "PsExec", "PsExec64"),
        ),
        (_PASSWORD,),
    ),
    **dict.fromkeys(
        (
            "ldapadd",
            "ldapmodify",
            "ldapsearch",
            "ldapdelete",
            "ldapwhoami",
            "kadmin",
            "ipa-client-install",
            "ipa-replica-install",
        ),
        (_LDAP,),
    ),
    "ldappasswd": (_LDAP, Program(options=("-s", "-a"))),
    **dict.fromkeys(("curl", "wget", "http", "https", "xh"), (_WEB,)),
    **dict.fromkeys(("useradd", "usermod", "adduser"), (_USERADD,)),
    **dict.fromkeys(
        ("mosquitto_pub", "mosquitto_sub", "sqlcmd", "bcp", "unzip", "kdb5_util", "knife", "agent-auth"),
        (_MQTT,),
    ),
    "ipmitool": (_MQTT, Program(positions=(5,), after=("password",), arguments=("-I", "-H", "-U", "-P", "-p", "-L"))),
    # `mysqladmin password NEW` beside `-p`.
    **dict.fromkeys(("mysqladmin", "mariadb-admin"), (_MYSQL, _MYSQLADMIN)),
    **dict.fromkeys(("redis-cli", "valkey-cli"), (Program(options=("-a", "--pass", "AUTH", "auth")),)),
    "sshpass": (Program(options=("-p",), joined_options=("-p",)),),
    "ipa-server-install": (Program(options=("-a", "-p")),),
    "ldapsetpasswd": (Program(options=("-w",)),),
    "slappasswd": (Program(options=("-s",)),),
    # With -b the password is an argument; with -n there is no file before it.
    # https://httpd.apache.org/docs/current/programs/htpasswd.html
    "htpasswd": (
        Program(positions=(3,), flags=r"-(?!\w*n)\w*b\w*", arguments=("-C", "-r")),
        Program(positions=(2,), flags=r"-(?=\w*b)\w*n\w*", arguments=("-C", "-r")),
    ),
    "mosquitto_passwd": (Program(positions=(3,), after=("-b",)),),
    # `net user NAME PASSWORD` and `net use DEVICE SHARE PASSWORD` of Windows.
    "net": (Program(positions=(3,), after=("user",)), Program(positions=(4, 5), after=("use",))),
    "netdom": (Program(joined_options=("/passwordd:", "/passwordo:", "/pd:", "/po:")),),
    **dict.fromkeys(("xfreerdp", "xfreerdp3", "wlfreerdp"), (Program(joined_options=("/p:",)),)),
    "rabbitmqctl": (Program(positions=(3,), after=("add_user", "change_password", "authenticate_user")),),
    # `mc alias set NAME URL ACCESSKEY SECRETKEY`, and `mc config host add` with a word more.
    "mc": (
        Program(positions=(5, 6), after=("alias",)),
        Program(positions=(6, 7), after=("config",)),
        Program(positions=(6,), after=("add",), flags="user"),
    ),
    "vault": (
        Program(positions=(2,), after=("login", "unseal")),
        Program(positions=(3,), after=("unseal",)),
        Program(login_positions=(4, 5, 6, 7), after=("put", "patch"), flags="kv", login_mark="=", is_mixed=True),
    ),
    # The values of a Secret, of which some are names of users.
    **dict.fromkeys(
        ("kubectl", "k3s"), (Program(login_options=("--from-literal",), after=("secret",), login_mark="=", is_mixed=True),)
    ),
    # https://bundler.io/man/bundle-config.1.html#CREDENTIALS-FOR-GEM-SOURCES
    "bundle": (Program(login_positions=(3, 4), after=("config",)),),
    "yarn": (Program(login_positions=(4,), after=("npmAuthIdent",)),),
    # https://libvirt.org/manpages/virsh.html#secret-set-value
    "virsh": (
        Program(positions=(3,), after=("secret-set-value",)),
        Program(positions=(4,), after=("set-user-password",)),
    ),
    "smbpasswd": (Program(positions=(2,), arguments=("-r", "-U", "-c", "-D", "-R")), Program(options=("-w",))),
    "smbclient": (
        Program(
            positions=(2,),
            arguments=("-U", "-c", "-W", "-A", "-I", "-p", "-m", "-n", "-L", "-D", "-d", "-b", "-t", "-T", "-O", "-R", "-s"),
        ),
    ),
    "samba-tool": (Program(positions=(4,), after=("create", "add"), flags="user"),),
    "radtest": (Program(positions=(2,)),),
    "ssh-keygen": (Program(options=("-N", "-P")),),
    "rclone": (Program(positions=(2,), after=("obscure",)),),
    "ansible-vault": (
        Program(
            positions=(2,),
            after=("encrypt_string",),
            arguments=("--name", "-n", "--vault-id", "--vault-password-file", "--encrypt-vault-id", "--stdin-name"),
        ),
    ),
    "aws": (
        Program(options=("--value",), after=("SecureString",)),
        Program(options=("--secret-string",), joined_options=("--secret-string=",)),
    ),
    "doctl": (Program(options=("-t",), after=("auth",)),),
    "influx": (Program(options=("-p", "-t")),),
    "swift": (Program(options=("-K",)),),
    "gitlab-runner": (Program(options=("-r",), after=("register",)),),
    "nuget": (
        Program(positions=(2,), after=("setapikey", "setApiKey", "SetApiKey")),
        Program(options=("-k",), after=("push",)),
    ),
    **dict.fromkeys(("cargo", "wandb"), (_LOGIN,)),
    "ngrok": (Program(options=("authtoken", "add-authtoken")),),
    **dict.fromkeys(("grafana-cli", "grafana"), (Program(options=("reset-admin-password",)),)),
    "neo4j-admin": (Program(options=("set-initial-password",)),),
    "nifi.sh": (Program(positions=(3,), after=("set-single-user-credentials",)),),
    "iscsiadm": (Program(options=("-v", "--value"), flags=r"[\w.]*\.auth\.password(?:_in)?"),),
    **dict.fromkeys(("prosodyctl", "ejabberdctl"), (Program(positions=(4,), after=("register",)),)),
    "caddy": (Program(options=("--plaintext", "-p"), after=("hash-password",)),),
    "airflow": (Program(options=("-p",), after=("create",)),),
    "pcs": (Program(options=("-p",), after=("auth",)),),
    "fly": (Program(options=("-p",), after=("login",)),),
    "rhc": (Program(options=("-p", "-a"), after=("connect",)),),
    "swaks": (Program(options=("-ap",)),),
    "amazon-ssm-agent": (Program(options=("-code",), after=("-register",)),),
    "nessuscli": (Program(options=("--key",), joined_options=("--key=",)),),
    "wpa_passphrase": (Program(positions=(2,)),),
    "cloudflared": (Program(positions=(3,), after=("install",)),),
    "nmcli": (Program(options=("password", "wifi-sec.psk", "802-11-wireless-security.psk")),),
    **dict.fromkeys(("snmpwalk", "snmpget", "net-snmp-create-v3-user"), (Program(options=("-A", "-X")),)),
    "7z": (Program(joined_options=("-p",), after=("a", "x", "e")),),
    "7za": (Program(joined_options=("-p",), after=("a", "x", "e")),),
    **dict.fromkeys(("rar", "unrar", "7zz", "7zr"), (Program(joined_options=("-p",)),)),
    "openssl": (
        Program(positions=(2,), after=("passwd",), arguments=("-salt", "-in", "-out")),
        Program(options=("-k", "-K"), after=("enc",)),
        Program(options=("-hmac",), after=("dgst",)),
    ),
    "mkpasswd": (Program(positions=(1,), arguments=("-m", "--method", "-S", "--salt", "-R", "--rounds", "-P")),),
    "etcdctl": (Program(login_options=("--user",)), Program(login_positions=(3,), after=("add",), flags="user")),
    "lftp": (Program(login_options=("-u", "--user"), login_mark=","),),
    **dict.fromkeys(("plink", "pscp", "psftp", "putty"), (Program(options=("-pw",)),)),
    "schtasks": (Program(options=("/rp", "/RP")),),
    "wmic": (Program(options=("setpassword",)),),
    "reg": (Program(options=("/d",), after=("DefaultPassword", "Password")),),
    **dict.fromkeys(("pro", "ua", "ubuntu-advantage"), (Program(positions=(2,), after=("attach",)),)),
    "SUSEConnect": (Program(options=("-r", "--regcode")),),
    "netbird": (Program(options=("-k",)),),
    "cscli": (Program(positions=(3,), after=("enroll",), arguments=("--name", "-n", "--tags", "-t")),),
    "x11vnc": (Program(options=("-passwd",)), Program(positions=(1,), after=("-storepasswd",))),
    "zip": (Program(options=("-P",)),),
}
