-- Queries of the views, of a peer, and of neither.
CREATE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'postgres', database = :'source_db');
SELECT p.name, count(m.name) AS mirrors FROM peers p LEFT JOIN mirrors m ON m.source = p.name GROUP BY p.name;
SELECT id::text || '!' AS id, kind = 'POSTGRES' AS is_postgres FROM public.peers WHERE name LIKE 's%';
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n;
SELECT * FROM src.public.items ORDER BY id;
SELECT count(*) FROM src.public.items WHERE name IS NULL;
SELECT * FROM mirror;
SELECT nam FROM peers;
SELECT name FROM peers WHERE;
SELECT * FROM src.public.itemz;
SELECT * FROM scr.public.items;
SELECT relname, relkind FROM pg_class ORDER BY relname;
SELECT * FROM pg_nothing;
INSERT INTO peers VALUES (1);
UPDATE peers SET name = 'y';
CREATE TABLE t (a int);
-- A query without end ends at its time.
SET statement_timeout = '200ms';
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n;
SET statement_timeout = 'soon';
RESET statement_timeout;
SHOW statement_timeout;
-- Transactions are answered as drivers expect.
BEGIN;
SELECT 1 AS one;
SELECT nope;
SELECT 1 AS one;
COMMIT;
SELECT 'still here' AS answer;
