"""Random sequences of changes of a table's shape and of its rows, with pauses and kills between: at the end the target is
equal, or the mirror has stopped and said what to run, and that makes it equal."""
import random

import pytest

from support.process import wait_for

TYPES = ["int", "int DEFAULT 5", "text", "text DEFAULT 'a b'", "numeric(12,2)", "text NOT NULL DEFAULT ''", "varchar(4000)", "smallint"]
# What each becomes by ALTER ... TYPE; most are followed, some stop the mirror.
WIDER = {"smallint": ["int", "bigint"], "int": ["bigint", "numeric", "text"], "bigint": ["numeric", "text", "int"], "numeric": ["text"],
         "numeric(12,2)": ["numeric(14,2)", "numeric(14,2)", "numeric"], "numeric(14,2)": ["numeric(16,2)"], "numeric(16,2)": ["text"],
         "varchar(4000)": ["varchar(5000)", "varchar", "text"], "varchar(5000)": ["text"], "text": ["varchar"], "varchar": ["text"]}


class Sequence:
    """What is done to public.items, from a seed; `columns` are those of now, by name."""

    def __init__(self, world, seed):
        self.world, self.random = world, random.Random(seed)
        self.columns, self.dropped, self.serial, self.rows, self.paused = {"a": "text", "b": "int"}, [], 0, 50, False
        self.done = []

    def sql(self, *statements):
        self.done += statements
        self.world.sql("; ".join(statements))

    def value(self, kind):
        if kind.startswith(("text", "varchar")):
            return f"repeat(md5(random()::text), {self.random.choice((1, 1, 100))})"
        return "(random() * 1000)::int"

    def rows_changed(self):
        kinds = ["insert", "update", "touch", "move", "delete"]
        return [getattr(self, self.random.choice(kinds))() for _ in range(self.random.randint(1, 3))]

    def insert(self):
        first, self.rows = self.rows + 1, self.rows + self.random.randint(1, 20)
        chosen = [name for name in self.columns if self.random.random() < 0.7]
        return (f"INSERT INTO items (id, n{''.join(', ' + name for name in chosen)}) SELECT g, g"
                f"{''.join(', ' + self.value(self.columns[name]) for name in chosen)} FROM generate_series({first}, {self.rows}) g")

    def some(self):
        return f"id % {self.random.randint(2, 7)} = 0"

    def update(self):
        if not self.columns:
            return self.touch()
        name = self.random.choice(sorted(self.columns))
        return f"UPDATE items SET {name} = {self.value(self.columns[name])} WHERE {self.some()}"

    def touch(self):
        return f"UPDATE items SET n = n + 1 WHERE {self.some()}"

    def move(self):
        self.rows += 1
        return f"UPDATE items SET id = {self.rows} WHERE id = (SELECT min(id) FROM items)"

    def delete(self):
        return f"DELETE FROM items WHERE id = (SELECT max(id) FROM items WHERE {self.some()})"

    def altered(self):
        chance = self.random.random()
        if len(self.columns) > 1 and chance < 0.15:
            return self.swapped()
        if self.columns and chance < 0.3:
            return self.renamed()
        if self.columns and chance < 0.5:
            return self.retyped()
        if self.columns and chance < 0.55:
            return self.null_or_not()
        if self.columns and chance < 0.7:
            name = self.random.choice(sorted(self.columns))
            del self.columns[name]
            self.dropped.append(name)
            return f"ALTER TABLE items DROP {name}"
        self.serial += 1
        again = self.dropped and self.random.random() < 0.15
        name = self.dropped.pop() if again else f"col{self.serial}"
        self.columns[name] = self.random.choice(TYPES)
        return f"ALTER TABLE items ADD {name} {self.columns[name]}"

    def renamed(self):
        """Now and then to a name that another column had."""
        old = self.random.choice(sorted(self.columns))
        self.serial += 1
        again = self.dropped and self.random.random() < 0.15
        new = self.dropped.pop() if again else f"col{self.serial}"
        self.columns[new] = self.columns.pop(old)
        return f"ALTER TABLE items RENAME {old} TO {new}"

    def retyped(self):
        """Now and then the values change with it, of which the WAL tells nothing."""
        name = self.random.choice(sorted(self.columns))
        old, rest = (self.columns[name].split(" ", 1) + [""])[:2]
        new = self.random.choice(WIDER[old])
        self.columns[name] = f"{new} {rest}".strip()
        text = old.startswith(("text", "varchar"))
        using = f" USING {f'upper({name})' if text else f'{name} % 1000 + 1'}" if self.random.random() < 0.3 else ""
        return f"ALTER TABLE items ALTER {name} TYPE {new}{using}"

    def null_or_not(self):
        """Only what has a default can be NOT NULL here: inserts name some of the columns."""
        name = self.random.choice(sorted(self.columns))
        kind = self.columns[name]
        if "NOT NULL" in kind:
            self.columns[name] = kind.replace(" NOT NULL", "")
            return f"ALTER TABLE items ALTER {name} DROP NOT NULL; UPDATE items SET {name} = NULL WHERE {self.some()}"
        if "DEFAULT" not in kind:
            return f"UPDATE items SET {name} = NULL WHERE {self.some()}"
        self.columns[name] = kind.replace(" DEFAULT", " NOT NULL DEFAULT")
        return f"UPDATE items SET {name} = DEFAULT WHERE {name} IS NULL; ALTER TABLE items ALTER {name} SET NOT NULL"

    def swapped(self):
        one, other = self.random.sample(sorted(self.columns), 2)
        self.columns[one], self.columns[other] = self.columns[other], self.columns[one]
        return "; ".join(f"ALTER TABLE items RENAME {old} TO {new}" for old, new in ((one, "aside"), (other, one), ("aside", other)))

    def meanwhile(self):
        """What happens to peerd."""
        what = self.random.choice(["nothing", "nothing", "settle", "settle", "pause", "kill"])
        self.done.append(what)
        if self.world.mirror()["state"] == "FAILED":
            return
        if self.paused:
            self.world.resume()
            self.paused = False
        elif what == "settle":
            self.settle()
        elif what == "pause":
            self.world.pause()
            self.paused = True
        elif what == "kill":
            self.world.peerd.kill9()
            self.world.peerd.start()

    def settle(self):
        """True when all has arrived, false when the mirror has stopped."""
        try:
            self.world.wait_caught_up(60)
            return True
        except AssertionError:
            if self.world.mirror()["state"] != "FAILED":
                raise
            return False

    def run(self):
        for _ in range(self.random.randint(5, 9)):
            step = self.random.random()
            if step < 0.35:
                self.sql(*self.rows_changed())
            elif step < 0.75:
                self.sql(self.altered())
            else:
                self.sql("BEGIN", *self.rows_changed(), self.altered(), *self.rows_changed(), "COMMIT")
            self.meanwhile()
        if self.paused:
            self.world.resume()
        self.sql("UPDATE items SET n = n + 1")


def cure(world):
    """Runs what the mirror says."""
    stopped = world.mirror()
    assert stopped["last_error"] and "public.items" in stopped["last_error"], stopped
    hint = stopped["last_error_hint"]
    if "run at the target: " in hint:
        statement = hint.split("run at the target: ")[1].split(";")[0]
        if world.kind == "postgres":
            world.at_target(statement)
        else:
            world.target.text(statement.replace("ALTER TABLE `", f"ALTER TABLE `{world.target_db}`.`"))
        return world.resume()
    assert "RESYNC" in hint or "DROP MIRROR and CREATE MIRROR" in hint, stopped
    world.drop()
    world.at_target("DROP TABLE items") if world.kind == "postgres" else world.target.text(f"DROP TABLE `{world.target_db}`.items SYNC")
    world.create_mirror(["public.items"], "RUNNING")


@pytest.mark.parametrize("seed", [*range(8), *[pytest.param(seed, marks=pytest.mark.full) for seed in range(8, 200)]])
def test_a_sequence_ends_equal_or_stops_with_what_makes_it_equal(new_world, seed):
    world = new_world(["postgres", "clickhouse"][seed % 2])
    world.sql("CREATE TABLE items (id int PRIMARY KEY, n int, a text, b int); ALTER TABLE items ALTER a SET STORAGE EXTERNAL;"
              "INSERT INTO items SELECT g, g, 'a' || g, -g FROM generate_series(1, 50) g")
    world.start_mirror(["public.items"])
    sequence = Sequence(world, seed)
    try:
        sequence.run()
        for _ in range(5):
            if sequence.settle():
                break
            cure(world)
        wait_for("all rows to be there", lambda: world.wait_caught_up()["consistent"], 60)
        assert world.compare() > 0
    except BaseException:
        print("--- what was done:", *sequence.done, sep="\n")
        raise
