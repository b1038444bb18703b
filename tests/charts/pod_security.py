"""Pod Security *restricted* as the standard lists it, and what we ask of our pods beyond it."""

from collections.abc import Iterator

from tests.charts.chart import Object, containers_of

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_syncookies",
}
SECCOMP = {"RuntimeDefault", "Localhost"}


def breaches(pod: Object) -> Iterator[str]:
    """Why a namespace that enforces *restricted* would refuse the pod."""
    spec = pod["spec"]
    context = spec.get("securityContext", {})
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"{name}"
    for volume in spec.get("volumes", []):
        if kinds := volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is a {kinds}"
    for sysctl in context.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for container in containers_of(pod):
        own = container.get("securityContext", {})
        for breach in _container_breaches(own, context):
            yield f"container {container['name']}: {breach}"
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"container {container['name']}: hostPort"


def _container_breaches(own: Object, pod: Object) -> Iterator[str]:
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"]:
        yield "capabilities are not all dropped"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities are added"
    if own.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "runAsNonRoot is not true"
    if own.get("runAsUser", pod.get("runAsUser")) == 0:
        yield "runs as root"
    if (own.get("seccompProfile") or pod.get("seccompProfile", {})).get("type") not in SECCOMP:
        yield "no seccomp profile"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"


def wishes(pod: Object) -> Iterator[str]:
    """What the standard does not ask for and we do, of our own containers."""
    spec = pod["spec"]
    if spec.get("enableServiceLinks") is not False:
        yield "variables of Services could look like our settings"
    if "automountServiceAccountToken" not in spec:
        yield "does not say whether it needs a token"
    for container in containers_of(pod):
        if container["name"] in {"more", "beside"}:  # an operator's own, in everything-on
            continue
        resources = container.get("resources", {})
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"container {container['name']} may write into its image"
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys() or "memory" not in resources.get("limits", {}):
            yield f"container {container['name']} does not say what it needs"
