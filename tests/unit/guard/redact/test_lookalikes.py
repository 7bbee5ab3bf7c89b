# ruff: noqa: E501  (tables of cases)
"""What only looks like a secret stays as it is."""

import hashlib
import random
import string
import uuid

from aiex.guard.redact import redact
from tests.fakes.tables import each

SHA1, SHA256 = hashlib.sha1(b"x").hexdigest(), hashlib.sha256(b"x").hexdigest()
BASE64 = "".join(random.Random(5).choice(string.ascii_letters + string.digits + "+/") for _ in range(86))
ID = str(uuid.UUID(int=random.Random(3).getrandbits(128), version=4))

TEXTS = {
    "hashes and ids": [
        f"commit {SHA1}\nMerge: {SHA1[:7]} {SHA1[7:14]}\n", f"index {SHA1[:10]}..{SHA1[10:20]} 100644", f"{SHA256}  dist/x.tar.gz", f"sha256:{SHA256}",
        f"    --hash=sha256:{SHA256} \\\n", f'"integrity": "sha512-{BASE64}=="', f'ETag: W/"{SHA1}"', f"id: {ID}", f'"request_id": "{ID}"',
        f"key: {SHA1}", f"cache_key={SHA256}", f"idempotency_key: {ID}", f"checksum = \"{SHA256}\"", f"uses: actions/checkout@{SHA1}",
        f"image: nginx@sha256:{SHA256}", f"example.org/m v1.2.3 h1:{BASE64[:43]}=", f"Digest: sha-256={BASE64[:43]}=", f"trace_id={SHA1[:32]} span_id={SHA1[:16]}",
        f"SHA256:{BASE64[:43]} me@h (ED25519)", f"key fingerprint is SHA256:{BASE64[:43]}", f"Key fingerprint = {SHA1[:4].upper()} {SHA1[4:8].upper()}",
        f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ{BASE64} me@host", f"public_key = \"{BASE64}\"", f"publicKey: {BASE64}", f"Content-MD5: {BASE64[:22]}==",
        f"<script integrity=\"sha384-{BASE64[:64]}\" crossorigin>", f"nonce-{ID}", f"partition_key: {ID}", f"kid: {ID}", f"key_id={SHA1}", f"tree {SHA1}",
        f"Fingerprint: {':'.join(SHA1[i:i + 2] for i in range(0, 40, 2))}", f"/nix/store/{SHA1[:32]}-glibc-2.38/lib", f"dist/main.{SHA1[:20]}.js",
        f"resolved \"https://r.example/p/-/p-1.0.0.tgz#{SHA1}\"", f"0x{SHA1}", f"urn:uuid:{ID}", f"primary key {ID}", f"sort_key = '{ID}'", f"etag={SHA1}",
    ],
    "data": [
        f'<img src="data:image/png;base64,iVBORw0KGgo{BASE64}{BASE64}">', f"//# sourceMappingURL=data:application/json;base64,eyJ2ZXJzaW9uIjozLC{BASE64}",
        f"-----BEGIN CERTIFICATE-----\nMIID{BASE64[:60]}\n{BASE64[:64]}\n-----END CERTIFICATE-----\n", f"-----BEGIN PUBLIC KEY-----\n{BASE64[:64]}\n-----END PUBLIC KEY-----\n",
        f"-----BEGIN PGP SIGNATURE-----\n\n{BASE64[:64]}\n=aB1d\n-----END PGP SIGNATURE-----\n", f"-----BEGIN CERTIFICATE REQUEST-----\n{BASE64[:64]}\n-----END CERTIFICATE REQUEST-----",
        f"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n{BASE64[:64]}\n-----END PGP PUBLIC KEY BLOCK-----\n", "!function(e,t){var n=t.key;return e(n)}(a,b);var k=c.token;",
        "(()=>{var e={123:(t,n)=>{n.d(t,{A:()=>r});const r=t.k}}})();", "a{color:#fff}.sk-circle-fade-dot{width:100%}", ".key-value-pair-list-item-header{margin:0}",
        "var s=`M10 10h20v20`;t.setAttribute(\"d\",s)", "pk_test_publishable is public", f"stripe.Stripe('pk_live_{BASE64[:24].replace('/', 'a').replace('+', 'b')}')",
        "0123456789abcdefghijklmnopqrstuvwxyz", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA====", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    ],
    "references": [
        "PASSWORD=${DB_PASSWORD}", "password: $DB_PASSWORD", "TOKEN=$(cat /run/secrets/token)", "token: ${{ secrets.GITHUB_TOKEN }}", "password: {{ .Values.db.password }}",
        "password = os.environ[\"DB_PASSWORD\"]", "password = os.getenv('DB_PASSWORD')", "const token = process.env.API_TOKEN;", "api_key = config['api_key']",
        "secret = settings.SECRET_KEY", "password = getpass.getpass()", "token = next(tokens)", "self.password = password", "login(user, password=password)",
        "token = request.headers.get('X-Token')", "password: !vault |", "password = var.db_password", "password = data.vault_secret.db.value", "key = keys[0]",
        "return self._token", "if not token: raise", "token_type: bearer", "PASSWORD_FILE=/run/secrets/db_password", "password_file: /etc/app/password.txt",
        "op://vault/item/password", "password=op://vault/item/password", "API_KEY=%API_KEY%", "api_key: \"{api_key}\"", "f\"Bearer {token}\"", "Authorization: Bearer ${TOKEN}",
        "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN", "headers = {'Authorization': f'Bearer {self.token}'}", "secretKeyRef:\n  name: db\n  key: password",
        "secretName: my-tls-secret", "token = secrets.token_urlsafe(32)", "password = hash_password(plain)", "postgres://app:${PGPASSWORD}@db/x", "https://$USER:$PASS@host/",
        "https://user:<password>@host/", "password=getattr(user, 'password')", "await client.login({ password })", "password: this.form.password,", "?token=${token}&x=1",
        "private_key = load_pem_private_key(data, password=None)", "key=lambda item: item.name", "sorted(rows, key=itemgetter(1))", "token: Option<String>,", "ssh -i ~/.ssh/id_rsa h",
        "--key server.key --cert server.crt", "--password-stdin < file", "--token-file /run/token", "key_file = \"/etc/ssl/private/server.pem\"", "PRIVATE_KEY_PATH=./keys/app.pem",
        "password = input(\"Password: \")", "password: process.env.DB_PASSWORD || ''", "secret: vault:secret/data/app#key", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
    ],
    "placeholders": [
        "API_KEY=<your-api-key>", "api_key: YOUR_API_KEY", "OPENAI_API_KEY=sk-...", "export ANTHROPIC_API_KEY=sk-ant-...", "password: ********", "password=xxxxxxxx", "token: \"\"",
        "password=changeme", "PASSWORD=", "secret: null", "api_key=None", "password: true", "token = 'your-token-here'", "api_key = \"my-api-key\"", "GITHUB_TOKEN=ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "password: [hidden]", "password: <redacted>", "token=...", "PASSWORD=…",
        "postgres://user:password@localhost/db", "https://user:pass@example.com/", "password: example", "'password': 'password'", "key: value", "secret: placeholder", "api_key = 'test'",
        "Authorization: Bearer YOUR_TOKEN", "X-Api-Key: YOUR_API_KEY_HERE", "redis://:****@cache:6379", "password = \"\"\"\"\"\"", "token: [removed]", "client_secret: TODO", "secret=\"insert-your-secret\"",
    ],
    "types and names": [
        "def login(user: str, password: str) -> Token:", "password: string;", "token?: string | undefined;", "String password;", "password TEXT NOT NULL,", "`password` varchar(255) NOT NULL,",
        "class PasswordResetTokenGenerator:", "def test_password_reset_token_expires_after_24_hours():", "test_api_key_rotation_2024 PASSED", "it('rejects a wrong password', () => {})",
        "from app.auth.tokens import TokenStore", "import { getToken } from './auth/token'", "tests/auth/test_tokens.py::test_refresh_token_is_rotated PASSED", "src/secrets/manager.py:12: class SecretStore:",
        "max_tokens: 4096", "\"prompt_tokens\": 1234, \"completion_tokens\": 567", "token_count=128000", "tokens: 1,234", "Token = namedtuple('Token', 'kind value')", "password_min_length = 12",
        "type=\"password\" name=\"password\" placeholder=\"Password\"", "<label for=\"password\">Password</label>", "<password></password>", "\"password\": {\"type\": \"string\"}", "token: Token = field()",
        "key: string; value: number", "PRIMARY KEY (id)", "FOREIGN KEY (user_id) REFERENCES users", "keyboard: us-intl", "author: Jane Doe", "Author: Jane <jane@example.org>", "authentication: required",
        "keyword = 'import'", "secretary: Jane Doe", "passenger: 12", "compass: north", "bypass=true", "cookie_policy: strict", "Set-Cookie: theme=dark; Path=/; Max-Age=3600", "Cookie: lang=en; theme=dark",
        "AbstractSingletonProxyFactoryBeanConfigurationPropertiesValidator", "test_that_a_very_long_function_name_with_2_digits_is_fine_42", "the-task-runner-and-disk-usage-monitor-2000", "sk-learn-contrib-something",
        "gh_actions_workflow_run_attempt_number", "npm_config_user_agent_string_for_tests", "x-amz-request-id", "hf_hub_download_with_retries_and_cache", "do_something_v1_with_long_names_in_it", "AKIA", "JWT eyJ",
        "The password must be at least 12 characters long.", "Enter your password: ", "password: the password to use for the login", "Invalid token: unexpected end of input", "SyntaxError: Unexpected token } in JSON",
        "error: wrong password for user bob", "the secret is kept in the vault", "api key: see the vendor's page", "the bearer of news", "token expired at 2026-01-01T00:00:00Z", "key is missing", "auth: failed after 3 tries",
        "PASS: test-name2", "PASS src/app.test.ts", "pass 1: 20 files", "3 passed, 1 failed in 0.12s", "\"forgotPassword\": \"Forgot your password?\"", "\"password\": \"Password\"", "password: Optional[str] = None",
        "password: str | None = None,", "token: Annotated[str, Depends(scheme)]", "struct Token { kind: Kind, text: String }", "let key: Vec<u8> = Vec::new();", "Token::Identifier(name)", "key := make([]byte, 32)",
        "password string `json:\"password\"`", "Password  string", "\"token\": token,", "'api_key': api_key,", "password_hash = bcrypt.hashpw(password, salt)", "for key, value in pairs.items():", "map<string, Secret> secrets = 3;",
        "@types/node@20.11.5", "ssh://git@github.example/o/r.git", "git@github.com:o/r.git", "https://example.org:8080/a@b", "http://localhost:4873/@types/node", "mailto:me@example.org", "https://h/x?page=2&sort=key&order=asc",
        "https://h/?id=123&key=name", "2026-01-01T12:00:00.123Z [worker-1] INFO app.auth.service: key=user:123:profile hit", "uid=1000(me) gid=1000(me)", "token bucket refill rate 10", "version: 1.2.3-beta.4+build.567",
        "curl -u \"$USER:$PASS\" https://h", "mysql -u root -p db", "docker login -u me --password-stdin", "ls -p", "tar -xzpf archive.tar.gz", "password reset link sent", "basic auth is enabled", "-----BEGIN RSA PRIVATE KEY-----",
        "if text.startswith('-----BEGIN OPENSSH PRIVATE KEY-----'):\n    return True\n", "`-----BEGIN PRIVATE KEY-----` and `-----END PRIVATE KEY-----` enclose it", "key-value store", "hotkey: ctrl+k", "ctrl+shift+k",
    ],
}  # fmt: skip


@each("kind", TEXTS)
@each("around", ["{}", "{}\n", "  {}  # note\n", "before\n{}\nafter\n", "\x1b[32m{}\x1b[0m\n"])
def test_what_only_looks_like_a_secret_stays(kind: str, around: str) -> None:
    wholes = [around.replace("{}", text) for text in TEXTS[kind]]
    assert [(whole, shown) for whole in wholes if (shown := redact(whole, {})) != whole] == []
