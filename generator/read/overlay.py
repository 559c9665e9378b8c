"""One mapping laid over another, keeping what was replaced: the one merge that files, layers and catalogs share."""

from __future__ import annotations

from collections.abc import Mapping

from generator.read.located import Located

# What lies below a key, where a key is not simply a free value: the merge has to know a group named `image` from the
# key `image` of a group.
_BELOW: Mapping[str, Mapping[str, str]] = {
    "environment": {"defaults": "group", "vms": "groups", "disks": "disks"},
    "groups": {"*": "group"},
    "group": {"disks": "disks", "instances": "groups", "cloudInit": "cloudInit"},
    "disks": {"*": "disk"},
}
SOURCES = ("image", "url", "clone", "upload")
# Keys of which one holds: a higher layer that writes one takes the others away.
_CHOICES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "group": (SOURCES, ("count", "names")),
    "disk": (SOURCES,),
}
_FORMS = ("template", "merge")


def overlaid(lower: Located, upper: Located, shape: str = "") -> Located:
    """`upper` over `lower`: mappings key by key, the rest replaced, `null` removes.

    The order is the lower layer's, new keys appended. `shape` names what the mapping is: environment, group, disk.
    """
    if not isinstance(upper.data, dict) or not isinstance(lower.data, dict) or _other_form(lower, upper, shape):
        return Located(upper.data, upper.place, upper.key, upper.layer, under=lower)
    merged = dict(lower.data)
    for choice in _CHOICES.get(shape, ()):
        _choose(merged, upper.data, choice)
    below = _BELOW.get(shape, {})
    for name, value in upper.data.items():
        if value.data is None:
            _removed(merged, name, value, shape)
            continue
        # A mapping is laid over nothing too, so that the nulls in it go.
        base = merged.get(name) or Located({} if isinstance(value.data, dict) else None, value.place)
        laid = overlaid(base, value, below.get(name) or below.get("*", ""))
        merged[name] = laid if name in merged else Located(laid.data, value.place, value.key, value.layer)
    return Located(merged, upper.place, upper.key, upper.layer)


def _removed(merged: dict[str, Located], name: str, value: Located, shape: str) -> None:
    if name in merged:
        del merged[name]
    elif shape == "cloudInit":
        merged[name] = value  # cloud-init gives some keys a meaning when they are null


def _choose(merged: dict[str, Located], upper: Mapping[str, Located], choice: tuple[str, ...]) -> None:
    if any(name in upper and upper[name].data is not None for name in choice):
        for name in choice:
            if name not in upper:
                merged.pop(name, None)


def _other_form(lower: Located, upper: Located, shape: str) -> bool:
    """Whether two cloud-init mappings are different forms of it, which do not merge."""
    return shape == "cloudInit" and any(form in value.data for form in _FORMS for value in (lower, upper))
