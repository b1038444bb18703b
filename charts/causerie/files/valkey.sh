# Writes down that this node has all 16,384 slots before it starts, so there is no moment without them.
set -eu
id=$(od -An -N20 -tx1 /dev/urandom | tr -d ' \n')
cat > "$VALKEY_DATA/nodes.conf" <<EOF
$id 127.0.0.1:$VALKEY_PORT@$VALKEY_BUS_PORT,$ANNOUNCED myself,master - 0 0 1 connected 0-16383
vars currentEpoch 1 lastVoteEpoch 0
EOF
# Given on standard input, so that no list of processes shows the password.
exec valkey-server - <<EOF
port $VALKEY_PORT
dir $VALKEY_DATA
cluster-enabled yes
cluster-config-file nodes.conf
cluster-port $VALKEY_BUS_PORT
cluster-announce-hostname $ANNOUNCED
cluster-preferred-endpoint-type hostname
requirepass $STORES_PASSWORD
save ""
appendonly no
maxmemory 256mb
maxmemory-policy allkeys-lru
EOF
