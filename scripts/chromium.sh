#!/usr/bin/env bash
# Chromium for the browser tests: Debian's package, installed when we may.
set -euo pipefail
if command -v chromium >/dev/null; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests …"
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq >/dev/null && apt-get install -y -qq chromium >/dev/null; then exit 0; fi
fi
echo "No Chromium: the browser tests are skipped. Debian's package chromium brings it."
if [ -n "${CI:-}" ]; then
    echo "In CI the browser tests must run." >&2
    exit 1
fi
