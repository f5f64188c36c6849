#!/usr/bin/env python3
"""Structure checks of the gate: each counts one property of the sources and compares it with its limit.

    structure.py              exit 1 if a number is above its limit in structure.toml, or below it: record what was gained
    structure.py --tighten    writes lower numbers to structure.toml; never a higher one
    structure.py --list NAME  the places that NAME counts
    structure.py --self-test  feeds each check a fault and exits 1 if the check does not count it
"""
import argparse, collections, json, os, re, subprocess, sys, tempfile, tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
LIMITS = os.path.join(HERE, "structure.toml")
sys.path.insert(0, HERE)
import circles  # noqa: E402

# One token of Rust that is not plain code. Lifetimes are matched so that their quote does not open a character.
TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<string>b?r(?P<hashes>\#*)".*?"(?P=hashes) | b?"(?:\\.|[^"\\])*")
      | (?P<char>b?'(?:\\(?:x[0-9a-fA-F]{2}|u\{[0-9a-fA-F_]+\}|.)|[^'\\\n])')
      | (?P<lifetime>'[A-Za-z_]\w*)""",
    re.X | re.S,
)
SQL = re.compile(r"\b(SELECT\s+\S|INSERT\s+(OR\s+\w+\s+)?INTO\b|UPDATE\s+\w+\s+SET\b|DELETE\s+FROM\b|CREATE\s+(TEMP\s+)?(TABLE|INDEX|VIEW|TRIGGER)\b)")
# Words of the former vocabulary, and openings that a doc comment does not have.
GLOSSARY = re.compile(r"\b(whoever|somebody|nobody|so to speak|falls on the floor|draw anew|to the shell|knocks?|hang the)\b", re.I)
OPENING = re.compile(r"^\s*(?://[/!]|\*)\s?(What|Whether|Who|Whom|How|Where)\b")
PARTICIPLE = re.compile(r"\bfn\s+(said|kept|told|held|made|sent|seen|left|gone|shown|known|given|taken|found|lost|won|put|heard|meant|drawn|begun|done|written|"
                        r"hidden|chosen|broken|spoken|woken|bound|[a-z]+(?:ed|ied))\s*[(<]")
NOT_PARTICIPLES = {"seed", "need", "feed", "speed", "exceed", "embed", "shed", "bed", "read", "indeed", "red"}
# Modules below the program's faces: they may not import from the face named in the second column.
LAYERS = [("src/tui/", r"\bcrate::(cli|server|remote|notify)\b"), ("src/remote", r"\bcrate::(cli|server|tui)\b"), ("src/server", r"\bcrate::(cli|tui|remote)\b"),
          ("src/config", r"\bcrate::(cli|server|remote)\b"), ("src/wire", r"\bcrate::(cli|server|tui|remote)\b"), ("src/files", r"\bcrate::(cli|server|tui|remote)\b")]
FORBIDDEN = {"estate": ["tokio", "axum", "ratatui", "reqwest", "crossterm", "hyper", "postgres"]}


class Source:
    """One source file: its code with comments and strings blanked, and those by themselves."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        cut = text.find("#[cfg(test)]\nmod tests {")
        self.body = text[:cut] if cut >= 0 else text
        self.comments, self.strings, code, end = [], [], [], 0
        for token in TOKEN.finditer(self.body):
            code.append(self.body[end:token.start()])
            found = token[0]
            line = self.body.count("\n", 0, token.start()) + 1
            if token["comment"]:
                self.comments.append((line, found))
            elif token["string"]:
                self.strings.append((line, found))
            code.append(found if token["lifetime"] else re.sub(r"[^\n]", " ", found))
            end = token.end()
        self.code = "".join(code) + self.body[end:]

    def lines_of(self, pattern):
        return [(self.body.count("\n", 0, m.start()) + 1, m[0].strip()) for m in pattern.finditer(self.code)]


def is_test(path):
    return re.search(r"(^|/)(tests?|benches|examples)(/|\.rs$)|_tests?\.rs$", path) is not None


def sources(root):
    found = []
    for folder, dirs, files in os.walk(root):
        dirs[:] = sorted(d for d in dirs if d not in ("target", ".git", "node_modules"))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            if name.endswith(".rs") and "src/" in path and not is_test(path):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    found.append(Source(path, f.read()))
    return found


def files_in_circles(root, _):
    places = []
    for name, src in sorted(circles.crates(root)):
        mods = circles.modules(src)
        for group in circles.circles([p for m, p in mods.items() if m], circles.arrows(src, mods)):
            places += [(os.path.join(name, "src", file), 0, f"in a circle of {len(group)}") for file in group]
    return places


def upward_imports(_, files):
    return [(f.path, line, found) for f in files for start, pattern in LAYERS if f.path.startswith(start)
            for line, found in f.lines_of(re.compile(pattern))]


def sql_outside_store(_, files):
    allowed = ("estate/src/store", "crates/store/", "crates/sqlite/", "crates/postgres/")
    return [(f.path, line, found[:60]) for f in files if not f.path.startswith(allowed) for line, found in f.strings if SQL.search(found)]


def drivers_outside_engines(_, files):
    return [(f.path, 0, "names rusqlite") for f in files if not f.path.startswith("crates/sqlite/") and re.search(r"\brusqlite\b", f.code)]


def long_lines(root, files):
    return [(f.path, number, line.strip()[:60]) for f in files for number, line in enumerate(f.text.splitlines(), 1) if len(line) > 100]


def long_markdown_lines(root, _):
    places = []
    for name in subprocess.check_output(["git", "-C", root, "ls-files", "*.md"], text=True).split() if os.path.isdir(os.path.join(root, ".git")) or os.path.isfile(os.path.join(root, ".git")) else [
            n for n in os.listdir(root) if n.endswith(".md")]:
        with open(os.path.join(root, name), encoding="utf-8") as f:
            places += [(name, number, line[:60]) for number, line in enumerate(f.read().splitlines(), 1) if len(line) > 120]
    return places


def doc_openings(_, files):
    places = []
    for f in files:
        above = None
        for line, found in f.comments:
            if OPENING.match(found) and not (above == line - 1):
                places.append((f.path, line, found.strip()[:70]))
            above = line if re.match(r"^//[/!]", found) else None
    return places


def glossary(_, files):
    return [(f.path, line, found.strip()[:80]) for f in files for line, found in f.comments + f.strings if GLOSSARY.search(found)]


def bare_participles(_, files):
    return [(f.path, line, found) for f in files for line, found in f.lines_of(PARTICIPLE) if re.search(r"fn\s+(\w+)", found)[1] not in NOT_PARTICIPLES]


def crate_of(path):
    return path.split("src/")[0]


def types_of_one_name(_, files):
    seen = collections.defaultdict(list)
    declared = re.compile(r"^(?:pub(?:\([^)]*\))?\s+)?(?:struct|enum|trait|union)\s+(\w+)", re.M)
    for f in files:
        for match in declared.finditer(f.code):
            seen[crate_of(f.path), match[1]].append((f.path, f.body.count("\n", 0, match.start()) + 1, match[1]))
    return [place for places in seen.values() if len(places) > 1 for place in places[1:]]


def local_closures(_, files):
    return [(f.path, line, found) for f in files for line, found in f.lines_of(re.compile(r"\blet\s+(?:mut\s+)?\w+\s*=\s*(?:move\s*)?\|"))]


def catch_all_arms(_, files):
    """`_ =>` arms in the modules that match on changes, log records, effects, messages and dialog responses."""
    strict = re.compile(r"src/(tui/(update|perform|msg)|change|local/(apply|undo)|store/(said|log|items))")
    return [(f.path, line, found) for f in files if strict.search(f.path) for line, found in f.lines_of(re.compile(r"^\s*_ =>.*$", re.M))]


def forbidden_dependencies(root, _):
    places = []
    for package, names in FORBIDDEN.items():
        tree = subprocess.run(["cargo", "tree", "-p", package, "-e", "normal", "--prefix", "none", "--locked"], cwd=root, text=True, capture_output=True)
        if tree.returncode:
            places.append((package, 0, tree.stderr.strip()[-200:]))
        have = {line.split()[0] for line in tree.stdout.splitlines() if line}
        places += [(package, 0, f"depends on {name}") for name in names if name in have]
    return places


CHECKS = {
    "files-in-circles": files_in_circles,
    "upward-imports": upward_imports,
    "sql-outside-store": sql_outside_store,
    "drivers-outside-engines": drivers_outside_engines,
    "forbidden-dependencies": forbidden_dependencies,
    "lines-over-100": long_lines,
    "markdown-lines-over-120": long_markdown_lines,
    "doc-openings": doc_openings,
    "glossary": glossary,
    "bare-participles": bare_participles,
    "types-of-one-name": types_of_one_name,
    "local-closures": local_closures,
    "catch-all-arms": catch_all_arms,
}

# A package with one fault for each check.
FAULTY = {
    "Cargo.toml": '[package]\nname = "estate"\nversion = "0.1.0"\nedition = "2024"\n[dependencies]\ntokio = { path = "tokio" }\n[workspace]\n',
    "tokio/Cargo.toml": '[package]\nname = "tokio"\nversion = "0.1.0"\nedition = "2024"\n',
    "tokio/src/lib.rs": "",
    "README.md": "x" * 121 + "\n",
    "src/lib.rs": "mod a;\nmod b;\nmod tui;\n",
    "src/a.rs": "use crate::b::B;\n/// Whether it is.\nfn judged() {}\npub struct A;\nfn f() { let g = |x: u8| x; }\n",
    "src/b.rs": 'use crate::a::A;\nuse rusqlite::Row;\npub struct A;\n// for whoever reads\nconst Q: &str = "SELECT 1";\n' + "// " + "x" * 100 + "\n",
    "src/tui.rs": "mod update;\n",
    "src/tui/update.rs": "use crate::cli::X;\nfn f(x: u8) { match x {\n  _ => {}\n} }\n",
}


def measure(root):
    files = sources(root)
    return {name: check(root, files) for name, check in CHECKS.items()}


def self_test():
    with tempfile.TemporaryDirectory() as root:
        for name, text in FAULTY.items():
            path = os.path.join(root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
        subprocess.run(["cargo", "generate-lockfile", "--offline", "--quiet"], cwd=root, check=True)
        blind = [name for name, places in measure(root).items() if not places]
    print("\n".join(f"{name}: does not see its fault" for name in blind) or f"{len(CHECKS)} checks, each saw its fault")
    return bool(blind)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tighten", action="store_true")
    parser.add_argument("--list", metavar="NAME", choices=CHECKS)
    parser.add_argument("--self-test", action="store_true")
    asked = parser.parse_args()
    if asked.self_test:
        return self_test()
    root = os.path.dirname(HERE)
    if asked.list:
        print("\n".join("%s:%d: %s" % place for place in CHECKS[asked.list](root, sources(root))))
        return 0
    with open(LIMITS, "rb") as f:
        limits = tomllib.load(f)
    found = {name: len(places) for name, places in measure(root).items()}
    if asked.tighten:
        found = {name: min(count, limits.get(name, count)) for name, count in found.items()}
        with open(LIMITS, "w", encoding="utf-8") as f:
            f.write("# Limits of structure.py. They only become lower: `.ci/structure.py --tighten`.\n")
            f.writelines(f"{name} = {count}\n" for name, count in found.items())
        return 0
    failed = False
    for name, count in found.items():
        limit = limits.get(name)
        if count != limit:
            failed = True
            advice = f".ci/structure.py --list {name}" if limit is None or count > limit else "record it: .ci/structure.py --tighten"
            print(f"{name}: {count}, limit {limit}; {advice}")
    print("structure: " + ", ".join(f"{name} {count}" for name, count in found.items()))
    return failed


if __name__ == "__main__":
    sys.exit(main())
