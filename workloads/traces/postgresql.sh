#!/bin/sh
# Runs PostgreSQL with pgbench on ext4, on a loop device, on nbdfuse, on the disk that cowbench records. As root:
#   cowbench record postgresql.iolog.gz --size 1G -- sh workloads/traces/postgresql.sh
# SCALE, RATE (transactions a second) and SECONDS_EACH (of each of two runs) may be set.
set -eu

SCALE=${SCALE:-10}
RATE=${RATE:-100}
SECONDS_EACH=${SECONDS_EACH:-70}

for folder in /usr/lib/postgresql/*/bin; do PATH="$folder:$PATH"; done
PATH="$PATH:/usr/sbin:/sbin"
export PATH

folder=$(mktemp -d)
chmod 755 "$folder"
mkdir "$folder/fuse" "$folder/mnt"
loop=
postgres() { runuser -u postgres -- "$@"; }

clean() {
  postgres pg_ctl -D "$folder/mnt/data" -m immediate stop >/dev/null 2>&1 || true
  umount "$folder/mnt" 2>/dev/null || true
  [ -z "$loop" ] || losetup -d "$loop" 2>/dev/null || true
  fusermount3 -u "$folder/fuse" 2>/dev/null || true
  rm -rf "$folder/fuse" "$folder/socket"
  rmdir "$folder/mnt" "$folder" 2>/dev/null || true
}
trap clean EXIT

phase() { echo "$1" > "$COWBENCH_PHASE"; }

phase mkfs
nbdfuse "$folder/fuse/disk" "$COWBENCH_URI" &
while [ ! -e "$folder/fuse/disk" ]; do sleep 0.1; done
loop=$(losetup --find --show "$folder/fuse/disk")
mkfs.ext4 -q -F "$loop"
mount "$loop" "$folder/mnt"
mkdir "$folder/mnt/data" "$folder/socket"
chown postgres "$folder/mnt/data" "$folder/socket"

phase initdb
postgres initdb -D "$folder/mnt/data" --auth=trust >/dev/null
cat >> "$folder/mnt/data/postgresql.conf" <<EOF
listen_addresses = ''
unix_socket_directories = '$folder/socket'
checkpoint_timeout = 30s
EOF
postgres pg_ctl -D "$folder/mnt/data" -w -l "$folder/mnt/data/log" start >/dev/null
phase load
postgres createdb -h "$folder/socket" bench
postgres pgbench -h "$folder/socket" -q -i -s "$SCALE" bench 2>/dev/null
run() { postgres pgbench -h "$folder/socket" -n -c 4 -j 2 -R "$RATE" -T "$SECONDS_EACH" bench; }
phase transactions
run
phase checkpoint
postgres psql -q -h "$folder/socket" -c CHECKPOINT bench
phase transactions-after-checkpoint
run
phase shutdown
postgres pg_ctl -D "$folder/mnt/data" -w -m fast stop >/dev/null
umount "$folder/mnt"
losetup -d "$loop"
loop=
fusermount3 -u "$folder/fuse"
