"""Rules on what a VM exposes to the Internet."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.platform import get_unset
from vmgen.read.located import Located, to_plain


@rule("external-without-ports")
def external_without_ports(environment: Environment) -> Iterator[Finding]:
    """An external VM with the method PortList and no ports. Its Service would have no ports, and Kubernetes refuses it.

    Write `externalPorts:`, or `externalMethod: WholeIP`, which opens every port.
    """
    message = "external, and no port is open; write `externalPorts: [443]`, or `externalMethod: WholeIP` for all ports"
    for _, vm, path in environment.vm_settings:
        external, ports = vm.values.get("external"), vm.values.get("externalPorts")
        invalid = ports is None and vm.values.is_set("externalPorts")
        by_list = vm.values.get_plain("externalMethod") == "PortList"
        # A Service of this kind needs a port: https://kubernetes.io/docs/concepts/services-networking/service/
        if external and external.data is True and by_list and not invalid and not (ports and ports.items):
            yield Finding(external.place, f"{path}.externalPorts", message)


@rule("ports-while-internal", "warning")
def ports_while_internal(environment: Environment) -> Iterator[Finding]:
    """`externalPorts` with `external: false` opens no port.

    Remove one of them. If they come from different layers, nothing is reported, since a VM may override its group.
    """
    row = environment.platform.get_field_rows("VMInstance").get("externalPorts")
    default = get_unset(row) if row else None  # an export of any VM has it
    for group, vm, path in environment.vm_settings:
        external, ports = vm.values.get("external"), vm.values.get("externalPorts")
        if not (external and ports and external.data is False and ports.items) or to_plain(ports) == default:
            continue
        levels = {
            _is_same_place(group.located.get("external"), external),
            _is_same_place(group.located.get("externalPorts"), ports),
        }
        if len(levels) == 1 and _is_in_same_mapping(external, ports):
            message = "no port is opened, since `external: false` is set; remove one of the two"
            yield Finding(ports.place, f"{path}.externalPorts", message)


@rule("ports-with-whole-ip", "warning")
def ports_with_whole_ip(environment: Environment) -> Iterator[Finding]:
    """`externalPorts` with `externalMethod: WholeIP`. The list has no effect, and every port of the VM is open.

    Remove the list, or use PortList, which opens only the listed ports.
    """
    for _, vm, path in environment.vm_settings:
        ports = vm.values.get("externalPorts")
        whole_ip = vm.values.get_plain("externalMethod") == "WholeIP" and vm.values.get_plain("external") is True
        if whole_ip and ports and ports.items:
            message = "WholeIP opens every port and ignores this list; remove it, or write `externalMethod: PortList`"
            yield Finding(ports.place, f"{path}.externalPorts", message)


@rule("duplicate-port")
def duplicate_port(environment: Environment) -> Iterator[Finding]:
    """A duplicate port in `externalPorts`. The ports of a Service are named by number, and Kubernetes refuses duplicate
    names.

    Remove one.
    """
    for _, vm, path in environment.vm_settings:
        ports: set[int] = set()
        for index, item in vm.values.enumerate_items("externalPorts"):
            # The chart calls each port `port-<number>`, and all of them are TCP, so a number can be there only once.
            port = to_plain(item)
            if port in ports:
                message = f"the port {port} is listed already; remove one"
                yield Finding(item.place, f"{path}.externalPorts[{index}]", message)
            ports.add(port)


def _is_same_place(group_value: Located | None, value: Located) -> bool:
    return group_value is not None and group_value.place == value.place


def _is_in_same_mapping(external: Located, ports: Located) -> bool:
    """Return whether both keys seem to be in one mapping: in one column of a file, or on one line."""
    key, other_key = external.key_place, ports.key_place
    if external.layer or ports.layer or key is None or other_key is None or key.file != other_key.file:
        return False
    return key.column == other_key.column or key.line == other_key.line
