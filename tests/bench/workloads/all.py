# Every workload by its name, in the order of a whole run.
from tests.bench.workloads import (bulk, connections, features, gateway, growth, idle, keep_alive,
                                   physical, start, streams)

ALL = {
    "plain": keep_alive.plain,
    "tls": keep_alive.tls,
    "handshake": connections.handshake,
    "cold": connections.cold,
    "sse": streams.sse,
    "burst": streams.burst,
    "idle": idle.idle,
    "bulk": bulk.bulk,
    "tunnel": bulk.tunnel,
    "features": features.features,
    "gateway": gateway.gateway,
    "growth": growth.growth,
    "start": start.start,
    "limits": physical.limits,
}
