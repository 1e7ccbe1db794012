#!/bin/sh
# First start: makes the controller, describes the sample organisation and leaves invitations for the owner and the gateway.
set -eu
dir=/var/lib/postern/controller
invite=/var/lib/postern/invite
ctl="posternctl --socket $dir/admin.sock --reason compose"

if [ ! -e "$dir/controller.db" ]; then
  postern-controller init --dir "$dir" --organisation "Sample Company" --trust-domain sample.internal \
    --owner owner --address "$POSTERN_HOST" >"$invite/owner"
fi

postern-controller run --dir "$dir" &
controller=$!
trap 'kill -TERM "$controller"; wait "$controller"' TERM INT

if [ ! -s "$invite/gateway" ]; then
  until $ctl status >/dev/null 2>&1; do sleep 0.2; done
  sed -e 's#http://127.0.0.1#http://apps#; s#upstream: 127.0.0.1#upstream: apps#' \
    /opt/postern/deploy/quickstart/organisation/organisation.yaml >/tmp/organisation.yaml
  mkdir -p /tmp/organisation
  mv /tmp/organisation.yaml /tmp/organisation/
  cp -R /opt/postern/deploy/quickstart/organisation/policies /tmp/organisation/
  $ctl apply -f /tmp/organisation
  $ctl gateway invite gw-main --site main --address "$POSTERN_HOST:8444" >"$invite/gateway.new"
  mv "$invite/gateway.new" "$invite/gateway"
fi
wait "$controller"
