"""Load tests in Locust, and the plan that comes out of them.

Locust keeps what it is good at: users, shapes, statistics, charts, its web page, its reports.  It does not hold the
sockets: one of its users is a batch of connections that lives in a child process on uvloop (`swarm/`), which reports
what it measured once a second.

    options.py     what can be asked for, one dataclass for all processes
    scenarios.py   what happens, stage by stage; timeline.py says which stage it is
    cast.py        who takes part and talks with whom
    dialects/      how one connection speaks; native first, others beside it
    swarm/         the child process: connections, what they say, what reached them
    locustfile.py  Locust's side; conductor.py drives the swarms, merging.py fills Locust's statistics
    record.py      what a run leaves for the planner; sampling.py reads /metrics and /proc
    loopback.py    a whole platform on loopback, for who brings none
    planner/       from records to a cost model, from a cost model to Helm values
"""
