-- A catalog of version 2 as peerd 0.1.0 wrote it, under the key a:AAAA...=. Never changed: later versions must still open it.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO "counters" VALUES('peer',2);
INSERT INTO "counters" VALUES('mirror',1);
CREATE TABLE mirror_batches (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), id BIGINT NOT NULL, at_us BIGINT NOT NULL,
  first_lsn TEXT NOT NULL, end_lsn TEXT NOT NULL, inserts BIGINT NOT NULL, updates BIGINT NOT NULL, deletes BIGINT NOT NULL,
  truncates BIGINT NOT NULL, byte_count BIGINT NOT NULL, waited_ms BIGINT NOT NULL, applied_ms BIGINT NOT NULL,
  PRIMARY KEY (mirror, id)
);
INSERT INTO "mirror_batches" VALUES(1,1,1795363189801802,'00000016/B374DA10','00000016/B374DB00',1,2,3,0,0,0,0);
CREATE TABLE mirror_chunks (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), oid BIGINT NOT NULL, start TEXT NOT NULL, number BIGINT NOT NULL,
  file_node BIGINT NOT NULL, first_block BIGINT NOT NULL, end_block BIGINT NOT NULL,
  done INTEGER NOT NULL DEFAULT 0, row_count BIGINT NOT NULL DEFAULT 0, byte_count BIGINT NOT NULL DEFAULT 0, key_range TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (mirror, oid, number)
);
INSERT INTO "mirror_chunks" VALUES(1,16384,'00000016/B374D900',0,99,0,10,1,10,100,'{"columns_mark":-7,"end":["100","ä"],"first":[],"v":1}');
INSERT INTO "mirror_chunks" VALUES(1,16384,'00000016/B374D900',1,99,10,-1,0,0,0,'{"columns_mark":-7,"end":[],"first":["100","ä"],"v":1}');
INSERT INTO "mirror_chunks" VALUES(1,16390,'00000016/B374D900',0,99,0,-1,1,20,200,'');
CREATE TABLE mirror_logs (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), id BIGINT NOT NULL, at_us BIGINT NOT NULL,
  level TEXT NOT NULL, message TEXT NOT NULL, detail TEXT NOT NULL, hint TEXT NOT NULL,
  PRIMARY KEY (mirror, id)
);
INSERT INTO "mirror_logs" VALUES(1,1,1795363189812749,'warning','the source went away','connection reset','wait');
CREATE TABLE mirror_tables (
  mirror BIGINT NOT NULL REFERENCES mirrors (id), oid BIGINT NOT NULL, position INTEGER NOT NULL,
  spec TEXT NOT NULL,                             -- JSON of the table's shape.
  start TEXT NOT NULL, planned INTEGER NOT NULL DEFAULT 0, copied INTEGER NOT NULL DEFAULT 0,
  horizon TEXT NOT NULL DEFAULT '', moves INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (mirror, oid)
);
INSERT INTO "mirror_tables" VALUES(1,16384,0,'{"columns":[{"in_key":true,"modifier":-1,"name":"id","nullable":false,"type":23,"type_name":"integer"},{"in_key":false,"missing_value":"it''s \"new\"\n","modifier":24,"name":"näme","nullable":true,"type":1043,"type_name":"character varying(20)"}],"identity":1,"key":[0],"name":"t","oid":16384,"schema":"public","target":"t","v":1}','00000016/B374D900',1,0,'',2);
INSERT INTO "mirror_tables" VALUES(1,16390,1,'{"columns":[{"in_key":true,"modifier":-1,"name":"id","nullable":false,"type":23,"type_name":"integer"},{"in_key":false,"missing_value":"it''s \"new\"\n","modifier":24,"name":"näme","nullable":true,"type":1043,"type_name":"character varying(20)"}],"identity":1,"key":[0],"name":"u","oid":16390,"schema":"public","target":"u","v":1}','00000016/B374D900',1,1,'00000016/B374DA00',0);
CREATE TABLE mirrors (
  id BIGINT PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
  source TEXT NOT NULL REFERENCES peers (name), target TEXT NOT NULL REFERENCES peers (name),
  spec TEXT NOT NULL,                             -- JSON.
  state TEXT NOT NULL, resume_to TEXT NOT NULL, reason TEXT NOT NULL, created_at_us BIGINT NOT NULL,
  epoch BIGINT NOT NULL DEFAULT 0, owner TEXT NOT NULL DEFAULT '', lease_until_us BIGINT NOT NULL DEFAULT 0,
  slot_intended INTEGER NOT NULL DEFAULT 0, slot TEXT NOT NULL DEFAULT '', slot_start TEXT NOT NULL DEFAULT '',
  system_identifier BIGINT NOT NULL DEFAULT 0, timeline BIGINT NOT NULL DEFAULT 0,
  checkpoint TEXT NOT NULL DEFAULT '', shaped_at TEXT NOT NULL DEFAULT ''
);
INSERT INTO "mirrors" VALUES(1,'bad43e24-59fe-4e34-8978-c75096811e1c','orders','src','dst','{"options":{"max_batch_size":"5000"},"tables":[{"exclude":["secret"],"source":"public.t","target":"t"},{"exclude":[],"source":"public.u","target":"u"}],"v":1}','SNAPSHOT','SNAPSHOT','copying',1795363189782382,1,'me',1795366789784842,1,'peerd_slot','00000016/B374D848',7123456789012345678,3,'00000016/B374DB00','00000016/B374D901');
CREATE TABLE peers (
  id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, kind TEXT NOT NULL,
  spec TEXT NOT NULL                              -- JSON; secrets sealed.
);
INSERT INTO "peers" VALUES(1,'src','POSTGRES','{"options":{"host":"h1","password":{"sealed":"v1:a:B5zw5PQhU8wuZFXHKxjD1Iiz2qG8YtVHHKhvxmBvYisv4K8vu7k="}},"v":1}');
INSERT INTO "peers" VALUES(2,'dst','POSTGRES','{"options":{"host":"h1","password":{"sealed":"v1:a:WLjExtIerqjMVLibQYYNu443wM84L8bRwkfppk9ibpf1mCn0joI="}},"v":1}');
CREATE TABLE schema_version (version INTEGER NOT NULL);
INSERT INTO "schema_version" VALUES(1);
INSERT INTO "schema_version" VALUES(2);
COMMIT;
