#!/bin/sh
# Puts the trained model into the object store.
# `timeout` because `wget -T` crashes in static busybox 1.35.
set -eu
busybox timeout 5 busybox wget -q -O - --post-file generated/champion.json "$STORE_URL/cgi-bin/put?champion.json"
