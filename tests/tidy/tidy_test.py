# Holds architecture.md against the sources: arrows between folders, homes of foreign libraries and
# of calls, the form of files. Sizes are a habit and not held here; .clang-tidy and the compilers
# hold what needs to understand C++.
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from tests.tidy import rules

ROOT = pathlib.Path(__file__).resolve().parents[2]
CXX = (".cc", ".h")
COMMENTS = {  # suffix or name: how a comment line begins
    **dict.fromkeys((".c", ".cc", ".h", ".proto", ".mjs", ".js", ".ts"), "//"),
    **dict.fromkeys((".py", ".sh", ".cmake", ".yaml", ".yml", ".service", ".socket", ".sysusers",
                     ".env", ".conf", "CMakeLists.txt", ".npmrc", "run"), "#"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^">]+)[">]', re.M)


def tracked() -> list[str]:
    """Files of the repository, also new ones that are not committed yet, but not ignored ones."""
    if shutil.which("git") and (ROOT / ".git").exists():
        done = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT,
                              check=True, capture_output=True, text=True)
        return sorted(name for name in done.stdout.splitlines()
                      if (ROOT / name).is_file() or (ROOT / name).is_symlink())
    # Sources without git, as a package has them: what .gitignore names is left out by hand.
    names = []
    for folder, below, files in os.walk(ROOT):
        below[:] = [d for d in below if d not in {".git", "build", "node_modules", "__pycache__",
                                                  ".cache"}]
        names += [str((pathlib.Path(folder) / name).relative_to(ROOT)) for name in files]
    return sorted(name for name in names if not name.endswith(".pyc"))


FILES = tracked()
SOURCES = [name for name in FILES if name.endswith(CXX)]
OURS = [name for name in SOURCES if name.startswith(("relay/", "proto/", "control/"))]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def includes_of(name: str) -> list[str]:
    return INCLUDE.findall(text_of(name))


# Raw strings first: they may hold quotes and what looks like a comment.
NOT_CODE = re.compile(
    r'R"(?P<mark>[^()\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)


def blanked(text: str) -> str:
    """The text with comments and strings emptied, every line where it was."""
    return NOT_CODE.sub(lambda found: "\n" * found[0].count("\n"), text)


def room_of(name: str) -> str:
    parts = name.split("/")
    return "main" if len(parts) == 2 else parts[1]


def module_of(name: str) -> str:
    return name.rsplit(".", 1)[0]


class Arrows(unittest.TestCase):
    def test_rooms_of_the_relay(self):
        for name in SOURCES:
            if not name.startswith("relay/"):
                continue
            room = room_of(name)
            self.assertIn(room, rules.ROOMS, f"{name}: a room that architecture.md does not name")
            for header in includes_of(name):
                if header.startswith("relay/") and room_of(header) != room:
                    self.assertIn(room_of(header), rules.ROOMS[room],
                                  f"{name} includes {header}: {room} may not")

    def test_contract_and_programs(self):
        for name in OURS:
            for header in includes_of(name):
                where = f"{name} includes {header}"
                self.assertFalse(header.startswith("tests/"), where)
                if name.startswith("proto/"):
                    self.assertFalse(header.startswith("control/"), where)
                    if header.startswith("relay/"):
                        self.assertTrue(header.startswith("relay/base/"), where)
                if name.startswith("relay/"):
                    self.assertFalse(header.startswith("control/"), where)
                    if header.startswith(("proto/", "culvert/v1/")):
                        self.assertIn(room_of(name), rules.MAY_INCLUDE_PROTO, where)
                if name.startswith("control/") and header.startswith("relay/"):
                    self.assertTrue(header.startswith(("relay/base/", "relay/crypto/")), where)

    def test_own_headers_are_named_from_the_root(self):
        for name in SOURCES:
            for header in re.findall(r'^#include "([^"]+)"', text_of(name), re.M):
                known = (ROOT / header).is_file() or header.startswith("culvert/v1/")
                self.assertTrue(known, f"{name} includes {header}, which is no path from the root")


class Homes(unittest.TestCase):
    def test_foreign_headers(self):
        for name in OURS:
            for header in includes_of(name):
                for start, homes in rules.HOMES.items():
                    if header.startswith(start):
                        self.assertTrue(name.startswith(homes),
                                        f"{name} includes {header}; its home is {homes}")

    def test_calls(self):
        for name in OURS:
            for number, line in enumerate(blanked(text_of(name)).split("\n"), 1):
                for pattern, homes, why in rules.BANNED:
                    found = re.search(pattern, line)
                    if found and not (homes and name.startswith(homes)):
                        self.fail(f"{name}:{number}: {found[0].strip()}: {why}")


class Form(unittest.TestCase):
    def test_top_level(self):
        extra = {name.split("/")[0] for name in FILES} - rules.TOP_LEVEL
        self.assertEqual(set(), extra, "the top level is fixed")

    def test_file_headers(self):
        for name in FILES:
            base = name.rsplit("/", 1)[-1]
            if name.startswith("tests/data/"):
                continue  # what programs are fed, byte for byte
            mark = COMMENTS.get(base) or COMMENTS.get(pathlib.PurePath(name).suffix)
            if mark is None:
                continue
            lines = text_of(name).split("\n")
            if lines[0].startswith("#!"):
                lines = lines[1:]
            count = next((i for i, line in enumerate(lines) if not line.startswith(mark)), 0)
            self.assertTrue(1 <= count <= 8,
                            f"{name}: begins with {count} comment lines, not with 1 to 8")

    def test_columns(self):
        bad = []
        for name in FILES:
            if name.startswith("tests/data/"):  # bytes for programs, not text for people
                continue
            if pathlib.PurePath(name).suffix not in (*CXX, ".py", ".sh", ".mjs", ".proto", ".cmake",
                                                     ".yaml", ".txt"):
                continue
            text = text_of(name)
            # Pages that are written as one raw string keep the line breaks they send.
            text = re.sub(r'R"(\w*)\(.*?\)\1"', lambda f: '""' + "\n" * f[0].count("\n"), text,
                          flags=re.S)
            for number, line in enumerate(text.split("\n"), 1):
                if len(line) > 100:
                    bad.append(f"{name}:{number} has more than 100 columns")
                if line.rstrip() != line:
                    bad.append(f"{name}:{number} ends with a space")
        self.assertFalse(bad, "\n" + "\n".join(bad))

    def test_headers_are_included_once(self):
        for name in SOURCES:
            if name.endswith(".h"):
                self.assertIn("\n#pragma once\n", text_of(name), name)

    def test_no_links(self):
        """Where one points to is a place of one machine, or a second name of what is here."""
        self.assertEqual([], [name for name in FILES if (ROOT / name).is_symlink()])

    def test_no_places_of_one_machine(self):
        for name in FILES:
            if name == "tests/tidy/rules.py":
                continue
            data = (ROOT / name).read_bytes()
            if b"\0" in data:
                continue
            for number, line in enumerate(data.decode("utf-8", "replace").split("\n"), 1):
                for pattern in rules.PLACES:
                    self.assertIsNone(pattern.search(line), f"{name}:{number}: {line.strip()}")


class Whole(unittest.TestCase):
    def test_every_header_compiles_alone(self):
        headers = [name for name in OURS if name.endswith(".h")]
        include = os.environ.get("CULVERT_INCLUDES") or \
            ":".join(f"{ROOT / 'build'}/{folder}" for folder in (
                "release/generated", "deps/usr/include", "deps/src/mbedtls/include"))
        flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", f"-I{ROOT}",
                 '-DCULVERT_VERSION="0"', '-DMBEDTLS_CONFIG_FILE="culvert_mbedtls_config.h"',
                 f"-isystem{ROOT / 'deploy/cmake/mbedtls'}", "-x", "c++", "-"]
        for folder in include.split(":"):
            # After the compiler's own: one of them may be its /usr/include.
            flags += ["-idirafter", folder]

        def compiled(name: str) -> str:
            done = subprocess.run([os.environ.get("CXX", "g++"), *flags], text=True,
                                  input=f'#include "{name}"\n', capture_output=True)
            return "" if done.returncode == 0 else f"{name} does not compile alone:\n{done.stderr}"

        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            self.assertEqual([], [words for words in pool.map(compiled, headers) if words])

    def test_no_source_is_left_out_of_the_build(self):
        rooms = set(re.findall(r"culvert_room\((\w+)", text_of("relay/CMakeLists.txt")))
        tests = text_of("tests/CMakeLists.txt")
        unit = set(" ".join(re.findall(r"foreach\(room ([\w ]+)\)", tests)).split())
        unit |= set(re.findall(r"^culvert_unit_tests\((\w+)", tests, re.M))
        lists = {name.rsplit("/", 1)[0]: text_of(name) for name in FILES
                 if name.endswith("/CMakeLists.txt")}
        for name in SOURCES:
            if not name.endswith(".cc") or name.startswith("control/"):
                continue
            folder, base = name.rsplit("/", 1)
            parts = folder.split("/")
            if parts[0] == "relay" and len(parts) == 2:
                self.assertIn(parts[1], rooms, f"{name} is in no culvert_room()")
            elif parts[:2] == ["tests", "unit"] and len(parts) == 3:
                self.assertIn(parts[2], unit, f"{name} is in no culvert_unit_tests()")
                self.assertTrue(base.endswith("_test.cc"), f"{name} is not built: *_test.cc is")
            else:
                listed = lists.get(folder, "")
                # A fuzzer is listed by its name without the ending that all of them have.
                word = module_of(base).removesuffix("_fuzz")
                named = base in listed or re.search(rf"\b{word}\b", listed)
                globbed = "*.cc" in listed or ("*_test.cc" in listed and base.endswith("_test.cc"))
                self.assertTrue(named or globbed, f"{name} is in no CMakeLists.txt")

    def test_every_module_is_tested(self):
        modules = {module_of(name) for name in OURS if not name.startswith("control/")}
        tested = set()
        for name in SOURCES:
            if name.startswith("tests/unit/") and name.endswith("_test.cc"):
                stem = name.removeprefix("tests/unit/").removesuffix("_test.cc")
                tested |= {f"relay/{stem}", stem}
        missing = modules - tested - set(rules.TESTED_ELSEWHERE)
        self.assertEqual(set(), missing, "neither a unit test nor a reason in tests/tidy/rules.py")
        gone = set(rules.TESTED_ELSEWHERE) - modules
        self.assertEqual(set(), gone, "rules.py names modules that do not exist")

    def test_every_header_is_used(self):
        used = {header for name in SOURCES for header in includes_of(name)}
        for name in OURS:
            if name.endswith(".h") and name not in rules.INCLUDED_ELSEWHERE:
                self.assertIn(name, used, f"nothing includes {name}")


if __name__ == "__main__":
    unittest.main()
