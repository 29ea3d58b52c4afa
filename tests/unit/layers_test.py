"""Holds every #include, header and file against src/layers.txt and docs/architecture.md. Run by pytest; stdlib only."""

import pathlib
import re
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^">]+)[">]', re.MULTILINE)
MOST_LINES = 500

# What is included -> the only folder (or file) that may include it.
CONFINED = [
    (re.compile(r"^boost/"), "src/net/"),
    (re.compile(r"\.pb\.h$|^google/protobuf/"), "src/rest/"),
    (re.compile(r"^sqlite3(ext)?\.h$"), "src/sqlite/"),
    (re.compile(r"^(librdkafka/|rdkafka)"), "src/targets/kafka/"),
    (re.compile(r"^(spdlog|fmt)/"), "src/base/log.cc"),
]


def read_layers(root):
    lines = (root / "src/layers.txt").read_text().splitlines()
    lines = [line.split() for line in lines if line.strip() and not line.startswith("#")]
    return {module: height for height, modules in enumerate(lines) for module in modules}


def files(root, *folders):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def module_of(name):
    """The module that the file belongs to: src/<module>/… or include/peerd/<module>/…"""
    parts = name.split("/")
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else ""
    return parts[2] if parts[:2] == ["include", "peerd"] and len(parts) > 3 else ""


def private_fault(root, name, included):
    """A quoted include that is not peerd/…: a private header of the file's own module, never of another one."""
    if name.startswith("include/"):
        return "a public header includes the private " + included
    home = root / "src" / module_of(name)
    beside = (root / name).parent / included
    found = next((path.resolve() for path in (home / included, beside) if path.is_file()), None)
    if found is None or not found.is_relative_to(home.resolve()):
        return f"{included} is no header of module {module_of(name)}"
    parts = name.split("/")
    if parts[1] == "targets" and len(parts) > 3:
        kind = home.resolve() / parts[2]
        if not found.is_relative_to(kind) and found.parent != home.resolve():  # what lies beside the kinds is theirs together
            return f"target {parts[2]} includes {included}, which is not its own"
    return None


def layer_fault(layers, name, included):
    own, other = module_of(name), included.split("/")[1]
    if other not in layers:
        return f"{included}: no module {other} in src/layers.txt"
    if other != own and layers[other] >= layers[own]:
        return f"{own} includes {included}, but {other} is not below it"
    return None


def include_faults(root, layers, name, text):
    if module_of(name) not in layers:
        return [f"{name}: its folder is no module of src/layers.txt"]
    faults = []
    for quote, included in INCLUDE.findall(text):
        confined = next((place for pattern, place in CONFINED if pattern.search(included)), None)
        if confined is not None:
            if not name.startswith(confined):
                faults.append(f"{name}: {included} may be included in {confined} alone")
        elif included.endswith("json.hpp"):
            if name.endswith(".h"):
                faults.append(f"{name}: a header includes {included}")
        else:
            fault = None
            if included.startswith("peerd/"):
                fault = layer_fault(layers, name, included)
            elif quote == '"':
                fault = private_fault(root, name, included)
            if fault:
                faults.append(f"{name}: {fault}")
    return faults


def all_faults(root):
    layers = read_layers(root)
    faults = []
    for path in files(root, "src", "include"):
        if path.suffix not in (".h", ".cc", ".hpp", ".cpp"):
            continue
        name, text = path.relative_to(root).as_posix(), path.read_text()
        faults += include_faults(root, layers, name, text)
        if path.suffix in (".h", ".hpp") and "#pragma once" not in text:
            faults.append(f"{name}: no #pragma once")
    for path in files(root, "src", "include", "tests"):
        if path.suffix in (".h", ".cc", ".py", ".sh"):
            count = len(path.read_text().splitlines())
            if count > MOST_LINES:
                faults.append(f"{path.relative_to(root).as_posix()}: {count} lines, more than {MOST_LINES}")
    return faults


def test_the_tree_keeps_its_layers():
    faults = all_faults(ROOT)
    assert not faults, "\n" + "\n".join(faults)


def faults_of(tree):
    """The faults of a small tree, given as {name: text}."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        tree = {"src/layers.txt": "base\nchanges\nnet postgres sqlite\nsources targets\nrest\n", **tree}
        for name, text in tree.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        return all_faults(root)


GOOD = {
    "include/peerd/base/error.h": "#pragma once\n#include <string>\n",
    "include/peerd/changes/lsn.h": '#pragma once\n#include "peerd/base/error.h"\n',
    "src/base/log.cc": '#include <spdlog/spdlog.h>\n#include "peerd/base/error.h"\n',
    "src/net/http.cc": "#include <boost/asio.hpp>\n",
    "src/sqlite/sqlite.cc": "#include <sqlite3.h>\n",
    "src/rest/codec.cc": '#include "route.pb.h"\n#include <google/protobuf/message.h>\n#include <nlohmann/json.hpp>\n',
    "src/targets/kafka/client.cc": '#include <librdkafka/rdkafka.h>\n#include "kafka/encode.h"\n',
    "src/targets/kafka/encode.h": '#pragma once\n#include "peerd/changes/lsn.h"\n#include "calendar.h"\n',
    "src/targets/calendar.h": "#pragma once\n#include <string>\n",
}


def test_a_good_tree_has_no_faults():
    assert faults_of(GOOD) == []


BAD = [
    ("include/peerd/base/up.h", '#pragma once\n#include "peerd/changes/lsn.h"\n', "changes is not below it"),
    ("src/net/side.cc", '#include "peerd/postgres/connection.h"\n', "postgres is not below it"),
    ("src/base/up.cc", '#include <peerd/changes/lsn.h>\n', "changes is not below it"),
    ("src/base/up.cc", ' #  include "peerd/changes/lsn.h"\n', "changes is not below it"),
    ("src/base/who.cc", '#include "peerd/misc/any.h"\n', "no module misc"),
    ("src/misc/a.cc", "", "no module of src/layers.txt"),
    ("include/peerd/any.h", "#pragma once\n", "no module of src/layers.txt"),
    ("src/sources/a.cc", '#include "kafka/encode.h"\n', "no header of module sources"),
    ("src/sources/a.cc", '#include "../targets/kafka/encode.h"\n', "no header of module sources"),
    ("include/peerd/targets/t.h", '#pragma once\n#include "kafka/encode.h"\n', "a public header includes the private"),
    ("src/targets/clickhouse/a.cc", '#include "kafka/encode.h"\n', "which is not its own"),
    ("src/targets/clickhouse/a.cc", '#include "../kafka/encode.h"\n', "which is not its own"),
    ("src/targets/a.cc", "#include <boost/beast.hpp>\n", "src/net/ alone"),
    ("include/peerd/net/http.h", "#pragma once\n#include <boost/asio.hpp>\n", "src/net/ alone"),
    ("src/targets/a.cc", '#include "route.pb.h"\n', "src/rest/ alone"),
    ("src/rest/a.cc", "#include <sqlite3.h>\n", "src/sqlite/ alone"),
    ("src/targets/a.cc", "#include <librdkafka/rdkafka.h>\n", "src/targets/kafka/ alone"),
    ("src/base/error.cc", "#include <spdlog/spdlog.h>\n", "src/base/log.cc alone"),
    ("src/rest/codec.h", "#pragma once\n#include <nlohmann/json.hpp>\n", "a header includes nlohmann/json.hpp"),
    ("src/rest/codec.h", "class A;\n", "no #pragma once"),
    ("src/base/long.cc", "\n" * 501, "501 lines"),
    ("tests/unit/base/long_test.cc", "\n" * 501, "501 lines"),
]


def test_each_violation_is_found():
    for name, text, expected in BAD:
        faults = faults_of({**GOOD, name: text})
        assert len(faults) == 1 and name in faults[0] and expected in faults[0], (name, text, faults)
