#!/bin/sh
# Prints the path of a Linux kernel that a guest can boot: that of this machine, or Debian's small one, fetched and unpacked (not installed:
# that would prepare this machine to boot it) into the user's cache. Ends with 1, saying why, when there is none.
#   GUEST_KERNEL=$(sh runners/testing/guest-kernel.sh) npm run test:only -- linux-guest
set -eu
fail() { echo "guest-kernel.sh: $1" >&2; exit 1; }

[ "$(uname -m)" = x86_64 ] || fail 'the guest is one for x86-64'
for kernel in /boot/vmlinuz-*; do
  [ ! -r "$kernel" ] || newest=$kernel
done
[ -z "${newest:-}" ] || { echo "$newest"; exit 0; }

package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p')
[ -n "$package" ] || fail 'apt knows no linux-image-cloud-amd64'
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cowbench
kernel=$cache/$package/boot/vmlinuz-${package#linux-image-}
if [ ! -r "$kernel" ]; then
  mkdir -p "$cache"
  folder=$(mktemp -d "$cache/new-XXXXXX")
  trap 'rm -rf "$folder"' EXIT
  # As whoever runs this: the user that apt has for downloads may not write here.
  (cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$package" >&2)
  dpkg-deb -x "$folder"/*.deb "$folder/unpacked"
  mv "$folder/unpacked" "$cache/$package"
fi
echo "$kernel"
