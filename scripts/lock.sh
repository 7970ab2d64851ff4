#!/usr/bin/env bash
# Lock the dependencies anew, with hashes and without download addresses.
set -euo pipefail
lock() {
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
        "requirements/$1.in" -o "requirements/$1.txt"
}
lock run
lock test
