#!/bin/sh
# Installs a Debian package where this machine lets us: root, with apt-get; exits non-zero elsewhere.
set -eu
[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || exit 1
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install --yes --no-install-recommends "$@"
