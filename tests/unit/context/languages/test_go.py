"""Go: the facts of the sample file, and where imports lead."""

from aiex.context.facts import Import
from aiex.context.language import find_language, get_language
from tests.fakes import languages

FACTS = languages.sample("go", "go")


def test_whole_sample_parses():
    assert (FACTS.parsed, FACTS.note, FACTS.doc, FACTS.entry_line) == ("full", "", "Package shop sells things.", 0)


def test_outline_shows_kind_path_and_lines_of_every_definition():
    assert languages.outline(FACTS) == [
        "+ constant KindA 21-21",
        "- constant kindB 22-22",
        "- constant kindC 22-22",
        "+ constant Max 25-25",
        "- variable table 29-31",
        "+ type Kind 35-35",
        "+ type Alias 37-37",
        "+ struct Pair 41-46",
        "+ field Pair.Key 42-42",
        "- field Pair.a 43-43",
        "- field Pair.b 43-43",
        "- type fn 47-47",
        "+ interface Priced 51-55",
        "+ method Priced.Price 54-54",
        "+ method Pair.Add 61-78",
        "- method Pair.run 80-80",
        "- function main 82-82",
        "+ test TestPair 84-84",
        "+ test ExamplePair 86-86",
        "+ function Testimony 88-88",
    ]


def test_signatures_are_one_line_without_the_body():
    assert languages.signatures(FACTS) == {
        "KindA": "KindA Kind = iota",
        "kindB": "kindB, kindC = 1, 2",
        "kindC": "kindB, kindC = 1, 2",
        "Max": "const Max = 3",
        "table": "table = map[string]int …",
        "Kind": "type Kind int",
        "Alias": "type Alias = Kind",
        "Pair": "type Pair[K comparable, V any] struct",
        "Pair.Key": "Key K",
        "Pair.a": "a, b V",
        "Pair.b": "a, b V",
        "fn": "fn func(int) error",
        "Priced": "type Priced interface",
        "Priced.Price": "Price(in int) (int, error)",
        "Pair.Add": "func (b *Pair[K, V]) Add(name string) (err error)",
        "Pair.run": "func (b Pair[K, V]) run()",
        "main": "func main()",
        "TestPair": "func TestPair(t *testing.T)",
        "ExamplePair": "func ExamplePair()",
        "Testimony": "func Testimony()",
    }


def test_docs_are_the_first_paragraph():
    assert languages.docs(FACTS) == {
        "KindA": "KindA is first.",
        "Kind": "Kind is a kind.",
        "Pair": "Pair pairs.",
        "Priced": "Priced has a price.",
        "Priced.Price": "Price gives it.",
        "Pair.Add": "Add adds one more to the pair.",
    }


def test_references_name_what_is_called_made_and_inherited():
    assert languages.references(FACTS) == {
        "call b.run",
        "call errors.New",
        "call fmt.Errorf",
        "call h.Get",
        "call os.Exit",
        "inherit Kind",
        "inherit fmt.Stringer",
        "inherit h.Client",
        "new Pair",
        "type K",
        "type Kind",
        "type V",
        "type fmt.Stringer",
        "type testing.T",
    }


def test_imports_are_read_as_written():
    assert languages.imports(FACTS) == [
        Import("errors", (), "errors", 9, "import"),
        Import("fmt", (), "fmt", 10, "import"),
        Import("net/http", (), "h", 11, "import"),
        Import("embed", (), "", 12, "import"),
        Import("math", (("*", "*"),), "", 13, "import"),
        Import("os", (), "os", 16, "import"),
    ]


def test_faults_show_where_errors_begin_and_end():
    assert languages.faults(FACTS) == [
        "catch recover() @63",
        "raise panic(r) @64",
        'raise fmt.Errorf("x: %w", err) @68',
        'raise errors.New("no") @75',
        "exit os.Exit @80",
    ]


def test_effects_show_what_is_touched_outside():
    assert languages.effects(FACTS) == ["thread go b.run() @70", "network h.Get @73"]


def test_complexity_counts_branches():
    assert languages.complexity(FACTS) == {
        "Pair.Add": 5,
        "Pair.run": 1,
        "main": 1,
        "TestPair": 1,
        "ExamplePair": 1,
        "Testimony": 1,
    }


def test_names_of_files_mean_the_language():
    assert find_language("cmd/main.go") is get_language("go")


MODULE = languages.FileTree(
    {
        "go.mod": "module github.com/acme/shop\n\nrequire golang.org/x/text v1.0.0\n",
        "shop.go": "package shop\n",
        "price/price.go": "package price\n",
        "price/tax.go": "package price\n",
        "price/price_test.go": "package price\n",
        "cmd/shop/main.go": (
            'package main\n\nimport (\n\t"fmt"\n\t"net/http"\n\t"golang.org/x/text"\n\n\t"github.com/acme/shop"\n'
            '\tp "github.com/acme/shop/price" // )\n\t"example.com/tools/gen"\n\t"github.com/acme/shopping"\n)\n'
        ),
        "tools/go.mod": "module example.com/tools\n",
        "tools/gen/gen.go": "package gen\n",
        "vendor/golang.org/x/text/text.go": "package text\n",
    }
)


def test_imports_lead_to_the_files_of_a_package_of_this_repository():
    assert MODULE.targets("cmd/shop/main.go") == {
        "fmt": [],
        "net/http": [],
        "golang.org/x/text": ["vendor/golang.org/x/text/text.go"],
        "github.com/acme/shop": ["shop.go"],
        "github.com/acme/shop/price": ["price/price.go", "price/tax.go"],
        "example.com/tools/gen": ["tools/gen/gen.go"],
        "github.com/acme/shopping": [],
    }


def test_every_importing_file_mentions_a_key_of_its_targets():
    assert MODULE.unmentioned() == []


def test_without_a_module_file_packages_are_found_by_the_end_of_their_path():
    tree = languages.FileTree({"src/acme/price/price.go": "package price\n", "main.go": 'import "acme/price"\n'})
    assert tree.targets("main.go") == {"acme/price": ["src/acme/price/price.go"]}


def test_main_is_the_entry_only_in_package_main():
    assert languages.facts_of("go", "package main\n\nfunc main() {}\n").entry_line == 3
    assert languages.facts_of("go", "package shop\n\nfunc main() {}\n").entry_line == 0


def test_a_comment_apart_below_the_package_clause_documents_the_file():
    source = "//go:build linux\n\npackage a\n\n// Memory allocator.\n\n// F does.\nfunc F() {}\n"
    assert languages.facts_of("go", source).doc == "Memory allocator."


def test_package_names_are_guessed_from_import_paths():
    source = 'import (\n"gopkg.in/yaml.v3"\n"github.com/mattn/go-isatty"\n"github.com/a/chi/v5"\n"a.b/my-lib"\n)\n'
    assert [item.alias for item in languages.imports(languages.facts_of("go", source))] == [
        "yaml",
        "isatty",
        "chi",
        "lib",
    ]
