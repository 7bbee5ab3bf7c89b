"""JavaScript: the facts of the sample file, and where imports lead."""

from aiex.context.extract import extract
from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("javascript", "js")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Serves a folder.", 73)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert languages.outline(FACTS) == [
        "+ variable app 15-15",
        "- constant LIMIT 18-18",
        "+ method app.handle 25-34",
        "- function app.handle.send 28-28",
        "- function Cache 36-40",
        "- method Cache.get 37-39",
        "- method Cache.clear 42-42",
        "+ function create 43-43",
        "+ constant json 44-44",
        "+ property app.ip 46-46",
        "- class Server 48-56",
        "- field Server.#secret 49-49",
        "- field Server.port 50-50",
        "- method Server.onclick 51-51",
        "- constructor Server.constructor 52-52",
        "- method Server.of 53-53",
        "- property Server.url 54-54",
        "- method Server.stop 55-55",
        "- constant HIDDEN 59-59",
        "- function inside 60-60",
        "+ constant table 63-67",
        "+ method table.run 65-65",
        "+ field table.deep 66-66",
        "+ method table.deep.go 66-66",
        "- test server 69-71",
        "- test server.starts 70-70",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert languages.signatures(FACTS) == {
        "app": "var app = exports = module.exports = {}",
        "LIMIT": "const LIMIT = 10",
        "app.handle": "app.handle = function handle (req, res)",
        "app.handle.send": "function send (body)",
        "Cache": "function Cache (size)",
        "Cache.get": "this.get = function (key)",
        "Cache.clear": "Cache.prototype.clear = function ()",
        "create": "exports.create = (size = 1)",
        "json": "exports.json = require('./json')",
        "app.ip": "defineGetter(app, 'ip', function ip ()",
        "Server": "class Server extends Router.Base",
        "Server.#secret": "#secret = 1",
        "Server.port": "port = 80",
        "Server.onclick": "onclick = ()",
        "Server.constructor": "constructor (port)",
        "Server.of": "static of ()",
        "Server.url": "get url ()",
        "Server.stop": "async stop ()",
        "HIDDEN": "var HIDDEN = 1",
        "inside": "function inside ()",
        "table": "module.exports.table = {…}",
        "table.run": "run ()",
        "table.deep": "deep",
        "table.deep.go": "go: function ()",
        "server": "describe('server')",
        "server.starts": "it.only('starts')",
    }


def test_docs_are_the_first_paragraph() -> None:
    assert languages.docs(FACTS) == {"LIMIT": "How many at once.", "app.handle": "Handle one request."}


def test_imports_are_read_as_written() -> None:
    assert languages.imports(FACTS) == [
        Import("node:fs", (), "fs", 13, "require"),
        Import("path", (("join", "join"), ("resolve", "absolute")), "", 13, "require"),
        Import("./router", (("Router", "Router"),), "", 14, "require"),
        Import("./json", (), "", 44, "require"),
        Import("./stop.mjs", (), "", 55, "dynamic"),
    ]


def test_references_name_what_is_called_made_inherited_and_typed() -> None:
    assert languages.references(FACTS) == {
        "call app.handle",
        "call console.error",
        "call defineGetter",
        "call describe",
        "call fs.readFile",
        "call it.only",
        "call join",
        "call process.exit",
        "call res.end",
        "call send",
        "call this.stop",
        "inherit Router.Base",
        "new Cache",
        "new Error",
        "new Server",
    }


def test_faults_show_where_errors_begin_and_end() -> None:
    assert languages.faults(FACTS) == [
        "raise new Error('no url') @26",
        "catch catch (error) @30",
        "exit process.exit @32",
    ]


def test_effects_show_what_is_touched_outside() -> None:
    assert languages.effects(FACTS) == [
        "file fs.readFile @29",
        "output console.error @31",
        "state window.cache = null @42",
        "environment process.env.IP @46",
    ]


def test_complexity_counts_branches() -> None:
    assert languages.complexity(FACTS) == {
        "app.handle": 4,
        "app.handle.send": 1,
        "Cache": 1,
        "Cache.get": 2,
        "Cache.clear": 1,
        "create": 1,
        "app.ip": 1,
        "Server.onclick": 1,
        "Server.constructor": 1,
        "Server.of": 1,
        "Server.url": 1,
        "Server.stop": 1,
        "inside": 1,
        "table.run": 1,
        "table.deep.go": 1,
        "server": 1,
        "server.starts": 1,
    }


SHOP = languages.FileTree(
    {
        "package.json": '{"name": "shop", "main": "index", "imports": {"#deep/*": "./lib/deep/*.js"}}',
        "index.js": "module.exports = require('./lib/shop')\n",
        "lib/shop.js": "const a = require('./price'), b = require('./deep/'), c = require('..')\n"
        "const d = require('#deep/x')\n",
        "lib/price.js": "import data from '../data.json'\nimport fs from 'fs'\nimport lost from './lost'\n",
        "lib/deep/index.js": "export * from './x.js'\nexport { y } from '@acme/tools/y'\nimport z from '@acme/tools'\n",
        "lib/deep/x.js": "const w = new Worker('./worker.js')\nimport('../shop.js').then(run)\n",
        "lib/deep/worker.js": "",
        "data.json": "{}",
        "packages/tools/package.json": '{"name": "@acme/tools", "main": "./dist/index.js"}',
        "packages/tools/src/index.js": "",
        "packages/tools/y.mjs": "",
    }
)


def test_imports_lead_to_neighbours_folders_manifests_and_packages_of_the_workspace() -> None:
    assert {path: SHOP.targets(path) for path in SHOP.files if path.startswith(("lib/", "index"))} == {
        "index.js": {"./lib/shop": ["lib/shop.js"]},
        "lib/shop.js": {
            "./price": ["lib/price.js"],
            "./deep/": ["lib/deep/index.js"],
            "..": ["index.js"],
            "#deep/x": ["lib/deep/x.js"],
        },
        "lib/price.js": {"../data.json": ["data.json"], "fs": [], "./lost": []},
        "lib/deep/index.js": {
            "./x.js": ["lib/deep/x.js"],
            "@acme/tools/y": ["packages/tools/y.mjs"],
            "@acme/tools": ["packages/tools/src/index.js"],
        },
        "lib/deep/x.js": {"./worker.js": ["lib/deep/worker.js"], "../shop.js": ["lib/shop.js"]},
        "lib/deep/worker.js": {},
    }


def test_every_importing_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_names_of_files_and_programs_mean_the_language() -> None:
    language = get_language("javascript")
    assert [find_language(name) for name in ("a.js", "a.mjs", "a.cjs", "a.jsx")] == [language] * 4
    assert find_language("bin/run", b"#!/usr/bin/env node\n") is language


def test_names_exported_elsewhere_in_the_file_are_public() -> None:
    source = "function a() {}\nfunction b() {}\nclass C {}\nconst d = 1\nmodule.exports = { a, x: C }\nexports.d = d\n"
    assert languages.outline(languages.facts_of("javascript", source)) == [
        "+ function a 1-1",
        "- function b 2-2",
        "+ class C 3-3",
        "+ constant d 4-4",
        "+ constant default 5-5",
    ]


def test_a_script_without_imports_and_exports_shares_all_it_defines() -> None:
    assert languages.outline(languages.facts_of("javascript", "var a = 1\nfunction b() {}\n")) == [
        "+ variable a 1-1",
        "+ function b 2-2",
    ]


def test_a_default_export_without_a_name_is_called_default() -> None:
    assert languages.outline(languages.facts_of("javascript", "export default () => 1\n")) == ["+ function default 1-1"]
    assert languages.outline(languages.facts_of("javascript", "module.exports = class {}\n")) == ["+ class default 1-1"]


def test_what_a_call_does_with_a_function_is_not_the_name_of_it() -> None:
    source = "const later = setTimeout(() => {}, 5)\nconst all = list.map(function (one) { return one })\n"
    assert languages.outline(languages.facts_of("javascript", source)) == ["+ constant later 1-1", "+ constant all 2-2"]


def test_a_relative_module_is_not_taken_for_the_one_of_that_name() -> None:
    assert languages.effects(languages.facts_of("javascript", "import fs from './fs'\nfs.stat('x')\n")) == []


def test_a_long_chain_is_known_by_its_last_name() -> None:
    source = "start(" + "1, " * 300 + "2).finish()\n"
    assert [one.name for one in languages.facts_of("javascript", source).references] == ["start", "finish"]


def test_names_and_signatures_of_tests_stay_on_one_line() -> None:
    facts = languages.facts_of("javascript", "test\n  .each([1, 2])(`adds\n  up`, function () {})\nit('', () => {})\n")
    assert languages.signatures(facts) == {"adds up": "test .each([1, 2])(`adds up`)"}


def test_modules_of_the_runtime_are_standard_and_imported_names_handed_on_are_read():
    facts = languages.facts_of(
        "javascript", "const { add, sub } = require('./math');\nrun(add);\nmodule.exports = { sub };\n"
    )
    assert [(ref.kind, ref.name) for ref in facts.references if ref.kind == "read"] == [
        ("read", "add"),
        ("read", "sub"),
    ]
    assert {"fs", "node:path"} <= get_language("javascript").standard


def test_elements_are_uses_and_bytes_that_are_no_text_do_not_matter():
    facts = extract(b"const a = <Cart><div \xff/></Cart>;\n", get_language("javascript"))
    assert [(ref.kind, ref.name) for ref in facts.references] == [("call", "Cart")]


def test_calls_of_private_methods_are_references():
    source = "class A {\n  run() {\n    this.#inner(1) + A.#made()\n  }\n  #inner(x) {}\n  static #made() {}\n}\n"
    assert languages.references(languages.facts_of("javascript", source)) == {"call this.#inner", "call A.#made"}
