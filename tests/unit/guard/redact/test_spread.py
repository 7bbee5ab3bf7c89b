# ruff: noqa: E501  (tables of cases)
"""Secrets whose sign stands further away: in another line, another member, the statement around; whole and by piece."""

from __future__ import annotations

import random

from aiex.guard.redact import REMOVED, Redactor, redact, redact_lines
from tests.fakes.tables import each
from tests.unit.guard.redact.drawn import by_piece, draw, redact_cut

A, B, L, W = draw("a", 14, 1), draw("u", 16, 2), draw("a", 32, 3), "sunflower"
DATA = "c3VwZXJzZWNyZXRwYXNzd29yZDEyMw=="
LONG = draw("u", 171, 4)
HEX = draw("h", 32, 5)

SECRETS = {
    "a manifest": f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: prod\ntype: Opaque\ndata:\n  DATABASE_URL: {DATA}\n  other.conf: \"{DATA}\"\n",
    "as kubectl prints it": f"apiVersion: v1\ndata:\n  conf: {DATA}\nkind: Secret\nmetadata:\n  name: x\n",
    "kind first": f"kind: Secret\napiVersion: v1\nstringData:\n  dsn: {A}\n",
    "a block in a manifest": f"apiVersion: v1\nkind: Secret\nstringData:\n  dsn: {A}\n  license.txt: |\n    {L}\n\n      {B}\n  last: {B} # now\n",
    "a list of manifests": f"apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    a: {DATA}\n  kind: Secret\n- apiVersion: v1\n  data:\n    a: keep-this-one\n  kind: ConfigMap\nkind: List\n",
    "a manifest in JSON": f'{{"apiVersion":"v1","kind":"Secret","data":{{"foo":"{DATA}","bar":"{A}"}},"metadata":{{"name":"x"}}}}',
    "a manifest in lines of JSON": f'{{\n    "apiVersion": "v1",\n    "data": {{\n        "foo": "{DATA}"\n    }},\n    "kind": "Secret",\n    "metadata": {{}}\n}}\n',
    "a list in JSON": f'{{"apiVersion": "v1", "items": [\n{{"apiVersion": "v1", "data": {{"a": "{DATA}"}}, "kind": "Secret"}},\n{{"apiVersion": "v1", "data": {{"a": "keep-this-one"}}, "kind": "ConfigMap"}}], "kind": "List"}}',
    "a manifest in a string": rf'last-applied: "{{\"apiVersion\":\"v1\",\"data\":{{\"foo\":\"{DATA}\"}},\"kind\":\"Secret\"}}\n"',
    "a part of a form": f'--b123\r\nContent-Disposition: form-data; name="password"\r\n\r\n{A}\r\n--b123--\r\n',
    "a part with a type": f'--b\nContent-Disposition: form-data; name="api_key"\nContent-Type: text/plain\n\n{L}\n--b--\n',
    "a part in a string": rf'b\'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n{W}\r\n--b--\'',
    "a key of RSA": f'{{"kty":"RSA","n":"{LONG[::-1]}","e":"AQAB","d":"{LONG}","p":"{LONG[:86]}","kid":"keep-this-one"}}',
    "a key in lines": f'{{\n  "crv": "P-256",\n  "d": "{LONG[:43]}",\n  "kty": "EC",\n  "x": "keep-this-one"\n}}\n',
    "a symmetric key": f"{{'k': '{LONG[:43]}', 'kty': 'oct'}}",
    "a variable": f'variable "db_password" {{\n  type        = string\n  description = "Of the database"\n  default     = "{W}"\n}}\n',
    "a call in SQL": f"SET PASSWORD FOR 'u'@'%' = PASSWORD('{W}');\nUPDATE mysql.user SET Password=PASSWORD(\"{A}\") WHERE 1;\n",
    "a user in SQL": f"CREATE USER 'u'@'%' IDENTIFIED BY '{W}';\nALTER USER r\n  IDENTIFIED WITH mysql_native_password BY '{A}';\ncreate user x identified by {A};\n",
    "PowerShell": f"$p = ConvertTo-SecureString '{A}' -AsPlainText -Force\nConvertTo-SecureString -String \"{W}\" -AsPlainText\n'{B}' | ConvertTo-SecureString -AsPlainText\nConvertTo-SecureString {L} -AsPlainText\n",
    "Oracle": f"sqlplus -s scott/{A}@//h:1521/x @run.sql\njdbc:oracle:thin:app/{W}@//h:1521/x\n",
    "htpasswd": f"htpasswd -b /etc/x user {A}\nhtpasswd -nbB user {B}\nhtpasswd -c -b f user '{W}'\n",
    "chpasswd": f"echo 'root:{A}' | sudo chpasswd\necho root:{W} | /usr/sbin/chpasswd -e\nchpasswd <<< 'root:{B}'\n",
    "a cookie in JSON": f'[{{"name": "sid", "value": "{L}", "domain": ".x.org", "path": "/", "httpOnly": true}}]',
    "a cookie in lines": f'{{\n "domain": ".x.org",\n "hostOnly": false,\n "httpOnly": true,\n "name": "s",\n "value": "{L}"\n}}\n',
    "a jar of cookies": f"# Netscape HTTP Cookie File\n.x.org\tTRUE\t/\tTRUE\t1799999999\tfoo\t{L}\n#HttpOnly_.x.org\tTRUE\t/\tFALSE\t0\tsid\t{HEX}\n",
    "a slash in an address": f"postgres://app:{A}/x9Z@db:5432/x",
    "a folded header": f"Authorization: Basic\r\n {DATA}\r\nHost: keep-this-one\r\n",
    "the next line": f"[x]\npassword =\n  {A}\ndb:\n  password:\n    {B}\n  port: 1\n",
    "a block": f"db:\n  password: |-\n    {A}\n      {B}\n\n    {L}\n  port: 5432\n",
    "strings below": f'api_key = (\n    "{L}"\n    "{B}"\n    "{A}"\n)\n',
    "strings with signs": f'String apiKey = "{L}" +\n    "{B}"\n    + "{A}";\n$password = \'{A}\'\n  . \'{B}\';\n',
    "strings in C": f'const char *password = "{A}"\n    "{B}";\nputs("keep-this-one");\n',
    "strings in brackets": f"password = ('{A}'\n            '{B}')\n",
    "languages": f'mot_de_passe: {A}\nmotdepasse={A}\n"contraseña": "{A}"\n"contrase\\u00f1a": "{B}"\nCONTRASENA={A}\nkennwort: {A}\nDB_PASSWORT={A}\nsenha: {A}\nwachtwoord={A}\nmi_contraseña: {A}\nDB_CONTRASEÑA={B}\nmiContraseña = "{W}"\n"db_contrase\\u00f1a": "{A}"\n',
    "a digest": f'Authorization: Digest username="keep-this-one", realm="r", nonce="abc", uri="/", response="{HEX}", qop=auth\n',
}  # fmt: skip
KEPT = {
    "other manifests": 'apiVersion: v1\nkind: ConfigMap\ndata:\n  LEVEL: debug9Zk39fQ7\n---\napiVersion: apps/v1\nkind: Deployment\nspec:\n  a: Zk39fQ7xLw2bN8\n',
    "references in a manifest": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: Zk39fQ7xLw2bN8\ndata:\n  a: {{ .Values.a | b64enc }}\n  b: <base64>\n  username: YWRtaW4tdXNlcg==\n  tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t\n",
    "behind a manifest": "apiVersion: v1\nkind: Secret\ndata: {}\n---\nother:\n  data: Zk39fQ7xLw2bN8\n",
    "a public key": f'{{"kty":"RSA","n":"{LONG}","e":"AQAB","x":"{LONG[:43]}","kid":"x"}}',
    "short members": '{"d": "2026-01-01", "k": "name", "kty": "EC"}',
    "members of another object": f'{{"d": "{LONG[:43]}"}}, {{"kty": "EC"}}',
    "other parts": 'Content-Disposition: form-data; name="comment"\r\n\r\nZk39fQ7xLw2bN8\r\n--b',
    "a variable without a value": 'variable "db_password" {\n  type = string\n  sensitive = true\n}\nvariable "name" {\n  default = "Zk39fQ7xLw2bN8"\n}\n',
    "a variable with an empty value": 'variable "token" {\n  default = ""\n}\n',
    "calls": 'answer = ask.password("Your word")\nfield = password("sunflower")\n<b>PASSWORD("x1y2z3")</b>\n',
    "prose": "The elements identified by 'sunflower' and users identified by fingerprint\nare identified by name.\n",
    "references": "IDENTIFIED BY '$PASSWORD'\nConvertTo-SecureString $plain -AsPlainText\nConvertTo-SecureString \"$env:PW\" -AsPlainText\nsqlplus / as sysdba\nsqlplus $U/$P@db\nhtpasswd -b f u \"$PASSWORD\"\necho \"root:$PASS\" | chpasswd\n",
    "htpasswd that asks": "htpasswd -c /etc/nginx/htpasswd sunflower\n",
    "values": '{"name": "size", "value": "Zk39fQ7xLw2bN8Zk39fQ7xLw2bN8"}',
    "wordy cookies": '{"name": "theme", "value": "dark-and-rather-wordy", "httpOnly": false}\n.x.org\tTRUE\t/\tTRUE\t0\ttheme\tdarkness\n',
    "ports": "http://localhost:8080/Zk39fQ7xLw2bN8@x\nhttp://h:${PORT}/Zk39fQ7xLw2bN8@x\ngit+https://github.com:org/repo@v1\n",
    "the next line": "password:\n  type: string\ntoken:\n  required\nPassword:\n  the-one-of-yours\nif token:\n    return1x2y3z4\n",
    "a block of prose": "password: |\n  Choose a long one.\n  Zk39fQ7xLw2bN8\n",
    "strings": 'password = ("Enter the password: "\n    "Zk39fQ7xLw2bN8")\ntoken = ("name", "other1x2y3")\n',
    "a folded header": "Authorization: required\n  for/everyone/here\nAuthorization: Basic\n  credentials\n",
    "a response": 'response="Zk39fQ7xLw2bN8"\nAuthorization: Digest username="u", realm="r"\n',
    "languages": "senha: string\n# mot de passe oublié\nsenhas = []\ncontraseña: ${CLAVE}\nmi_contraseña_hint: Zk39fQ7xLw2bN8\n",
}  # fmt: skip


@each("kind", SECRETS)
def test_a_secret_is_gone_from_the_whole_and_by_piece(kind: str) -> None:
    text = SECRETS[kind]
    shown = redact(text, {})
    assert [one for one in (A, B, L, W, DATA, HEX, LONG[:43], LONG[:86]) if one in shown] == []
    assert shown.count("keep-this-one") == text.count("keep-this-one")
    assert REMOVED in shown
    assert redact(shown, {}) == shown
    assert {size: by_piece(text, size) for size in (1, 7, 40)} == dict.fromkeys((1, 7, 40), shown)
    assert redact_lines(text, {}).text.count("\n") == text.count("\n")


@each("kind", KEPT)
def test_what_only_looks_like_it_stays(kind: str) -> None:
    text = KEPT[kind]
    assert redact(text, {}) == redact_lines(text, {}).text == by_piece(text, 3) == text


@each("seed", range(60))
def test_mixtures_cut_anywhere_give_what_the_whole_gives(seed: int) -> None:
    lot = random.Random(seed)
    kinds = lot.sample([*SECRETS.values(), *KEPT.values()], 6)
    lines = [line for text in kinds for line in text.splitlines(keepends=True)]
    if seed % 2:
        at = lot.randrange(len(lines))
        lines = lines[at:] + lines[:at]
    if seed % 4 == 3:
        del lines[lot.randrange(len(lines))]
    text = "".join(lines)
    assert redact_cut(text, sorted(lot.sample(range(len(text)), 9))) == redact(text, {})


def test_a_manifest_of_another_kind_is_not_held() -> None:
    redactor = Redactor({})
    text = "apiVersion: apps/v1\nkind: Deployment\n"
    assert redactor.feed(text) == text
