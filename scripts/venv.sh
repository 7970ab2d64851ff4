#!/usr/bin/env bash
# Make a virtual environment: venv.sh PYTHON FOLDER. Says in one line what is missing.
set -euo pipefail
python=$1 folder=$2

if ! command -v "$python" >/dev/null; then
    echo "Tessera needs Python 3.11 or newer: there is no $python." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Tessera needs Python 3.11 or newer: $python is $("$python" -V | cut -d' ' -f2)." >&2
    exit 1
fi
# Debian's python3 makes no environments until python3-venv is there.
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing python3-venv …"
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq >/dev/null
        apt-get install -y -qq python3-venv >/dev/null
    else
        echo "Python cannot make environments here: install Debian's package python3-venv." >&2
        exit 1
    fi
fi
# Half an environment would be taken for a whole one the next time.
trap 'rm -rf "$folder"' ERR INT TERM
"$python" -m venv "$folder"
