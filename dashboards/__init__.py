"""What an operator watches and what wakes him: dashboards for Grafana and rules for Prometheus, written as data.

`make dashboards` writes `charts/causerie/dashboards` and `charts/causerie/rules`, which the chart takes as they are;
both are committed, and a test holds them against what is said here.  Services never import this.

Every target that Prometheus scrapes carries the label ``causerie_service``: api, gateway, worker or canary.
"""
