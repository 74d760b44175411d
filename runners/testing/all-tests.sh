#!/bin/sh
# Brings what the tests need on Debian and Ubuntu, as root or by sudo, installs the packages of the lock files, and runs all tests.
set -eu
cd "$(dirname "$0")/../.."

# Where Debian has mkfs: not on the PATH of every user.
PATH="$PATH:/usr/sbin:/sbin"
export PATH

tools=$(node -p 'Object.entries(require("./package.json").cowbench.testTools).map((pair) => pair.join(":")).join(" ")')
missing=
for tool in $tools; do
  command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool#*:}"
done

if [ -n "$missing" ]; then
  missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
  if ! command -v apt-get >/dev/null; then
    echo "The tests need $missing(Debian's names), and there is no apt-get: install them in your system's way." >&2
    exit 1
  fi
  as_root=
  [ "$(id -u)" -eq 0 ] || as_root=sudo
  echo "Installing ${missing}for the tests:${as_root:+ by sudo} apt-get install"
  $as_root apt-get update
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing
fi

# What a guest is made of. Without it, or without qemu-system-x86, which is large and not brought, the guest is left out, and the tests say so.
GUEST_KERNEL=${GUEST_KERNEL:-$(sh runners/testing/guest-parts.sh kernel 2>/dev/null || true)}
GUEST_BUSYBOX=${GUEST_BUSYBOX:-$(sh runners/testing/guest-parts.sh busybox 2>/dev/null || true)}
[ -z "$GUEST_KERNEL" ] || export GUEST_KERNEL
[ -z "$GUEST_BUSYBOX" ] || export GUEST_BUSYBOX

# A program that is still missing is a failure here, not a reason to leave tests out.
CI=1
export CI
npm ci
npm ci --prefix node-versions
npm test
