-- Statements for peerd, typed with psql on port 9900. The README shows the same. psql fills in the :ports.
CREATE PEER shop FROM POSTGRES WITH
  (host = 'localhost', port = :source_port, user = 'postgres', password = 'postgres', database = 'shop');
CREATE PEER warehouse FROM CLICKHOUSE WITH
  (host = 'localhost', port = :clickhouse_port, user = 'default', password = '', database = 'shop', disable_tls = true);
CREATE PEER replica FROM POSTGRES WITH
  (host = 'localhost', port = :target_port, user = 'postgres', password = 'postgres', database = 'shop');

CREATE MIRROR shop_to_warehouse FROM shop TO warehouse
  WITH TABLE MAPPING (public.users:users, public.orders:orders)
  WITH (do_initial_copy = true);
CREATE MIRROR shop_to_replica FROM shop TO replica
  WITH TABLE MAPPING (public.users:public.users, public.orders:public.orders)
  WITH (do_initial_copy = true);

SELECT name, state, health, step FROM mirrors;
