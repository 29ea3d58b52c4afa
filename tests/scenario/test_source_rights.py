"""Rights that are taken from the source's role while a mirror runs: it stops when it needs them, says which statement gives them back, and goes on."""
from support.world import options_text, postgres_options

# What is taken, how the mirror comes to need it, what is said, and what its hint begins with.
VOLATILE = "ALTER TABLE {0}.t ADD later text DEFAULT random()::text; UPDATE {0}.t SET n = 7 WHERE id = 1"
TAKEN = {
    "readable": ("REVOKE SELECT ON {0}.t FROM {1}", "permission denied", "GRANT SELECT ON"),
    "usable": ("REVOKE USAGE ON SCHEMA {0} FROM {1}", "permission denied", "GRANT USAGE ON SCHEMA"),
    "visible": ("ALTER TABLE {0}.t ENABLE ROW LEVEL SECURITY", "row-level security", "ALTER ROLE"),
}


def test_a_right_that_is_taken_while_the_mirror_runs_is_named(new_world):
    world = new_world("postgres")
    role = f"reader_{world.source_db}"
    world.source.sql(f"CREATE ROLE {role} LOGIN REPLICATION PASSWORD 'secret'")
    peers = {"readable": "from_copying", "usable": "from_reading", "visible": "from_reading"}
    for name in TAKEN:
        world.sql(f"""CREATE SCHEMA {name}; CREATE TABLE {name}.t (id int PRIMARY KEY, n int); INSERT INTO {name}.t VALUES (1, 1), (2, 2); CREATE PUBLICATION {name} FOR TABLE {name}.t;
                      GRANT USAGE ON SCHEMA {name} TO {role}; GRANT SELECT ON {name}.t TO {role}""")
    for peer in set(peers.values()):
        world.peerd.sql(f"CREATE PEER {peer} FROM POSTGRES WITH ({options_text(postgres_options(world.source, world.source_db, user=role, password='secret'))})")
    world.peerd.sql(f"CREATE PEER {world.target_peer} FROM POSTGRES WITH ({options_text(world.target_options())})")
    for name in TAKEN:
        world.peerd.sql(f"CREATE MIRROR m_{name} FROM {peers[name]} TO {world.target_peer} WITH TABLE MAPPING ({name}.t:public.{name}) WITH (publication_name = '{name}')")
    for name, (taken, _, _) in TAKEN.items():
        world.peerd.wait_state(f"m_{name}", "RUNNING")
        world.peerd.wait_caught_up(f"m_{name}", world.source, world.source_db, 60, f"{name}.t")
        world.sql(f"{taken.format(name, role)}; {VOLATILE.format(name)}")
    for name, (_, said, statement) in TAKEN.items():
        told = world.peerd.wait_state(f"m_{name}", "FAILED", 60)
        hint = told["last_error_hint"]
        assert said in told["last_error"] and hint.startswith(statement) and role in hint and "RESUME MIRROR" in hint, (name, told)
        world.sql(hint[:min(hint.index(end) for end in (", or", ", at the source") if end in hint)])
        world.peerd.sql(f"RESUME MIRROR m_{name}")
        world.peerd.wait_state(f"m_{name}", "RUNNING")
        world.peerd.wait_caught_up(f"m_{name}", world.source, world.source_db, 60, f"{name}.t")
        assert sorted(world.at_target(f"SELECT id, n, later FROM public.{name}")) == sorted(world.sql(f"SELECT id, n, later FROM {name}.t")), name
    # The walsender's own right, at its next start.
    world.peerd.sql("PAUSE MIRROR m_readable")
    world.peerd.wait_state("m_readable", "PAUSED")
    world.sql(f"ALTER ROLE {role} NOREPLICATION; UPDATE readable.t SET n = 9")
    world.peerd.sql("RESUME MIRROR m_readable")
    hint = world.peerd.wait_state("m_readable", "FAILED", 60)["last_error_hint"]
    assert "ALTER ROLE" in hint and "REPLICATION" in hint, hint
    for name in TAKEN:
        world.peerd.sql(f"DROP MIRROR m_{name} FORCE")
    world.drop_slots()
    world.sql(f"DROP OWNED BY {role}; DROP ROLE {role}")
