#!/bin/sh
# PostgreSQL on ext4, on a loop device, on nbdfuse, on `cowbench serve`, for each policy: transactions a second and syncs for each of them;
# then KILLS times (default 1) the server is killed under commits, everything is started again, and no acknowledged transaction may be missing.
# As root: sh runners/safety/soak/postgresql.sh [POLICY ...]. Prints a table in Markdown; exit code 1 when something was lost.
set -eu

here=$(cd "$(dirname "$0")/../../.." && pwd)
SECONDS_EACH=${SECONDS_EACH:-15}
KILLS=${KILLS:-1}
NODE=${NODE:-$here/node_modules/.bin/node}
for folder in /usr/lib/postgresql/*/bin; do PATH="$folder:$PATH"; done
PATH="$PATH:/usr/sbin:/sbin"
export PATH

work=$(mktemp -d "${DIR:-.}/cowbench-XXXXXX")
work=$(cd "$work" && pwd)
chmod 755 "$work"
mkdir "$work/fuse" "$work/mnt" "$work/socket"
chown postgres "$work/socket"
loop= server= bridge=
postgres() { runuser -u postgres -- "$@"; }
sql() { postgres psql -X -q -A -t -h "$work/socket" bench "$@"; }

serve() {
  "$NODE" "$here/runners/cli.ts" serve "$work/disk.qcow2" --socket "$work/nbd" --policy "$1" --stats 1h >"$work/stats" 2>"$work/errors" &
  server=$!
  while ! grep -q '^nbd' "$work/stats"; do sleep 0.1; kill -0 "$server" || { cat "$work/errors" >&2; exit 2; }; done
  tries=0
  while [ ! -e "$work/fuse/disk" ]; do
    # After a kill the kernel may still hold the mount before.
    [ "$tries" -lt 50 ] || { echo 'nbdfuse cannot mount' >&2; exit 2; }
    tries=$((tries + 1))
    kill -0 "${bridge:-0}" 2>/dev/null && [ "$tries" -gt 1 ] || { nbdfuse "$work/fuse/disk" "nbd+unix:///?socket=$work/nbd" 2>/dev/null & bridge=$!; }
    sleep 0.2
  done
  loop=$(losetup --find --show "$work/fuse/disk")
}
start() { postgres pg_ctl -D "$work/mnt/data" -w -t 120 -l "$work/socket/log" start >/dev/null; }
# Whatever still runs or is mounted, whether its disk is there or not.
leave() {
  postgres pg_ctl -D "$work/mnt/data" -m immediate stop >/dev/null 2>&1 || true
  tries=0
  while mountpoint -q "$work/mnt" && ! umount "$work/mnt" 2>/dev/null && [ "$tries" -lt 50 ]; do
    tries=$((tries + 1))
    sleep 0.2
  done
  umount -l "$work/mnt" 2>/dev/null || true
  [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null || true
  loop=
  fusermount3 -u "$work/fuse" 2>/dev/null || fusermount3 -uz "$work/fuse" 2>/dev/null || true
  [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
  server=
  bridge=
}
trap 'leave; rm -rf "$work"' EXIT

measure() { # POLICY
  rm -f "$work/disk.qcow2"
  "$NODE" "$here/runners/cli.ts" image create -q -f qcow2 "$work/disk.qcow2" 1G
  serve "$1"
  mkfs.ext4 -q -F "$loop"
  mount "$loop" "$work/mnt"
  mkdir "$work/mnt/data"
  chown postgres "$work/mnt/data"
  postgres initdb -D "$work/mnt/data" --auth=trust >/dev/null
  printf "listen_addresses = ''\nunix_socket_directories = '%s'\n" "$work/socket" >> "$work/mnt/data/postgresql.conf"
  start
  postgres createdb -h "$work/socket" bench
  postgres pgbench -h "$work/socket" -q -i -s 2 bench 2>/dev/null
  sql -c CHECKPOINT
  postgres pg_ctl -D "$work/mnt/data" -w -m fast stop >/dev/null
  leave
  # Counts from here on are those of the transactions.
  serve "$1"
  mount "$loop" "$work/mnt"
  start
  postgres pgbench -h "$work/socket" -n -c 8 -j 2 -T "$SECONDS_EACH" bench >"$work/pgbench" 2>/dev/null
  postgres pg_ctl -D "$work/mnt/data" -w -m fast stop >/dev/null
  leave
}

kill_and_look() { # POLICY NUMBER
  serve "$1"
  mount "$loop" "$work/mnt"
  start
  PGOPTIONS='-c client_min_messages=warning' sql -c 'CREATE TABLE IF NOT EXISTS acknowledged (id bigint)'
  # Each line is said after its transaction was acknowledged, and by a connection of its own.
  for client in 1 2 3 4; do
    n=0
    while n=$((n + 1)) && sql -c "INSERT INTO acknowledged VALUES ($2$client * 1000000 + $n)" 2>/dev/null; do
      echo "$(($2$client * 1000000 + n))" >> "$work/said-$client"
    done &
  done
  sleep 4
  kill -9 "$server"
  server=
  sleep 1
  leave
  sleep 1
  serve "$1"
  e2fsck -fy "$loop" >/dev/null 2>&1 || true
  mount "$loop" "$work/mnt"
  rm -f "$work/mnt/data/postmaster.pid"
  start
  sql -c 'SELECT id FROM acknowledged' | sort > "$work/found"
  sort "$work"/said-* > "$work/said"
  comm -23 "$work/said" "$work/found" > "$work/lost"
  postgres pg_ctl -D "$work/mnt/data" -w -m fast stop >/dev/null
  leave
  [ ! -s "$work/lost" ]
}

[ $# -gt 0 ] || set -- reserve
echo '| policy | transactions/s | transactions | syncs | syncs per transaction | kills | acknowledged | lost | image |'
echo '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |'
bad=0
for policy; do
  rm -f "$work"/said-* "$work/said" "$work/lost"
  measure "$policy"
  done_=$(sed -n 's/^number of transactions actually processed: //p' "$work/pgbench")
  rate=$(sed -n 's/^tps = \([0-9]*\).*/\1/p' "$work/pgbench")
  syncs=$("$NODE" -p 'JSON.parse(require("fs").readFileSync(process.argv[1], "utf8").trim().split("\n").at(-1)).exact.fsyncs' "$work/stats")
  each=$("$NODE" -p '(process.argv[1] / process.argv[2]).toFixed(3)' "$syncs" "$done_")
  kills=0
  while [ "$kills" -lt "$KILLS" ]; do
    kills=$((kills + 1))
    kill_and_look "$policy" "$kills" || bad=1
  done
  said=$([ -e "$work/said" ] && wc -l < "$work/said" || echo 0)
  lost=$([ -e "$work/lost" ] && wc -l < "$work/lost" || echo 0)
  image=$("$NODE" "$here/runners/cli.ts" image check -q "$work/disk.qcow2" >/dev/null 2>&1 && echo clean || { [ $? -eq 3 ] && echo 'leaks only' || echo CORRUPT; })
  [ "$image" != CORRUPT ] || bad=1
  echo "| $policy | $rate | $done_ | $syncs | $each | $kills | $said | $lost | $image |"
done
exit "$bad"
