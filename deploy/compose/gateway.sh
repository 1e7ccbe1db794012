#!/bin/sh
# First start: joins with the invitation that the controller left, then serves.
set -eu
dir=/var/lib/postern/gateway
if [ ! -e "$dir/membership.json" ]; then
  until [ -s /var/lib/postern/invite/gateway ]; do sleep 0.2; done
  postern-gateway join --dir "$dir" --invitation-file /var/lib/postern/invite/gateway
fi
exec postern-gateway run --dir "$dir"
