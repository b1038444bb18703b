"""How much room is left, and what does one more of everything cost?"""

from dashboards.model import Dashboard, Panel, Query

_GATEWAY = 'causerie_service="gateway",HERE'

CAPACITY = Dashboard(
    "capacity",
    "Capacity",
    "How much room is left, and what does one more of everything cost?",
    (
        Panel(
            "Places for connections",
            "Sockets open, and how many the gateways take in all.",
            "below 80 %, so that the clients of a gateway that dies find room.",
            "short",
            (
                Query("sum(causerie_gateway_connections{HERE})", "open"),
                Query("sum(causerie_gateway_max_connections{HERE})", "places"),
            ),
        ),
        Panel(
            "Memory of a gateway for each connection",
            "Resident memory of the gateways divided by their connections; with few of them it is that of the process.",
            "towards 4 KiB the more there are; beyond 32 KiB somebody reads slowly or something leaks.",
            "bytes",
            (
                Query(
                    f"sum(process_memory_usage_bytes{{{_GATEWAY}}}) / sum(causerie_gateway_connections{{HERE}})",
                    "bytes",
                ),
            ),
        ),
        Panel(
            "Processor for 1,000 deliveries",
            "Processor time of the gateways for each 1,000 deliveries, everything else they do included.",
            "flat when traffic grows; it is what the gateways' CPU requests come from.",
            "s",
            (
                Query(
                    f"1000 * sum(rate(process_cpu_time_seconds_total{{{_GATEWAY}}}[WINDOW]))"
                    " / sum(rate(causerie_gateway_deliveries_total{HERE}[WINDOW]))",
                    "CPU seconds",
                ),
            ),
        ),
        Panel(
            "Deliveries for each message",
            "To how many sockets a message goes on average.",
            "your product says; when it grows, gateways need more though nobody writes more.",
            "short",
            (
                Query(
                    "sum(rate(causerie_gateway_deliveries_total{HERE}[WINDOW]))"
                    " / sum(rate(causerie_messages_accepted_total{HERE}[WINDOW]))",
                    "fan-out",
                ),
            ),
        ),
        Panel(
            "Processor by service",
            "Cores that all processes of a service use.",
            "grows with messages and deliveries, no faster.",
            "short",
            (
                Query(
                    "sum by (causerie_service) (rate(process_cpu_time_seconds_total{HERE}[WINDOW]))",
                    "{{causerie_service}}",
                ),
            ),
            kind="areas",
        ),
        Panel(
            "Memory by service",
            "Resident memory of all processes of a service.",
            "flat at night; what grows without connections leaks.",
            "bytes",
            (Query("sum by (causerie_service) (process_memory_usage_bytes{HERE})", "{{causerie_service}}"),),
            kind="areas",
        ),
        Panel(
            "Bytes to clients",
            "Bytes of frames given to sockets a second.",
            "below what the nodes' network and the load balancer carry.",
            "Bps",
            (Query("sum(rate(causerie_gateway_sent_bytes_total{HERE}[WINDOW]))", "bytes"),),
        ),
        Panel(
            "Bytes over NATS",
            "Bytes of messages in and out of our processes a second.",
            "far below what NATS carries; fan-out happens in the gateways, not here.",
            "Bps",
            (Query("sum by (direction) (rate(causerie_bus_traffic_bytes_total{HERE}[WINDOW]))", "{{direction}}"),),
        ),
        Panel(
            "Pools in use",
            "Which part of the connections to PostgreSQL there may be is used, by service.",
            "below 70 %.",
            "percentunit",
            (
                Query(
                    'sum by (causerie_service) (db_client_connection_count{db_client_connection_state="used",HERE})'
                    " / sum by (causerie_service) (db_client_connection_max{HERE})",
                    "{{causerie_service}}",
                ),
            ),
            bound=0.7,
        ),
        Panel(
            "Open files",
            "The fullest process: which part of the files it may open is open; a socket is one.",
            "below 70 %.",
            "percentunit",
            (
                Query(
                    "max by (causerie_service)"
                    " (process_open_file_descriptor_count{HERE} / process_open_file_descriptor_limit{HERE})",
                    "{{causerie_service}}",
                ),
            ),
            bound=0.7,
        ),
    ),
)
