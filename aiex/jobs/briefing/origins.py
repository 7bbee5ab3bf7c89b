"""Where an import leads that is not in the repository: the standard library or a third party.

For what a language does not know itself as standard (`Language.standard`). Sources: nodejs.org/api (v22) module list;
the C23 and C++23 header lists of cppreference.com. Go, Rust and Java tell by the form of the name.
"""

import re

_NODE_WORDS = """
assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib test sqlite
"""
_NODE = frozenset(_NODE_WORDS.split())
_C_WORDS = """
assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg
stdatomic stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar
wchar wctype unistd fcntl pthread dirent dlfcn poll sched semaphore strings termios grp pwd netdb syslog utime
windows
"""
_C = frozenset(_C_WORDS.split())
_CPP_WORDS = """
algorithm any array atomic barrier bit bitset cassert ccomplex cctype cerrno cfenv cfloat charconv chrono
cinttypes climits clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal
cstdarg cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected
filesystem flat_map flat_set format forward_list fstream functional future generator initializer_list iomanip
ios iosfwd iostream istream iterator latch limits list locale map mdspan memory memory_resource mutex new
numbers numeric optional ostream print queue random ranges ratio regex scoped_allocator semaphore set
shared_mutex source_location span spanstream sstream stack stacktrace stdexcept stop_token streambuf string
string_view strstream syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map
unordered_set utility valarray variant vector version
"""
_CPP = frozenset(_CPP_WORDS.split())
_JAVASCRIPT = frozenset({"javascript", "typescript", "tsx", "jsx"})
_LOCAL = re.compile(r"\.|/|crate\b|self\b|super\b|@/|~/")


def origin_of(language: str, module: str) -> str:
    """`standard`, `third-party`, or `unknown` for what looks like a file of the repository that is not there."""
    if not module:
        return "unknown"
    if language == "python":
        return _python(module)
    if language in _JAVASCRIPT:
        return _node(module)
    if language == "go":
        return "third-party" if "." in module.split("/", 1)[0] else "standard"
    if language == "rust":
        return _rust(module)
    if language in ("java", "kotlin", "scala"):
        return "standard" if module.startswith(("java.", "javax.", "jdk.", "kotlin.", "scala.")) else "third-party"
    if language in ("c", "cpp"):
        return _header(module)
    if language in ("ruby", "elixir"):
        return _plain(module, module.startswith(":"))
    return "third-party" if "://" in module or module.startswith("//") else "unknown"


def package_of(language: str, module: str) -> str:
    """The name a manifest would list for a third-party module: `requests.adapters` gives requests.

    In Go only the manifest tells where the name of the package ends: the module stays whole.
    """
    if language in _JAVASCRIPT:
        parts = module.split("/")
        return "/".join(parts[:2]) if module.startswith("@") else parts[0]
    if language == "go":
        return module
    if language in ("java", "kotlin", "scala"):
        return ".".join(module.split(".")[:2])
    if language == "rust":
        return module.split("::", 1)[0]
    if language in ("python", "elixir"):
        return module.split(".", 1)[0]
    return module.split("/", 1)[0]


def _plain(module: str, standard: bool) -> str:
    if _LOCAL.match(module):
        return "unknown"
    return "standard" if standard else "third-party"


def _python(module: str) -> str:
    import sys

    return _plain(module, module.split(".", 1)[0] in sys.stdlib_module_names)


def _node(module: str) -> str:
    return _plain(module, module.startswith("node:") or module.split("/", 1)[0] in _NODE)


def _rust(module: str) -> str:
    return _plain(module, module.split("::", 1)[0] in ("std", "core", "alloc", "proc_macro", "test"))


def _header(module: str) -> str:
    name = module.strip('<>"')
    if name in _CPP or (name.endswith(".h") and name[:-2] in _C) or name.startswith(("sys/", "netinet/", "arpa/")):
        return "standard"
    return "third-party" if "/" in name else "unknown"
