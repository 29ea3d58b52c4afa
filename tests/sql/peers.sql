-- Peers: made, made again, made differently, replaced, shown without secrets, dropped.
CREATE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'postgres', database = :'source_db');
CREATE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'postgres', database = :'source_db');
CREATE PEER IF NOT EXISTS src FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'postgres', database = :'source_db');
CREATE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :target_port, user = 'postgres', password = 'postgres', database = :'target_db');
CREATE OR REPLACE PEER src FROM POSTGRES WITH (host = '127.0.0.1', port = :target_port, user = 'postgres', password = 'postgres', database = :'target_db');
SELECT id, name, type, kind, options FROM peers;
-- Altered: some options set, others as they are by default; what they are together is checked as ever.
ALTER PEER src SET (connect_timeout = 9) RESET (host);
ALTER PEER src SET (connect_timeout = 9);
ALTER PEER src SET (connect_timeout = 9);
ALTER PEER src SET (password = 'wrong');
ALTER PEER src RESET (connect_timeout);
ALTER PEER src RESET (conect_timeout);
ALTER PEER src SET (hots = 'x');
ALTER PEER scr SET (port = 1);
ALTER PEER IF EXISTS scr SET (port = 1);
ALTER PEER src;
ALTER PEER src SET (password = 'a', password = 'b');
SELECT options FROM peers;
-- What is wrong is named, with what was probably meant.
CREATE PEER x FROM POSTGRES WITH (hots = 'h', port = 5432, user = 'u', database = 'd');
CREATE PEER x FROM POSTGRES WITH (host = 'h', port = 'many', user = 'u', database = 'd');
CREATE PEER x FROM POSTGRES WITH (host = 'h', port = 70000, user = 'u', database = 'd');
CREATE PEER x FROM POSTGRES WITH (port = 5432);
CREATE PEER x FROM POSTGRE WITH (host = 'h');
CREATE PEER x FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = 'wrong', database = :'source_db');
CREATE PEER FROM POSTGRES;
SELECT name FROM peers;
-- Names fold as in Postgres; quoted ones do not.
CREATE PEER "Src" FROM POSTGRES WITH (host = '127.0.0.1', port = :source_port, user = 'postgres', password = $$postgres$$, database = :'source_db');
SELECT name FROM peers ORDER BY id;
DROP PEER Src;
DROP PEER "Src";
DROP PEER "Src";
DROP PEER IF EXISTS "Src";
DELETE FROM peers WHERE name = 'nothing';
SELECT count(*) FROM peers;
