"""TypeScript: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes.languages import FileTree, docs, effects, facts_of, imports, outline, references, sample, signatures

FACTS = sample("typescript", "ts")


def test_whole_sample_parses() -> None:
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition() -> None:
    assert outline(FACTS) == [
        "+ interface Point 9-13",
        "+ field Point.x 11-11",
        "+ method Point.move 12-12",
        "+ type Either 15-15",
        "+ enum Color 17-17",
        "+ constant Color.Red 17-17",
        "+ constant Color.Green 17-17",
        "+ namespace legacy 19-21",
        "+ function legacy.load 20-20",
        "- namespace Inner 23-25",
        "- constant Inner.depth 24-24",
        "+ function area 27-27",
        "+ function area 28-28",
        "+ function area 30-32",
        "+ class Plane 34-41",
        "- field Plane.cache 36-36",
        "+ constructor Plane.constructor 37-37",
        "- method Plane.draw 38-38",
        "+ method Plane.fly 39-39",
        "+ method Plane.move 40-40",
        "+ function hidden 43-43",
        "+ constant default 45-45",
    ]


def test_signatures_are_one_line_without_the_body() -> None:
    assert signatures(FACTS) == {
        "Point": "interface Point<T> extends Shape, Named<T>",
        "Point.x": "readonly x: number",
        "Point.move": "move(by: Point<T>): void",
        "Either": "type Either = Left | { right: string }",
        "Color": "enum Color",
        "Color.Red": "Red = 1",
        "Color.Green": "Green",
        "legacy": "module 'legacy'",
        "legacy.load": "function load(path: string): Color",
        "Inner": "namespace Inner",
        "Inner.depth": "const depth = 3",
        "area": "function area(a: number, b?: number): number",
        "Plane": "abstract class Plane<T> extends Base<T> implements Point<T>, tools.Seen",
        "Plane.cache": "private cache: Map<string, T> = new Map()",
        "Plane.constructor": "constructor(readonly x: number)",
        "Plane.draw": "protected abstract draw(on: Color): void",
        "Plane.fly": "fly = async (to: Point<T>): Promise<void>",
        "Plane.move": "move(by: Point<T>)",
        "hidden": "const hidden = (value: unknown)",
        "default": "export default new Plane(1)",
    }


def test_docs_are_the_first_paragraph() -> None:
    assert docs(FACTS) == {"Point": "A point.", "Point.x": "Across.", "area": "Area of it."}


def test_imports_are_read_as_written() -> None:
    assert imports(FACTS) == [
        Import("./shape", (("Shape", "Shape"),), "", 1, "import"),
        Import("@lib/tools", (("default", "base"),), "tools", 2, "import"),
        Import("./polyfill.js", (), "", 3, "import"),
        Import("legacy", (), "legacy", 4, "require"),
        Import("./all", (("*", "*"),), "", 5, "reexport"),
        Import("./numbers", (("one", "two"),), "", 6, "reexport"),
    ]


def test_references_name_what_is_called_made_inherited_and_typed() -> None:
    assert references(FACTS) == {
        "call fetch",
        "call this.cache.clear",
        "decorate sealed",
        "inherit Base",
        "inherit Named",
        "inherit Point",
        "inherit Shape",
        "inherit tools.Seen",
        "new Plane",
        "type Color",
        "type Either",
        "type Left",
        "type Point",
        "type T",
    }


def test_effects_show_what_is_touched_outside() -> None:
    assert effects(FACTS) == ["network fetch @39"]


SHOP = FileTree(
    {
        "tsconfig.json": '{"extends": "./base.json", /* a */ "compilerOptions": '
        '{"paths": {"@lib/*": ["./src/lib/*"],},},}',
        "base.json": '{"compilerOptions": {"baseUrl": "src"}} // b',
        "src/main.ts": (
            "import { a } from './a.js'\nimport { b } from '@lib/b'\nimport { c } from 'lib/c'\n"
            "import type { D } from './types'\nimport './view'\nimport x from 'outside'\n"
        ),
        "src/a.ts": "",
        "src/lib/b/index.ts": "import up from '../..'\n",
        "src/lib/c.tsx": "",
        "src/types.d.ts": "",
        "src/view.ts": "",
        "src/view.js": "",
        "src/index.ts": "",
    }
)


def test_imports_lead_through_paths_base_and_compiled_names() -> None:
    assert SHOP.targets("src/main.ts") == {
        "./a.js": ["src/a.ts"],
        "@lib/b": ["src/lib/b/index.ts"],
        "lib/c": ["src/lib/c.tsx"],
        "./types": ["src/types.d.ts"],
        "./view": ["src/view.ts"],
        "outside": [],
    }
    assert SHOP.targets("src/lib/b/index.ts") == {"../..": ["src/index.ts"]}


def test_every_importing_file_mentions_a_key_of_its_targets() -> None:
    assert SHOP.unmentioned() == []


def test_tsx_reads_components_and_what_they_show() -> None:
    facts = sample("tsx", "tsx")
    assert outline(facts) == [
        "- constant Page 5-5",
        "+ function Counter 8-14",
        "- function Counter.add 10-12",
        "+ function App 16-18",
    ]
    assert references(facts) >= {"call Button", "call Page.Body", "call Counter", "type Props"}
    assert docs(facts) == {"Counter": "Counts clicks."}


def test_names_of_files_mean_the_dialect() -> None:
    names = [find_language(path) for path in ("a.ts", "a.mts", "a.d.ts", "a.tsx")]
    assert names == [*[get_language("typescript")] * 3, get_language("tsx")]


def test_members_are_public_unless_they_say_otherwise() -> None:
    source = "export class A {\n  private b = 1\n  protected c() {}\n  public d() {}\n  e?: string\n}\n"
    assert outline(facts_of("typescript", source))[1:] == [
        "- field A.b 2-2",
        "- method A.c 3-3",
        "+ method A.d 4-4",
        "+ field A.e 5-5",
    ]


def test_a_large_file_reads_like_a_small_one() -> None:
    source = "const a = require('./a')\nexport class A {\n  public b = 1\n  private c = 2\n}\n"
    large = source + "".join(f"// padding {number}\n" for number in range(40_000))
    assert outline(facts_of("typescript", large)) == outline(facts_of("typescript", source))
