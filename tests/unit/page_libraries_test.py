"""src/web/libraries.sh: what is fetched is checked, and fetched once. Run by pytest; npm is a stand-in, so no network is asked."""

import base64
import hashlib
import io
import os
import pathlib
import subprocess
import tarfile

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "src/web/libraries.sh"
NPM = """#!/bin/sh
echo "$@" >>"$NPM_CALLS"
[ -e "$NPM_TARBALL" ] || { echo "npm ERR! network" >&2; exit 1; }
cp "$NPM_TARBALL" toy-1.0.0.tgz
"""
FILES = {"dist/toy.js": b'import{h}from"preact";let a=1;\n//# sourceMappingURL=toy.js.map\n', "LICENSE": b"Do as you like.\n"}


class World:
    """A package, an npm that hands it out, and a list that pins it."""

    def __init__(self, folder):
        self.folder = folder
        self.tarball, self.calls, self.list = folder / "toy.tgz", folder / "calls", folder / "libraries.txt"
        with tarfile.open(self.tarball, "w:gz") as archive:
            for name, content in FILES.items():
                info = tarfile.TarInfo("package/" + name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        (folder / "bin").mkdir()
        (folder / "bin/npm").write_text(NPM)
        (folder / "bin/npm").chmod(0o755)
        self.pin(self.tarball.read_bytes())

    def pin(self, content):
        checksum = base64.b64encode(hashlib.sha512(content).digest()).decode()
        self.list.write_text(f"# a comment\ntoy 1.0.0 sha512-{checksum} dist/toy.js=small.js\n")

    def run(self, out="out"):
        environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "PEERD_PAGE_LIBRARIES": str(self.list),
                       "PEERD_TEST_CACHE": str(self.folder / "cache"), "NPM_TARBALL": str(self.tarball), "NPM_CALLS": str(self.calls)}
        return subprocess.run([SCRIPT, self.folder / out], env=environment, capture_output=True, text=True)


def test_files_are_served_under_their_names_with_relative_imports(tmp_path):
    world = World(tmp_path)
    assert world.run().returncode == 0
    assert (tmp_path / "out/small.js").read_text() == 'import{h}from"./preact.js";let a=1;\n'
    assert (tmp_path / "out/LICENSES.txt").read_text() == "toy 1.0.0\n\nDo as you like.\n\n\n"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["LICENSES.txt", "small.js"]


def test_a_second_build_asks_nobody(tmp_path):
    world = World(tmp_path)
    assert world.run().returncode == 0
    world.tarball.unlink()
    assert world.run("other").returncode == 0
    assert len(world.calls.read_text().splitlines()) == 1
    assert (tmp_path / "other/small.js").exists()


def test_another_checksum_is_refused(tmp_path):
    world = World(tmp_path)
    world.pin(b"what was reviewed")
    result = world.run()
    assert result.returncode != 0 and "another checksum" in result.stderr and "refused" in result.stderr
    assert not (tmp_path / "out/small.js").exists()
    assert not list((tmp_path / "cache").rglob("*.tgz"))


def test_a_spoilt_cache_is_fetched_anew(tmp_path):
    world = World(tmp_path)
    (tmp_path / "cache/page").mkdir(parents=True)
    (tmp_path / "cache/page/toy-1.0.0.tgz").write_bytes(b"half a file")
    assert world.run().returncode == 0
    assert (tmp_path / "out/small.js").exists()


def test_without_network_it_says_what_to_do(tmp_path):
    world = World(tmp_path)
    world.tarball.unlink()
    result = world.run()
    assert result.returncode != 0 and "npm ERR! network" in result.stderr
    assert "npm config get registry" in result.stderr and "cache/page/toy-1.0.0.tgz" in result.stderr
