#!/bin/bash
# Entry point of verify.sh's stand-in for the official postgres image: the same two variables, the same directory.
set -eu
bin=$(echo /usr/lib/postgresql/*/bin)
export PATH=$bin:$PATH PGDATA=/var/lib/postgresql/data/main
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chown -R postgres:postgres /var/lib/postgresql/data
  install -o postgres -m 0600 /dev/stdin /tmp/password <<<"$POSTGRES_PASSWORD"
  runuser -u postgres -- initdb -A scram-sha-256 -U postgres -E UTF8 --locale=C --pwfile=/tmp/password >/dev/null
  rm /tmp/password
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  echo "host replication all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  PGPASSWORD=$POSTGRES_PASSWORD runuser -u postgres -- pg_ctl -s -w -o "-c listen_addresses='' -c unix_socket_directories=/tmp" start
  PGPASSWORD=$POSTGRES_PASSWORD psql -qh /tmp -U postgres -c "CREATE DATABASE \"$POSTGRES_DB\""
  runuser -u postgres -- pg_ctl -s -w -m fast stop
fi
if [ "${1:-}" = postgres ]; then shift; fi
exec runuser -u postgres -- postgres -c "listen_addresses=*" -c unix_socket_directories=/tmp "$@"
