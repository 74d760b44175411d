#!/bin/sh
# Boots a small Linux guest, under emulation, from the disk at COWBENCH_URI, and lets it work there:
#   cowbench record guest.iolog.gz --size 64M -- sh workloads/traces/linux-guest.sh
# GUEST_KERNEL: a Linux kernel [default: the newest /boot/vmlinuz-*]; its modules are expected in ../lib/modules beside its folder, as in Debian's
# linux-image packages, unpacked or installed. GUEST_BUSYBOX: a static busybox [default: that of the PATH]. FILES: how many the guest writes.
set -eu

FILES=${FILES:-8}
PATH="$PATH:/usr/sbin:/sbin"
fail() { echo "linux-guest.sh: $1" >&2; exit 1; }

kernel=${GUEST_KERNEL:-$(ls /boot/vmlinuz-* 2>/dev/null | sort -V | tail -n 1)}
[ -r "$kernel" ] || fail "no kernel${kernel:+ at $kernel}: set GUEST_KERNEL to the vmlinuz of a linux-image package"
busybox=${GUEST_BUSYBOX:-$(command -v busybox || true)}
[ -x "$busybox" ] || fail 'no busybox: install busybox-static, or set GUEST_BUSYBOX'
modules=$(dirname "$kernel")/../lib/modules/$(basename "$kernel" | sed 's/^vmlinu[xz]-//')

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
phase() { [ -z "${COWBENCH_PHASE:-}" ] || echo "$1" > "$COWBENCH_PHASE"; }

# The system on the disk: one program, and what it does as the first process.
mkdir -p "$folder/system/bin" "$folder/system/proc" "$folder/system/dev" "$folder/system/data"
cp "$busybox" "$folder/system/bin/busybox"
cat > "$folder/system/bin/init" <<EOF
#!/bin/busybox sh
PATH=/bin
export PATH
busybox --install -s /bin
mount -t proc proc /proc
for number in \$(seq 1 $FILES); do
  seq \$number 3 30000 > /data/file\$number
  sync
done
rm /data/file1
dd if=/data/file2 of=/data/file3 bs=4096 count=4 conv=notrunc,fsync 2>/dev/null
fstrim /
sync
mount -o remount,ro /
echo "guest: done"
poweroff -f
EOF
chmod +x "$folder/system/bin/init"

# What finds the disk: the modules that the kernel has not built in, in the order in which they need each other.
mkdir -p "$folder/start/bin" "$folder/start/dev" "$folder/start/root"
cp "$busybox" "$folder/start/bin/busybox"
order=
for name in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk crc16 mbcache jbd2 ext4; do
  file=$(find "$modules" -name "$name.ko*" 2>/dev/null | head -n 1)
  case $file in
    '') continue ;;
    *.xz) xz -dc "$file" > "$folder/start/$name.ko" ;;
    *.zst) zstd -qdc "$file" > "$folder/start/$name.ko" ;;
    *) cp "$file" "$folder/start/$name.ko" ;;
  esac
  order="$order $name"
done
cat > "$folder/start/init" <<EOF
#!/bin/busybox sh
for name in $order; do busybox insmod /\$name.ko; done
busybox mount -t devtmpfs dev /dev
busybox mount -t ext4 -o discard /dev/vda /root
busybox umount /dev
exec busybox switch_root /root /bin/init
EOF
chmod +x "$folder/start/init"
(cd "$folder/start" && find . | "$busybox" cpio -o -H newc 2>/dev/null) > "$folder/start.cpio"

phase install
size=$(nbdinfo --size "$COWBENCH_URI")
truncate -s "$size" "$folder/disk.raw"
mkfs.ext4 -q -F -E nodiscard -d "$folder/system" "$folder/disk.raw"
nbdcopy --flush --allocated "$folder/disk.raw" "$COWBENCH_URI"

phase boot
timeout 300 qemu-system-x86_64 -accel tcg -m 128 -nodefaults -no-user-config -display none -no-reboot \
  -serial "file:$folder/console" -kernel "$kernel" -initrd "$folder/start.cpio" -append 'console=ttyS0 quiet panic=-1 rdinit=/init' \
  -drive "file=$COWBENCH_URI,format=raw,if=virtio,cache=writeback,discard=unmap" </dev/null || fail "qemu ended with code $?"
grep -a '^guest: done' "$folder/console" || { cat "$folder/console" >&2; fail 'the guest did not finish'; }
