# ruff: noqa: E501  (tables of cases)
"""Secrets in every place where they are met: the secret goes, all around it stays."""

import string

from aiex.guard.redact import REMOVED, redact
from tests.fakes.tables import each
from tests.unit.guard.redact.drawn import draw, split_template, what_is_wrong

VENDORS = [
    "sk-ant-api03-{u93}AA", "sk-ant-admin01-{u90}", "sk-ant-oat01-{u90}", "sk-proj-{u140}", "sk-admin-{u60}", "sk-{a48}", "sk-{h32}",
    "sk-or-v1-{h64}", "gsk_{a52}", "xai-{a80}", "hf_{a34}", "api_org_{a34}", "r8_{a37}", "pplx-{a48}", "nvapi-{u64}", "csk-{l48}",
    "fw_{a24}", "tvly-dev-{a32}", "lsv2_pt_{h32}_{h10}", "pcsk_{a60}", "jina_{a50}", "ghp_{a36}", "gho_{a36}", "ghu_{a36}", "ghs_{a36}",
    "ghr_{a36}", "github_pat_{a22}_{a59}", "glpat-{u20}", "gldt-{u20}", "glrt-{u20}", "glptt-{h40}", "xoxb-{l12}-{l12}-{a24}",
    "xoxp-1{l11}-{l12}-{h32}", "xoxe.xoxp-1-{a150}", "xapp-1-A{A10}-12345-{h64}", "AKIA{A16}", "ASIA{A16}", "AIza{u35}", "ya29.{u80}",
    "GOCSPX-{u28}", "1//0{u60}", "dop_v1_{h64}", "LTAI{a20}", "AKID{a32}", "npm_{a36}", "pypi-AgEIcHlwaS5vcmc{u120}", "rubygems_{h48}",
    "dckr_pat_{u27}", "sk_live_{a24}", "rk_test_{a24}", "whsec_{a32}", "SG.{u22}.{u43}", "key-{h32}", "xkeysib-{h64}-{a16}", "SK{h32}",
    "{h32}-us14", "shpat_{h32}", "sq0atp-{u22}", "sq0csp-{u43}", "lin_api_{a40}", "lin_oauth_{h64}", "ntn_{a46}", "secret_{a43}",
    "figd_{u40}", "pat{a14}.{h64}", "PMAK-{h24}-{h34}", "dapi{h32}", "glsa_{a32}_{h8}", "glc_{a60}", "NRAK-{A27}", "sntryu_{h64}",
    "hvs.{u90}", "hvb.{u90}", "{a14}.atlasv1.{u67}", "pul-{h40}", "dp.pt.{a43}", "tskey-auth-{a16}-{a32}", "sqp_{h40}", "CCIPAT_{a22}_{h40}",
    "bkua_{h40}", "pscale_tkn_{u43}", "AGE-SECRET-KEY-1{A58}", "ATATT3{u180}", "ATBB{a32}", "123456789:AA{u33}", "{a3}8Q~{a34}",
    "eyJhbGciOiJIUzI1NiJ9.eyJ{u60}.{u43}", "eyJhbGciOiJSU0EifQ.{u60}.{u16}.{u60}.{u22}", "sbp_{h40}", "nfp_{a36}", "e2b_{h40}",
]  # fmt: skip
PLACES = [
    "{}", "key {} was rejected\n", 'x = "{}"\n', "KEY={}\n", "url?q={}&n=1", "[{}]", "a,{},b", "<{}>", "line\\n{}\\nnext", "%3D{}%26x",
    '{{\\"k\\": \\"{}\\"}}', "ü{}", "path/{}/x", "prefix_{}", "\x1b[31m{}\x1b[0m",
]  # fmt: skip

FIELDS = [
    # Files of settings.
    ("DB_PASSWORD={}\nDB_HOST=localhost\n", "p18"), ("export SECRET_KEY='{}'\n", "a24"), ("API_TOKEN = {}\n", "a20"),
    ("PASSWORD={} # rotate\n", "a12"), ("password: {}\nuser: me\n", "a12"), ("  - password: '{}'\n", "p12"), ("password = {}\n", "a14"),
    ('client_secret = "{}"\n', "a24"), ("spring.datasource.password={}\n", "p14"), ("secret_key_base: {}\n", "h128"),
    ("//registry.npmjs.org/:_authToken={}\n", "h36"), ("_password={}\n", "b20"), ("password: |\n  {}\nnext: 1\n", "a30"),
    ("password: >-\n  {}\nnext: 1\n", "a30"), ("- name: DB_PASSWORD\n  value: {}\n", "a16"), ("- name: API_TOKEN\n  value: \"{}\"\n", "a16"),
    ("data:\n  db-password: {}\n", "b24"), ("PrivateKey = {}=\n", "b43"), ("PresharedKey={}=\n", "b43"), ('psk="{}"\n', "a12"),
    ("requirepass {}\n", "a16"), ("SECRET_KEY_PROD={}\n", "a16"), ("STRIPE_WEBHOOK_SECRET: {}\n", "a16"), ("PGPASSWORD={} psql\n", "a9"),
    ("set TOKEN={}\r\n", "a16"), ("$env:API_KEY = \"{}\"\n", "a16"), ("ENV API_TOKEN {}\n", "a16"), ("setenv AUTH_TOKEN {}\n", "a16"),
    ("bindpw {}\n", "a12"), ("rabbitmq.default_pass = {}\n", "a12"), ('"auth": "{}"\n', "b32"), ("TF_VAR_db_password={}\n", "a12"),
    # JSON, also inside a string, and Python.
    ('{{"password": "{}", "user": "me"}}', "p12"), ('{{"apiKey":"{}","n":1}}', "a20"), ('{{\\"password\\": \\"{}\\", \\"n\\": 1}}', "p12"),
    ('{{"name": "DB_PASSWORD", "value": "{}"}}', "a12"), ('"access_token":\n    "{}"', "a30"), ("{{'token': '{}', 'n': 1}}", "a20"),
    ("Config(user='me', password='{}')", "p12"), ('("X-API-Key", "{}")', "a20"), ("os.environ.get('DB_PASSWORD', '{}')", "a12"),
    ('os.environ["API_TOKEN"] = "{}"\n', "a12"), ("password: str = '{}'\n", "p12"), ('const apiKey: string = "{}";', "a20"),
    ("define('DB_PASSWORD', '{}');", "p14"), (":password => '{}',", "a12"), ('password := "{}"\n', "a12"), ('char *password = "{}";', "a12"),
    ("private static final String SECRET = \"{}\";", "a16"), ("if (password === '{}') {{", "a12"), ("SecretStr('{}')", "x"),
    ("password = SecretStr('{}')\n", "a12"), ("let token = b\"{}\";", "a16"), ('"passphrase": "{}"', "a12"), ("refresh_token='{}'", "u40"),
    ('["--password", "{}"]', "a12"), ('setRequestHeader("Authorization", "Bearer {}")', "a30"), ("passwd='{}'", "a8"), ("pwd: '{}'", "a8"),
    # XML.
    ("<password>{}</password>", "a12"), ("<Password>\n  {}\n</Password>", "a12"), ('<add key="ApiKey" value="{}"/>', "a16"),
    ('<property name="password" value="{}"/>', "a12"), ('<db user="me" password="{}"/>', "p12"), ("<key>apiToken</key><string>{}</string>", "a16"),
    ('<entry key="db.password">{}</entry>', "a12"), ("<wsse:Password Type=\"x\">{}</wsse:Password>", "x"),
    # Headers.
    ("Authorization: Bearer {}\r\nHost: h\r\n", "a32"), ("authorization: Basic {}=\r\n", "b23"), ("Authorization: token {}\n", "h40"),
    ("Proxy-Authorization: Basic {}\n", "b20"), ("Authorization: ApiKey {}\n", "a24"), ('"Authorization": "Bearer {}"', "a32"),
    ("X-Api-Key: {}\nHost: h\n", "a24"), ("x-auth-token: {}\n", "a24"), ("X-Amz-Security-Token: {}\n", "b120"), ("api-key: {}\n", "h32"),
    ("Cookie: theme=dark; sessionid={}; lang=en\n", "l32"), ("Cookie: _session={}\n", "a40"), ("Set-Cookie: JSESSIONID={}; Path=/\n", "A32"),
    ("curl -b 'session={}' h", "a32"), ("Set-Cookie: auth_token={}; Secure\n", "u40"), ("Bearer {} is invalid", "a20"),
    ("Ocp-Apim-Subscription-Key: {}\n", "h32"), ("X-Goog-Api-Key: {}\n", "u39"), ("X-Vault-Token: {}\n", "a24"), ("PRIVATE-TOKEN: {}\n", "a20"),
    # Addresses.
    ("postgres://app:{}@db:5432/x", "a16"), ("mysql+pymysql://root:{}@127.0.0.1/x", "p12"), ("redis://:{}@cache:6379/0", "a16"),
    ("https://{}@github.com/o/r.git", "h40"), ("https://user:{}@host/x?y=1", "a12"), ("https://oauth2:{}@gitlab.com/o/r.git", "a20"),
    ("amqps://u:{}@mq/vh", "a12"), ("smtp://me%40x.org:{}@mail:587", "a12"), ("jdbc:mysql://h/db?user=me&password={}&x=1", "a12"),
    ("https://h/x?access_token={}&n=1", "a30"), ("https://h/?api_key={}#top", "h32"), ("GET /cb?code=1&client_secret={} HTTP/1.1", "a24"),
    ("https://b.s3.amazonaws.com/k?X-Amz-Signature={}&X-Amz-Date=1", "h64"), ("https://h.core.windows.net/c?sv=1&sig={}%3D&se=2", "a43"),
    ("https://hooks.slack.com/services/T00000000/B00000000/{}", "a24"), ("https://discord.com/api/webhooks/123456789012345678/{}", "u68"),
    ("https://storage.googleapis.com/b/o?X-Goog-Signature={}", "h128"), ("wss://h/ws?token={}", "u24"), ("?a=1%26password%3D{}%26b=2", "a12"),
    # Connection strings.
    ("Server=h;User Id=sa;Password={};Encrypt=true", "p14"), ("Server=h;Uid=me;Pwd={};", "a12"), ("host=h user=me password={} dbname=x", "a12"),
    ("DefaultEndpointsProtocol=https;AccountName=n;AccountKey={};EndpointSuffix=x", "b86"),
    ("Endpoint=sb://h/;SharedAccessKeyName=Root;SharedAccessKey={}=", "b43"), ("connectionString=\"Data Source=h;Password={};\"", "a12"),
    # Command lines.
    ("tool --password {} --verbose", "a12"), ("tool --api-key={} x", "a20"), ("curl -u me:{} https://h/", "a12"), ("curl --user me:{} h", "a12"),
    ("mysql -u root -p{} db", "a12"), ("sshpass -p {} ssh h", "a12"), ("docker login -u me -p {} h", "a12"), ("openssl rsa -passin pass:{} -in k", "a12"),
    ("docker run -e API_TOKEN={} image", "a12"), ("kubectl create secret generic s --from-literal=password={}", "a12"), ("tool --token \\\n  {}\n", "a20"),
    ("TOKEN={} make deploy", "a20"), ("tool -token {}", "a20"), ("aws configure set aws_secret_access_key {}\n", "b40"), ("npm config set _authToken {}\n", "a36"),
    ("curl -H 'X-Api-Key: {}' h", "a24"), ("export GITHUB_TOKEN={}; make", "a20"), ("ALTER USER u WITH PASSWORD '{}';", "a12"),
    ("CREATE USER u IDENTIFIED BY PASSWORD '{}'", "a12"), ("echo ${{DB_PASSWORD:-{}}}", "a12"),
    # netrc, pgpass, logs and prose.
    ("machine h login me password {}\n", "a12"), ("machine h\n  login me\n  password {}\n", "a12"), ("db:5432:app:me:{}\n", "a12"),
    ("ERROR login failed user=me password={} ip=10.0.0.1\n", "a12"), ("using token {} for h\n", "a24"), ("the password is {}, thanks", "a12"),
    ("secret: {} (do not share)", "a24"), ("2026-01-01 DEBUG token={}\n", "a24"), ("api key = {}\n", "a32"), ("session_id={}\n", "a32"),
    # Broken up.
    ("pass\u200bword={}\n", "a12"), ("p\x00a\x00s\x00s\x00word=\x00{}\n", "a12"), ("PASSWORD\x1b[0m=\x1b[1m{}\n", "a12"),
]  # fmt: skip


def fill(template: str, seed: object) -> tuple[str, list[str]]:
    """The template with a secret drawn for each `{a36}`, and these secrets."""
    secrets: list[str] = []

    def take(kind: str) -> str:
        secrets.append(draw(kind[0], int(kind[1:]), f"{seed}{len(secrets)}"))
        return secrets[-1]

    pieces = list(string.Formatter().parse(template))
    return "".join(text + (take(name) if name else "") for text, name, _, _ in pieces), secrets


@each("form", VENDORS)
def test_a_key_in_the_form_of_a_vendor_is_removed_wherever_it_stands(form: str) -> None:
    wrong = {}
    for place in PLACES:
        if place in {"ü{}", "prefix_{}"} and not form[0].isalpha():
            continue  # digits behind a letter are no beginning
        key, secrets = fill(form, place)
        before, after = split_template(place)
        for secret in secrets[-1:]:
            kept = after if after.strip() in {"was rejected", "next"} else ""
            wrong[place] = what_is_wrong(before + key + after, secret, kept)
    assert {place: why for place, why in wrong.items() if why} == {}


@each(("template", "kind"), [case for case in FIELDS if case[1] != "x"])
def test_a_secret_goes_and_what_is_around_it_stays(template: str, kind: str) -> None:
    before, after = split_template(template)
    for seed in range(4):
        secret = draw(kind[0], int(kind[1:]), f"{template}{seed}")
        kept = after if len(after.strip()) > 3 else ""
        assert what_is_wrong(before + secret + after, secret, before, kept) == []


@each("words", ["RSA ", "EC ", "DSA ", "OPENSSH ", "ENCRYPTED ", ""])
@each("line_end", ["\n", "\r\n", "\\n", '\\n" +\n    "', "\n    ", "\n2026-01-01 INFO x: "])
def test_a_private_key_is_removed_as_a_block(words: str, line_end: str) -> None:
    lines = [draw("b", 64, f"{words}{number}") for number in range(6)] + [draw("b", 20, words) + "=="]
    block = line_end.join([f"-----BEGIN {words}PRIVATE KEY-----", *lines, f"-----END {words}PRIVATE KEY-----"])
    shown = redact(f"before\n{block}\nafter\n", {})
    assert shown == f"before\n{REMOVED}\nafter\n"


def test_a_private_key_that_was_cut_is_removed_to_its_end() -> None:
    lines = "\n".join(draw("b", 64, number) for number in range(5))
    assert (
        redact(f"x -----BEGIN PRIVATE KEY-----\n{lines}\n{draw('b', 30, 0)}\n\nsome text\n", {})
        == f"x {REMOVED}\n\nsome text\n"
    )


def test_other_armours_are_removed_too() -> None:
    body = "\n".join(draw("b", 64, number) for number in range(4))
    pgp = f"-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: GnuPG v2\n\n{body}\n=aB3d\n-----END PGP PRIVATE KEY BLOCK-----"
    ssh2 = f'---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nComment: "x"\n{body}\n---- END SSH2 ENCRYPTED PRIVATE KEY ----'
    putty = f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 4\n{body}\nPrivate-MAC: 00\n"
    assert redact(pgp, {}) == redact(ssh2, {}) == REMOVED
    assert redact(putty, {}) == f"PuTTY-User-Key-File-2: ssh-rsa\nPrivate-Lines: 4\n{REMOVED}\nPrivate-MAC: 00\n"


@each(
    "glue", ["\x1b[0m", "\x1b[38;5;12m", "\u200b", "\u2060", "\u00ad", '" + "', "' + '", "\\\n", "\x00", "\\u001b[0m"]
)
@each("at", [2, 9, 25, 40])
def test_a_key_is_seen_through_what_hides_in_it(glue: str, at: int) -> None:
    key, secrets = fill("sk-ant-api03-{u93}", f"{glue}{at}")
    shown = redact(f'KEY: "{key[:at]}{glue}{key[at:]}"\n', {})
    assert shown == f'KEY: "{REMOVED}"\n'
    assert secrets


def test_a_key_that_a_line_end_breaks_is_removed_whole() -> None:
    key, _ = fill("ghp_{a60}", 1)
    assert redact(f"the key {key[:40]}\n{key[40:]} is it\n", {}) == f"the key {REMOVED} is it\n"
