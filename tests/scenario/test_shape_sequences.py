"""Random sequences of changes of a table's shape and of its rows, several tables of one mirror at a time, with pauses and kills
between: at the end the target is equal, or the mirror has stopped and said what to run, and that makes it equal."""
import random
import re

import psycopg2
import pytest

from support.process import wait_for

TYPES = ["int", "int DEFAULT 5", "text", "text DEFAULT 'a b'", "numeric(12,2)", "text NOT NULL DEFAULT ''", "varchar(4000)", "smallint"]
# What each becomes by ALTER ... TYPE; most are followed, some stop the mirror.
WIDER = {"smallint": ["int", "bigint"], "int": ["bigint", "numeric", "text"], "bigint": ["numeric", "text", "int"], "numeric": ["text"],
         "numeric(12,2)": ["numeric(14,2)", "numeric(14,2)", "numeric"], "numeric(14,2)": ["numeric(16,2)"], "numeric(16,2)": ["text"],
         "varchar(4000)": ["varchar(5000)", "varchar", "text"], "varchar(5000)": ["text"], "text": ["varchar"], "varchar": ["text"]}


class Sequence:
    """What is done to a table, from a seed; `columns` are those of now, by name."""

    def __init__(self, world, seed):
        self.world, self.random, self.table = world, random.Random(seed), f"t{seed}"
        self.columns, self.dropped, self.serial, self.rows = {"a": "text", "b": "int"}, [], 0, 50
        self.done = []
        self.sql("CREATE TABLE items (id int PRIMARY KEY, n int, a text, b int)", "ALTER TABLE items ALTER a SET STORAGE EXTERNAL",
                 "INSERT INTO items SELECT g, g, 'a' || g, -g FROM generate_series(1, 50) g")

    def sql(self, *statements):
        statements = [re.sub(r"\bitems\b", self.table, statement) for statement in statements]
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

    def step(self):
        step = self.random.random()
        if step < 0.35:
            self.sql(*self.rows_changed())
        elif step < 0.75:
            self.sql(self.altered())
        else:
            self.sql("BEGIN", *self.rows_changed(), self.altered(), *self.rows_changed(), "COMMIT")


class Sequences:
    """Of the tables of one mirror, by seeds, and what happens to peerd between their steps."""

    def __init__(self, world, seeds, drops):
        self.world, self.random, self.drops, self.paused = world, random.Random(f"{seeds} {world.kind}"), drops, False
        self.all, self.stops = [Sequence(world, seed) for seed in seeds], []
        options = {"dropped_columns": "drop"} if drops else {}
        # In portions of a few changes a transaction is open at the target for long.
        options |= self.random.choice([{}, {"spool": "always"}, {"max_batch_size": 10}, {"spool": "always", "max_batch_size": 10}])
        self.note(str(options))
        world.start_mirror([f"public.{one.table}" for one in self.all], **options)

    def note(self, what):
        for one in self.all:
            one.done.append(f"-- {what}")

    def run(self):
        for _ in range(7):
            for one in self.all:
                one.step()
            self.meanwhile()
        if self.paused:
            self.world.resume()
        self.touch()

    def touch(self):
        """A topic's older messages have the columns of then: each row comes once more."""
        for one in self.all:
            one.sql("UPDATE items SET n = n + 1")

    def meanwhile(self):
        what = self.random.choice(["nothing", "settle", "settle", "pause", "kill"])
        if self.world.mirror()["state"] == "FAILED":
            return self.random.random() < 0.5 and self.cure()
        self.note(what)
        if self.paused:
            self.world.resume()
            self.paused = False
        elif what == "settle":
            self.settle()
        elif what == "pause":
            try:
                self.world.pause()
                self.paused = True
            except psycopg2.Error:
                if self.world.mirror()["state"] != "FAILED":  # Meanwhile.
                    raise
        elif what == "kill":
            self.world.peerd.kill9()
            self.world.peerd.start()
        return None

    def settle(self):
        """True when all has arrived, false when the mirror has stopped."""
        try:
            self.world.wait_caught_up(60)
            return True
        except AssertionError:
            if self.world.mirror()["state"] != "FAILED":
                raise
            return False

    def cure(self):
        """Runs what the mirror says."""
        world, stopped = self.world, self.world.mirror()
        names = {f"public.{one.table}" for one in self.all} & set(re.findall(r"public\.t\d+", stopped["last_error"] or ""))
        assert len(names) == 1, stopped
        hint = stopped["last_error_hint"]
        self.stops.append(stopped["last_error"])
        self.note(f"{stopped['last_error']} / {hint}")
        if "run at the target: " in hint:
            statement = hint.split("run at the target: ")[1].split(";")[0]
            if world.kind == "postgres":
                world.at_target(statement)
            else:
                world.target.text(statement.replace("ALTER TABLE `", f"ALTER TABLE `{world.target_db}`.`"))
        else:
            assert "RESYNC TABLE" in hint or "DROP MIRROR and CREATE MIRROR" in hint, stopped
            world.peerd.sql(f"RESYNC TABLE {names.pop()} OF {world.mirror_name}")
        world.resume()

    def end(self):
        for _ in range(6 * len(self.all)):
            if self.settle():
                break
            self.cure()
            if self.world.kind == "kafka":
                self.touch()
        wait_for("all rows to be there", lambda: self.world.wait_caught_up()["consistent"], 90)
        assert self.world.compare() > 0
        if self.drops:
            for one in self.all:
                assert columns_at(self.world, one.table) == {"id", "n", *one.columns}, one.table


def columns_at(world, table):
    """All but peerd's own."""
    if world.kind == "postgres":
        found = [row[0] for row in world.at_target(f"SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass"
                                                   " AND attnum > 0 AND NOT attisdropped")]
    else:
        found = [row["name"] for row in world.at_target(
            f"SELECT name FROM system.columns WHERE database = currentDatabase() AND table = '{table}'")]
    return {name for name in found if "peerd" not in name.lower()}


def groups(full):
    """(target, dropped_columns = 'drop', seeds)"""
    kinds = [("postgres", False), ("clickhouse", False), ("postgres", True), ("clickhouse", True), ("kafka", False)]
    for group in range(5, 50) if full else range(5):
        kind, drops = kinds[group % 5]
        yield pytest.param(kind, drops, range(4 * group, 4 * group + 4), id=f"{kind}-{'drop' if drops else 'keep'}-{4 * group}",
                           marks=[pytest.mark.full] if full else [])


@pytest.mark.parametrize("kind, drops, seeds", [*groups(False), *groups(True)])
def test_sequences_end_equal_or_stop_with_what_makes_them_equal(new_world, kind, drops, seeds):
    world = new_world(kind)
    sequences = Sequences(world, seeds, drops)
    try:
        sequences.run()
        sequences.end()
    except BaseException:
        for one in sequences.all:
            print(f"--- what was done to {one.table}:", *one.done, sep="\n")
        raise
    print(f"{kind}: seeds {seeds.start} to {seeds.stop - 1} are equal, after {len(sequences.stops)} stops", *sequences.stops, sep="\n  ")
