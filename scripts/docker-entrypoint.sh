#!/bin/sh
# Gives the data folder to PUID:PGID and runs the node as that user, as process 1, without a capability.
# A container that is started with `user:` is left as it is.
set -eu

# A diagnostic report holds the environment, and with it secrets; SIGUSR1 would open a debugger's port.
run="node --report-exclude-env --disable-sigusr1 /app/dist/main.js"

# Docker's own habit: `docker run IMAGE sh` runs a shell, `docker run IMAGE status` the node's command.
if [ $# -gt 0 ] && command -v "$1" >/dev/null 2>&1 && [ "$1" != wesense-node ]; then
  exec "$@"
fi
[ "${1:-}" != wesense-node ] || shift

if [ "$(id -u)" != 0 ]; then
  exec $run "$@"
fi

uid=${PUID:-1000}
gid=${PGID:-1000}
case $uid$gid in
  *[!0-9]*)
    echo "wesense-node: PUID and PGID are numbers, not \"$uid\" and \"$gid\" (see: id -u, id -g)" >&2
    exit 2 ;;
esac

mkdir -p "$DATA_DIR"
# Only what is not theirs yet: a restart touches nothing.
if ! find "$DATA_DIR" \( ! -uid "$uid" -o ! -gid "$gid" \) -exec chown -h "$uid:$gid" {} +; then
  echo "wesense-node: $DATA_DIR cannot be given to $uid:$gid; if the volume forbids that, start" \
    "the container with user: \"<owner>\" instead" >&2
  exit 1
fi
# Nothing that runs from here on can get a capability back. To empty the bounding set takes SETPCAP,
# which a container that was started with fewer may lack; no_new_privs holds either way.
drop="--inh-caps=-all --ambient-caps=-all"
if setpriv --bounding-set=-all true 2>/dev/null; then drop="$drop --bounding-set=-all"; fi
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --no-new-privs $drop $run "$@"
