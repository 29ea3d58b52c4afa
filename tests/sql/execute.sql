-- EXECUTE runs a peer's own words, for reading; EXPLAIN CREATE MIRROR tells what stands against a mirror; SHOW lists.
CREATE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'postgres', database = :'source_db');
CREATE PEER dst FROM POSTGRES WITH (host = '127.0.0.1', port = :target_port, user = 'postgres', password = 'postgres', database = :'target_db');
EXECUTE src $$SELECT id, name FROM items ORDER BY id$$;
EXECUTE src ('SELECT count(*) AS n FROM items WHERE name = ''a''');
EXECUTE src $$SELECT name FROM items WHERE false$$;
EXECUTE src 'SHOW server_encoding';
EXECUTE src $$SELECT * FROM items; DELETE FROM items$$;
EXECUTE src $$DELETE FROM items$$;
EXECUTE src $$SET work_mem = '1MB'$$;
EXECUTE src $$SELECT nothing FROM items$$;
EXECUTE scr $$SELECT 1$$;
EXECUTE src;
EXECUTE src $$SELECT 1$$ now;
EXECUTE MIRROR m;
EXPLAIN CREATE MIRROR m FROM src TO dst WITH TABLE MAPPING (public.items:public.items);
EXPLAIN CREATE MIRROR m FROM src TO dst WITH TABLE MAPPING (public.itemz:public.items, public.none:public.none) WITH (max_batch_sise = 1);
EXPLAIN CREATE MIRROR m FROM src TO nowhere WITH TABLE MAPPING (public.items:public.items);
EXPLAIN SELECT 1;
SHOW MIRRORS;
\a
SHOW PEERS;
\a
SHOW PEERS NOW;
