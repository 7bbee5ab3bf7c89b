"""The query for uses, and the callees known for their effects (Node.js 22, browsers, Deno, Bun, common packages)."""

import re
from collections.abc import Mapping

from aiex.context.language import effects_by_kind, patterns

STANDARD = frozenset(
    {"assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
     "diagnostics_channel", "dns", "domain", "events", "fs", "http", "http2", "https", "inspector", "module",
     "net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream",
     "string_decoder", "sys", "timers", "tls", "trace_events", "tty", "url", "util", "v8", "vm", "wasi",
     "worker_threads", "zlib"}
)  # fmt: skip
"""Modules of Node.js 22, which may also be written with `node:` in front."""

USES = """
    (call_expression function: [(identifier) (member_expression)] @call)
    (new_expression constructor: [(identifier) (member_expression)] @new)
    (decorator [(identifier) (member_expression)] @decorate)
    (decorator (call_expression function: (_) @decorate))
    (throw_statement . (_) @raise)
    (catch_clause) @catch
    (member_expression object: (member_expression object: (identifier) @_process property: (property_identifier) @_env)
        (#eq? @_process "process") (#eq? @_env "env")) @effect.environment
    (assignment_expression left: (member_expression object: (identifier) @_holder
        (#any-of? @_holder "window" "globalThis" "global" "document" "location"))) @effect.state
    (call_expression function: (identifier) arguments: (arguments . [(string) (template_string)])) @import
    (call_expression function: (import)) @import
    (new_expression constructor: (identifier) arguments: (arguments . (string))) @import
    (arguments (identifier) @read)
    (pair value: (identifier) @read)
    (variable_declarator value: (identifier) @read)
    (return_statement (identifier) @read)
    (assignment_expression right: (identifier) @read)
    (binary_expression operator: "instanceof" right: (identifier) @read)
    (shorthand_property_identifier) @read
    [(if_statement) (for_statement) (for_in_statement) (while_statement) (do_statement) (switch_case) (catch_clause)
     (ternary_expression)] @branch
    (binary_expression operator: ["&&" "||" "??"]) @branch
"""
JSX = """
    (jsx_opening_element name: [(identifier) (member_expression)] @element)
    (jsx_self_closing_element name: [(identifier) (member_expression)] @element)
"""

_NODE_MODULES = effects_by_kind(
    file="fs.* fs.promises.* fs-extra.* graceful-fs.* rimraf.* rimraf glob.* glob fast-glob fast-glob.* mkdirp",
    process="child_process.* execa.* execa cross-spawn.* cross-spawn shelljs.* cluster.*",
    network="""
        http.* https.* http2.* net.* tls.* dgram.* dns.* dns.promises.* undici.* axios.* axios got.* got node-fetch
        request.* request superagent.* superagent ws.* ws socket.io.* socket.io-client.* socket.io-client ky.* ky
        nodemailer.*
    """,
    environment="dotenv.* dotenv process.env.* os.*",
    random="crypto.randomBytes crypto.randomUUID crypto.randomInt crypto.webcrypto.* uuid.* nanoid.*",
    thread="worker_threads.*",
    input="readline.* readline.promises.* inquirer.* prompts",
    code="vm.*",
    database="""
        pg.* mysql.* mysql2.* mysql2.promise.* mongoose.* mongodb.* redis.* ioredis ioredis.* sqlite3.* better-sqlite3
        better-sqlite3.* knex.* knex sequelize.* typeorm.* @prisma.client.*
    """,
    time="timers.* timers.promises.* perf_hooks.*",
)
EFFECTS: Mapping[str, str] = {
    **_NODE_MODULES,
    **{f"node:{callee}": kind for callee, kind in _NODE_MODULES.items()},
    **effects_by_kind(
        file="""
            .readFileSync .writeFileSync .appendFileSync .existsSync .mkdirSync .readdirSync .statSync .unlinkSync
            .rmSync .createReadStream .createWriteStream Deno.readTextFile Deno.writeTextFile
            Deno.readFile Deno.writeFile Deno.remove Deno.mkdir Bun.file Bun.write
        """,
        process="process.kill process.abort Deno.run Deno.Command Bun.spawn process.on process.once",
        network="""
            fetch window.fetch globalThis.fetch XMLHttpRequest WebSocket EventSource navigator.sendBeacon
            RTCPeerConnection Deno.connect Deno.listen Deno.serve Bun.serve
        """,
        environment="process.chdir process.umask process.cwd Deno.env.*",
        state="""
            localStorage.* window.localStorage.* sessionStorage.* window.sessionStorage.* indexedDB.* caches.*
            document.* window.document.* window.addEventListener window.removeEventListener window.open window.scrollTo
            history.pushState history.replaceState window.history.* location.assign location.reload location.replace
            customElements.define Object.defineProperty Object.setPrototypeOf
        """,
        time="""
            Date.now performance.now setTimeout setInterval clearTimeout clearInterval setImmediate
            requestAnimationFrame requestIdleCallback process.nextTick
            queueMicrotask process.hrtime process.hrtime.bigint window.setTimeout window.setInterval
        """,
        random="Math.random crypto.getRandomValues crypto.randomUUID window.crypto.getRandomValues",
        output="console.* process.stdout.* process.stderr.* alert window.alert",
        input="prompt confirm window.prompt window.confirm process.stdin.*",
        code="eval Function require.resolve importScripts",
        thread="Worker SharedWorker navigator.serviceWorker.*",
    ),
}
INSIDE = (re.compile(rb"=>"), *patterns("function class prototype exports"))
INSIDE_TYPED = (*INSIDE, *patterns("interface enum namespace module type abstract"))
IMPORT_SIGNS = tuple(
    map(re.compile, (rb"require\b", rb"import\s*\(", rb"importScripts\b", rb"new\s+(?:\w*Worker|URL)\b"))
)
IGNORED = frozenset(
    {
        "require", "String", "Number", "Boolean", "Symbol", "BigInt", "parseInt", "parseFloat", "isNaN", "isFinite",
        "encodeURIComponent", "decodeURIComponent", "encodeURI", "decodeURI", "Array", "Object",
    }
)  # fmt: skip
IGNORED_TYPES = frozenset(
    {
        "Array", "ReadonlyArray", "Promise", "Record", "Partial", "Required", "Readonly", "Pick", "Omit", "Exclude",
        "Extract", "ReturnType", "Parameters", "NonNullable", "Map", "Set", "WeakMap", "WeakSet", "Date", "RegExp",
        "Error", "Function", "Iterable", "Iterator",
    }
)  # fmt: skip
CHUNK_INSIDE = frozenset({"class_body", "statement_block", "object", "arguments", "export_statement", "interface_body"})
EXITS = frozenset({"process.exit", "process.abort", "Deno.exit", "process.reallyExit"})
