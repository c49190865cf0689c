# Every workload by its name, in the order of a whole run.
from tests.bench.workloads import keep_alive

ALL = {
    "plain": keep_alive.plain,
    "tls": keep_alive.tls,
}
