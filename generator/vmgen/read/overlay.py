"""One mapping laid over another, keeping what was replaced: the one merge that files, layers and catalogs share."""

from __future__ import annotations

from collections.abc import Mapping

from vmgen.read.located import Located

# What lies below a key, where a key is not simply a free value: the merge has to know a group named `image` from the
# key `image` of a group.
_CHILD_SHAPES: Mapping[str, Mapping[str, str]] = {
    "environment": {"defaults": "group", "vms": "groups", "disks": "disks"},
    "groups": {"*": "group"},
    "group": {"disks": "disks", "instances": "groups", "cloudInit": "cloudInit"},
    "disks": {"*": "disk"},
    "cloudInit": {"*": "cloudConfig"},
    "cloudConfig": {"*": "cloudConfig"},
}
DISK_SOURCES = ("image", "url", "clone", "upload")
# Keys of which one holds: a higher layer that writes one takes the others away.
_EXCLUSIVE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "group": (DISK_SOURCES, ("count", "names")),
    "disk": (DISK_SOURCES,),
}
# Layers of values that somebody wrote. Any other is the sentence of a rule, and what lies under its value made it.
WRITTEN_LAYERS = ("", "platform", "catalog")
# What goes over further layers when the files of an environment are merged.
_KEEP_NULLS_IN = ("group", "groups", "disks")
_CLOUD_INIT_FORMS = ("template", "merge")


def merge(lower: Located, upper: Located, shape: str = "", *, nulls: bool = False) -> Located:
    """`upper` over `lower`: mappings key by key, the rest replaced, `null` removes.

    The order is the lower layer's, new keys appended. `shape` names what the mapping is: environment, group, disk.
    With `nulls`, a null stays where it was written, since the result goes over further layers, of which it removes too;
    `settled` takes it away in the end. What lies below the groups of an environment goes over its `defaults:` at least.
    """
    if not isinstance(upper.data, dict) or _has_other_form(lower, upper, shape):
        return Located(upper.data, upper.place, upper.key_place, upper.layer, _append_override(upper, lower))
    if not isinstance(lower.data, dict):
        laid = merge(Located({}, lower.place), upper, shape, nulls=nulls)
        return Located(laid.data, upper.place, upper.key_place, upper.layer, overrides=lower)
    merged = dict(lower.data)
    for choice in _EXCLUSIVE_KEYS.get(shape, ()):
        _drop_exclusive(merged, upper.data, choice)
    below = _CHILD_SHAPES.get(shape, {})
    for name, value in upper.data.items():
        if value.data is None:
            _remove_key(merged, name, value, shape, nulls=nulls)
            continue
        # A mapping is laid over nothing too, so that the nulls in it go.
        base = merged.get(name) or Located({} if isinstance(value.data, dict) else None, value.place)
        inner = below.get(name) or below.get("*", "")
        laid = merge(base, value, inner, nulls=(nulls or inner in _KEEP_NULLS_IN) and inner != "cloudInit")
        merged[name] = (
            laid if name in merged else Located(laid.data, value.place, value.key_place, value.layer, value.overrides)
        )
    return Located(merged, upper.place, upper.key_place, upper.layer, _append_override(upper, lower))


def _append_override(upper: Located, lower: Located) -> Located | None:
    """What lies under a value that has replaced something already: that, and below it all what it replaces now."""
    under = upper.overrides
    if under is None:
        return lower
    if upper.layer not in WRITTEN_LAYERS:
        return under
    return Located(under.data, under.place, under.key_place, under.layer, _append_override(under, lower))


def drop_nulls(value: Located) -> Located:
    """A mapping without the nulls that were kept in it. What a null removed of the platform's comes back: a default holds
    where nothing is written. The nulls in a cloud-init are its own."""
    if not isinstance(value.data, dict):
        return value
    data = {}
    for name, item in value.data.items():
        left = _find_platform_default(item) if item.data is None else item if name == "cloudInit" else drop_nulls(item)
        if left is not None:
            data[name] = left
    same = len(data) == len(value.data) and all(data[name] is item for name, item in value.data.items())
    return value if same else Located(data, value.place, value.key_place, value.layer, value.overrides)


def _find_platform_default(removed: Located) -> Located | None:
    lower = removed.overrides
    while lower is not None and lower.layer != "platform":
        lower = lower.overrides
    return lower


def _remove_key(merged: dict[str, Located], name: str, value: Located, shape: str, *, nulls: bool) -> None:
    if nulls:
        merged[name] = Located(None, value.place, value.key_place, value.layer, merged.get(name))
    elif name in merged:
        del merged[name]
    elif shape in ("cloudInit", "cloudConfig"):
        merged[name] = value  # cloud-init gives some keys a meaning when they are null


def _drop_exclusive(merged: dict[str, Located], upper: Mapping[str, Located], choice: tuple[str, ...]) -> None:
    if any(name in upper and upper[name].data is not None for name in choice):
        for name in choice:
            if name not in upper:
                merged.pop(name, None)


def _has_other_form(lower: Located, upper: Located, shape: str) -> bool:
    """Whether two cloud-init mappings are different forms of it, which do not merge."""
    return shape == "cloudInit" and any(form in value.mapping for form in _CLOUD_INIT_FORMS for value in (lower, upper))
