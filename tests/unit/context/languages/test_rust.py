"""Rust: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from tests.fakes import languages

FACTS = languages.sample("rust", "rs")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Shop things.", 118)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "- module tests 17-31",
        "- test tests.works 21-25",
        "- test tests.later 27-28",
        "- function tests.make 30-30",
        "+ struct Point 36-44",
        "+ field Point.x 42-42",
        "- field Point.y 43-43",
        "+ struct Unit 46-46",
        "- struct Pair 47-47",
        "+ enum Color 49-53",
        "+ constant Color.Red 51-51",
        "+ constant Color.Green 52-52",
        "+ trait Shape 55-63",
        "+ constant Shape.CORNERS 56-56",
        "+ type Shape.Out 57-57",
        "+ method Shape.area 59-59",
        "+ method Shape.name 60-62",
        "+ implementation Point 65-70",
        "+ method Point.area 66-69",
        "+ implementation Point 72-91",
        "+ method Point.new 74-83",
        "- method Point.make 85-90",
        "- variable COUNT 93-93",
        "+ constant MAX 94-94",
        "+ type R 96-96",
        "+ macro twice 98-103",
        "- function c_abs 106-106",
        "+ function hidden 113-115",
        "- function main 118-120",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "tests": "mod tests",
        "tests.works": "fn works()",
        "tests.later": "async fn later()",
        "tests.make": "fn make()",
        "Point": "impl<T> Point<T>",
        "Point.x": "pub x: T",
        "Point.y": "y: T",
        "Unit": "pub struct Unit",
        "Pair": "struct Pair(pub u8, i8)",
        "Color": "pub enum Color",
        "Color.Red": "Red",
        "Color.Green": "Green(u8)",
        "Shape": "pub trait Shape: Send",
        "Shape.CORNERS": "const CORNERS: usize",
        "Shape.Out": "type Out",
        "Shape.area": "fn area(&self) -> f64",
        "Shape.name": "fn name(&self) -> u8",
        "Point.area": "fn area(&self) -> f64",
        "Point.new": "pub fn new(x: T) -> Result<Self, Bad>",
        "Point.make": "async fn make()",
        "COUNT": "static mut COUNT: u32 = 0",
        "MAX": "pub const MAX: usize = 3",
        "R": "pub type R<T> = Result<T, Error>",
        "twice": "macro_rules! twice",
        "c_abs": "fn c_abs(x: i32) -> i32",
        "hidden": "pub fn hidden()",
        "main": "fn main()",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {
        "Point": "A point.",
        "Point.x": "Across.",
        "Color.Red": "Like blood.",
        "Shape.area": "Area.",
        "Point.new": "New.",
        "hidden": "Only with a runtime.",
    }


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call Bad.New",
        "call Self.make",
        "call crate::util::rand.fast",
        "call fs.remove_file",
        'call fs::remove_file("a").unwrap',
        "call std::env.var",
        "call std::process.exit",
        "call tcp.connect",
        "decorate macro_export",
        "decorate path",
        "decorate should_panic",
        "decorate tokio.test",
        "inherit Send",
        "inherit Shape",
        "macro cfg_rt",
        "new Point",
        "type Copy",
        "type Point",
        "type T",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("crate::net::tcp", (), "t", 8, "import"),
        Import("crate::net::tcp", (("TcpStream", "TcpStream"),), "", 8, "import"),
        Import("self::inner", (("Thing", "Thing"),), "", 9, "reexport"),
        Import("std::io", (), "io", 10, "import"),
        Import("std", (("fs", "fs"),), "", 10, "import"),
        Import("std::io", (("Read", "_"),), "", 10, "import"),
        Import("std::collections", (("*", "*"),), "", 10, "import"),
        Import("net", (), "net", 12, "module"),
        Import("odd/place.rs", (), "odd", 14, "module"),
        Import("serde", (), "s", 15, "import"),
        Import("self", (("*", "*"),), "", 19, "import"),
        Import("tcp", (("connect", "connect"),), "", 77, "mention"),
        Import("crate::util::rand", (("fast", "fast"),), "", 87, "mention"),
        Import("runtime", (), "runtime", 110, "module"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        "assert assert_eq!(1, 1) @24",
        'raise panic!("x {}", 1) @68',
        'assert fs::remove_file("a").unwrap() @75',
        "raise Err(Bad::New(1)) @80",
        "catch Err(e) @88",
        "exit std::process.exit @88",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == [
        "code unsafe { COUNT += 1 } @67",
        "file fs.remove_file @75",
        "state static mut COUNT: u32 = 0; @93",
        "environment std::env.var @114",
        "output println @119",
    ]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "tests.works": 1,
        "tests.later": 1,
        "tests.make": 1,
        "Shape.name": 1,
        "Point.area": 1,
        "Point.new": 3,
        "Point.make": 3,
        "hidden": 1,
        "main": 1,
    }


CRATES = languages.FileTree(
    {
        "Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n',
        "crates/core/Cargo.toml": '[package]\nname = "shop-core"\n\n[dependencies]\nname = "x"\n',
        "crates/core/src/lib.rs": "pub mod price;\nmod util;\npub use price::Price;\n",
        "crates/core/src/price.rs": "mod tax;\nuse self::tax::rate;\nuse super::util;\nmod tests { use super::*; }\n",
        "crates/core/src/price/tax.rs": "use super::Price;\nuse super::super::util::round;\nuse crate::Unknown;\n",
        "crates/core/src/util/mod.rs": "pub fn round() { crate::price::of() }\n",
        "crates/core/tests/all.rs": "use shop_core::price::{tax::rate, Price};\nmod common;\n",
        "crates/core/tests/common/mod.rs": "use std::fs;\n",
        "crates/cli/Cargo.toml": '[package]\nname = "cli"\n',
        "crates/cli/src/main.rs": "mod shout;\nuse shop_core as shop;\nfn main() { shout::loud(); serde::x() }\n",
        "crates/cli/src/shout.rs": "",
    }
)


def test_paths_lead_to_the_files_of_modules():
    assert CRATES.targets("crates/core/src/lib.rs") == {
        "price": ["crates/core/src/price.rs"],
        "util": ["crates/core/src/util/mod.rs"],
    }
    assert CRATES.targets("crates/core/src/price.rs") == {
        "tax": ["crates/core/src/price/tax.rs"],
        "self::tax": ["crates/core/src/price/tax.rs"],
        "super": ["crates/core/src/util/mod.rs"],
        "self": [],
    }
    assert CRATES.targets("crates/core/src/price/tax.rs") == {
        "super": ["crates/core/src/price.rs"],
        "super::super::util": ["crates/core/src/util/mod.rs"],
        "crate": ["crates/core/src/lib.rs"],
    }


def test_other_crates_of_the_workspace_are_known_by_the_name_in_their_manifest():
    assert CRATES.targets("crates/core/tests/all.rs") == {
        "shop_core::price::tax": ["crates/core/src/price/tax.rs"],
        "shop_core::price": ["crates/core/src/price.rs"],
        "common": ["crates/core/tests/common/mod.rs"],
    }
    assert CRATES.targets("crates/cli/src/main.rs") == {
        "serde": [],
        "shout": ["crates/cli/src/shout.rs"],
        "shop_core": ["crates/core/src/lib.rs"],
    }


def test_a_path_written_where_it_is_used_is_an_import():
    assert CRATES.targets("crates/core/src/util/mod.rs") == {"crate::price": ["crates/core/src/price.rs"]}


def test_every_importing_file_mentions_a_key_of_its_targets():
    assert CRATES.unmentioned() == []


def test_a_module_attribute_names_the_file():
    tree = languages.FileTree({"src/lib.rs": '#[path = "../odd/x.rs"]\nmod odd;\n', "odd/x.rs": ""})
    assert tree.targets("src/lib.rs") == {"../odd/x.rs": ["odd/x.rs"]}


def test_items_inside_a_macro_keep_their_place():
    facts = languages.facts_of("rust", "cfg_rt! {\n    mod a;\n\n    pub fn f() {\n        g();\n    }\n}\n")
    assert languages.outline(facts) == ["+ function f 4-6"]
    assert [(ref.name, ref.line, ref.inside) for ref in facts.references if ref.kind == "call"] == [("g", 5, 0)]


def test_one_word_paths_are_dependencies_and_values_are_not():
    facts = languages.facts_of(
        "rust", 'fn f() {\n    // not::this\n    tokio::spawn(x);\n    buf.read();\n    let s = "no::path";\n}\n'
    )
    assert [(item.module, item.names, item.kind) for item in facts.imports] == [
        ("tokio", (("spawn", "spawn"),), "mention")
    ]


def test_traits_that_bound_a_type_are_uses():
    facts = languages.facts_of(
        "rust", "fn f<A: Addrs>(a: A) -> Answer where A: Net {}\nfn g(x: impl Run, y: &dyn Log) {}\n"
    )
    assert {ref.name for ref in facts.references if ref.kind == "type"} >= {"Addrs", "Net", "Answer", "Run", "Log"}
