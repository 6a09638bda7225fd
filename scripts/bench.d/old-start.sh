#!/usr/bin/env bash
# The waiting of the hand-grown start script that mlup replaces, on the same stack: start, then poll
# one service after the other every 10 s, then settle for 15 s. Only its way of waiting is kept.
#
#   old-start.sh COMPOSE_FILE SERVICE...
set -uo pipefail

compose_file=$1
shift

is_healthy() {
    local id
    id=$(docker compose -f "$compose_file" ps -q "$1")
    [ "$(docker inspect --format '{{.State.Health.Status}}' "$id")" = healthy ]
}

wait_for_condition() {
    local attempts=30
    while [ "$attempts" -gt 0 ]; do
        if is_healthy "$1"; then return 0; fi
        sleep 10
        attempts=$((attempts - 1))
    done
    return 1
}

docker compose -f "$compose_file" up -d || exit 1
for service in "$@"; do
    wait_for_condition "$service" || exit 1
done
sleep 15
