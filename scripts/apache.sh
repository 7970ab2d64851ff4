#!/usr/bin/env bash
# Apache and mod_auth_openidc for the tests: Debian's packages, installed when we may. apache2-bin
# is the program alone: no service comes with it, so none starts.
set -euo pipefail
module=/usr/lib/apache2/modules/mod_auth_openidc.so
if [ -x /usr/sbin/apache2 ] && [ -e "$module" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Apache and mod_auth_openidc for the tests …"
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq >/dev/null &&
        apt-get install -y -qq --no-install-recommends apache2-bin libapache2-mod-auth-openidc \
            >/dev/null; then
        exit 0
    fi
fi
echo "No Apache with mod_auth_openidc: its tests are skipped. Debian's packages apache2-bin and"
echo "libapache2-mod-auth-openidc bring it."
if [ -n "${CI:-}" ]; then
    echo "In CI its tests must run." >&2
    exit 1
fi
