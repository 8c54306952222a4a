#!/bin/sh
# Verdicts from `detector serve` with curl: one text, one page with its own encoding, a stream of JSON lines.
# usage: client.sh [TEXT_FILE HTML_FILE JSONL_FILE]; DETECTOR_URL and DETECTOR_TOKEN may be set.
set -eu
url=${DETECTOR_URL:-http://127.0.0.1:8765}
set -- "${1:-article.txt}" "${2:-page.html}" "${3:-pages.jsonl}"

ask() { # the token goes through a file descriptor, so that no list of processes shows it
    curl --silent --show-error --fail-with-body --retry 5 --retry-delay 1 -K - "$@" <<EOF
header = "Authorization: Bearer ${DETECTOR_TOKEN:-none}"
EOF
}

ask -H 'Content-Type: text/plain' --data-binary "@$1" "$url/v1/score?id=first"
echo
ask -H 'Content-Type: text/html' --data-binary "@$2" "$url/v1/score?id=second&evidence=false"
echo
gzip -c "$3" > "$3.tmp.gz"
ask -H 'Content-Type: application/x-ndjson' -H 'Content-Encoding: gzip' --no-buffer \
    --data-binary "@$3.tmp.gz" "$url/v1/score?evidence=false"
rm "$3.tmp.gz"
