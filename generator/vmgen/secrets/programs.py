"""The programs that take a secret as a word of their command line, and where."""

from collections.abc import Mapping
from typing import NamedTuple


class Program(NamedTuple):
    """Where a program takes a secret: after options, glued to options, as the word of a position, behind a mark of an option.

    Without `after`, always; else only if a word of it precedes. `flags` is a pattern that one option has to match.
    A position counts words that are no options, and no values of the options in `arguments`.
    """

    options: tuple[str, ...] = ()
    joined_options: tuple[str, ...] = ()
    login_options: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    after: tuple[str, ...] = ()
    flags: str = ""
    arguments: tuple[str, ...] = ()
    login_mark: str = ":"


# A word behind a lone `-p` is a database: the password is glued to it.
# https://dev.mysql.com/doc/refman/8.4/en/password-security-user.html
_MYSQL = Program(joined_options=("-p",))
_MYSQLADMIN = Program(options=("password",))
_CREDENTIALS = Program(login_options=("--creds", "--src-creds", "--dest-creds"))
_REGISTRY = Program(options=("-p",), joined_options=("-p=", "-p"), after=("login",))
_MONGO = Program(options=("-p",))
_LDAP = Program(options=("-w",), joined_options=("-w",))
_WEB = Program(options=("--pass", "--oauth2-bearer"), login_options=("-u", "--user", "--proxy-user", "-U", "-a", "--auth"))
_USERADD = Program(options=("-p",), joined_options=("-p=", "-p"))
_MQTT = Program(options=("-P",))
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
        ("docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "crane", "oras", "ctr", "az", "cf", "oc", "ibmcloud"),
        (_REGISTRY, _CREDENTIALS),
    ),
    **dict.fromkeys(
        ("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "influx", "cqlsh", "clickhouse-client"),
        (_MONGO,),
    ),
    **dict.fromkeys(
        (
            "ldapadd",
            "ldapmodify",
            "ldapsearch",
            "ldapdelete",
            "ldappasswd",
            "ldapwhoami",
            "kadmin",
            "ipa-client-install",
            "ipa-replica-install",
        ),
        (_LDAP,),
    ),
    **dict.fromkeys(("curl", "wget", "http", "https", "xh"), (_WEB,)),
    **dict.fromkeys(("useradd", "usermod", "adduser"), (_USERADD,)),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub", "sqlcmd", "bcp", "ipmitool", "unzip"), (_MQTT,)),
    # `mysqladmin password NEW` beside `-p`.
    **dict.fromkeys(("mysqladmin", "mariadb-admin"), (_MYSQL, _MYSQLADMIN)),
    "redis-cli": (Program(options=("-a", "--pass")),),
    "valkey-cli": (Program(options=("-a", "--pass")),),
    "sshpass": (Program(options=("-p",), joined_options=("-p",)),),
    "ipa-server-install": (Program(options=("-a", "-p")),),
    "ldapsetpasswd": (Program(options=("-w",)),),
    # With -b the password is an argument; with -n there is no file before it.
    # https://httpd.apache.org/docs/current/programs/htpasswd.html
    "htpasswd": (
        Program(positions=(3,), flags=r"-(?!\w*n)\w*b\w*", arguments=("-C", "-r")),
        Program(positions=(2,), flags=r"-(?=\w*b)\w*n\w*", arguments=("-C", "-r")),
    ),
    "mosquitto_passwd": (Program(positions=(3,), after=("-b",)),),
    # `net user NAME PASSWORD` and `net use DEVICE SHARE PASSWORD` of Windows.
    "net": (Program(positions=(3,), after=("user",)), Program(positions=(4,), after=("use",))),
    "rabbitmqctl": (Program(positions=(3,), after=("add_user", "change_password", "authenticate_user")),),
    # `mc alias set NAME URL ACCESSKEY SECRETKEY`, and `mc config host add` with a word more.
    "mc": (Program(positions=(5, 6), after=("alias",)), Program(positions=(6, 7), after=("config",))),
    "vault": (Program(positions=(2,), after=("login", "unseal")), Program(positions=(3,), after=("unseal",))),
    "wpa_passphrase": (Program(positions=(2,)),),
    "cloudflared": (Program(positions=(3,), after=("install",)),),
    "nmcli": (Program(options=("password", "wifi-sec.psk", "802-11-wireless-security.psk")),),
    "snmpwalk": (Program(options=("-A", "-X")),),
    "snmpget": (Program(options=("-A", "-X")),),
    "7z": (Program(joined_options=("-p",), after=("a", "x", "e")),),
    "7za": (Program(joined_options=("-p",), after=("a", "x", "e")),),
    **dict.fromkeys(("rar", "unrar", "7zz", "7zr"), (Program(joined_options=("-p",)),)),
    "openssl": (
        Program(positions=(2,), after=("passwd",), arguments=("-salt", "-in", "-out")),
        Program(options=("-k",), after=("enc",)),
    ),
    "mkpasswd": (Program(positions=(1,), arguments=("-m", "--method", "-S", "--salt", "-R", "--rounds", "-P")),),
    "etcdctl": (Program(login_options=("--user",)),),
    "lftp": (Program(login_options=("-u", "--user"), login_mark=","),),
    **dict.fromkeys(("ncftpput", "ncftpget", "ncftp", "psexec", "PsExec", "PsExec64"), (Program(options=("-p",)),)),
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
    "racadm": (Program(options=("-p",)),),
    "twine": (Program(options=("-p",)),),
}
