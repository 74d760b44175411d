#!/bin/sh
# guest-parts.sh kernel|busybox: prints the path of what a small Linux guest is made of: that of this machine, or Debian's, fetched and unpacked
# (not installed: a kernel would prepare this machine to boot it) into the user's cache. Ends with 1, saying why, when there is none.
#   GUEST_KERNEL=$(sh runners/testing/guest-parts.sh kernel) npm run test:only -- linux-guest
set -eu
fail() { echo "guest-parts.sh: $1" >&2; exit 1; }
cache=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/cowbench

# Prints the folder with the content of a package.
unpacked() {
  if [ ! -d "$cache/$1" ]; then
    mkdir -p "$cache"
    folder=$(mktemp -d "$cache/new-XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    # As whoever runs this: the user that apt has for downloads may not write here.
    (cd "$folder" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$1" >&2)
    dpkg-deb -x "$folder"/*.deb "$folder/unpacked"
    mv "$folder/unpacked" "$cache/$1"
  fi
  echo "$cache/$1"
}

[ "$(uname -m)" = x86_64 ] || fail 'the guest is one for x86-64'
case ${1:-} in
  kernel)
    for kernel in /boot/vmlinuz-*; do
      [ ! -r "$kernel" ] || newest=$kernel
    done
    [ -z "${newest:-}" ] || { echo "$newest"; exit 0; }
    package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9][^ ]*\)$/\1/p')
    [ -n "$package" ] || fail 'apt knows no linux-image-cloud-amd64'
    echo "$(unpacked "$package")/boot/vmlinuz-${package#linux-image-}"
    ;;
  busybox)
    command -v busybox || echo "$(unpacked busybox-static)/bin/busybox"
    ;;
  *) fail 'kernel or busybox?' ;;
esac
