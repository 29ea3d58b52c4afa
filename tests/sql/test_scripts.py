"""Scripts through psql and the real wire protocol: NAME.sql must print NAME.out, to the letter.

Each script has a peerd of its own, a source database with the table `items` of three rows, and an empty target database,
told as the psql variables source_port, target_port, source_db and target_db; in the output they stand as <source_port> and
so on. After a wanted change: PEERD_TEST_ACCEPT=1 writes the .out files anew; read the difference before you commit it.
"""
import glob
import os
import re
import subprocess

import pytest

from support.world import World

FOLDER = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = sorted(os.path.basename(path)[:-len(".sql")] for path in glob.glob(f"{FOLDER}/*.sql"))


@pytest.mark.parametrize("script", SCRIPTS)
def test_script(script, source, target):
    world = World(source, target, "postgres")
    world.sql("CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), (2, NULL), (3, 'ü')")
    variables = {"source_port": source.port, "target_port": target.port, "source_db": world.source_db, "target_db": world.target_db}
    arguments = [word for name, value in variables.items() for word in ("-v", f"{name}={value}")]
    try:
        done = subprocess.run(["psql", "-X", "-a", "-P", "pager=off", "-v", "VERBOSITY=verbose", world.peerd.dsn(), *arguments, "-f", f"{FOLDER}/{script}.sql"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    finally:
        world.close()
    output = done.stdout.replace(f"psql:{FOLDER}/", "psql:")
    for name, value in variables.items():
        output = re.sub(rf"\b{value}\b", f"<{name}>", output)
    output = re.sub(r"\b\d+ MB of WAL", "<n> MB of WAL", output)  # Other databases of the server write WAL, too.
    expected = f"{FOLDER}/{script}.out"
    if os.environ.get("PEERD_TEST_ACCEPT") == "1":
        with open(expected, "w") as file:
            file.write(output)
    with open(expected) as file:
        assert output == file.read()
    assert done.returncode == 0
