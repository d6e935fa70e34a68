"""What has changed in the images of a run, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from tfwolf.core.choices import SPLITS
from tfwolf.data.data_record import DataRecord, SplitRecord
from tfwolf.data.folder_layout import shown

MAX_SHOWN = 3
NOTHING = SplitRecord(0)


def changes(before: DataRecord, now: DataRecord) -> tuple[str, ...]:
    """Return a line for each difference between the stored images and those found now.

    Names are those within the folder of a split. Images without names are counted.

    Args:
        before: what the run stored.
        now: what was found.
    """
    lines = [
        f'{name}: {_text(old)} before, {_text(new)} now'
        for name, old, new in (
            ('image size', before.image_shape, now.image_shape),
            # What has an origin is compared by it; names of its classes were not always stored.
            ('classes', before.classes, before.classes if now.origin else now.classes),
        )
        if old != new
    ]
    lines += _changes_of_origin(before.origin or {}, now.origin or {})
    old, new = ({name: side.splits.get(name, NOTHING) for name in SPLITS} for side in (before, now))
    removed = {name: _keys(old[name]) - _keys(new[name]) for name in SPLITS}
    added = {name: _keys(new[name]) - _keys(old[name]) for name in SPLITS}
    for source in SPLITS:
        for target in SPLITS:
            moved = sorted((removed[source] & added[target]).elements())
            removed[source].subtract(moved)
            added[target].subtract(moved)
            # Also under another name.
            pairs = _same_content(+removed[source], old[source], +added[target], new[target])
            removed[source].subtract(name for name, _ in pairs)
            added[target].subtract(name for _, name in pairs)
            if source == target and pairs:
                names = sorted(f'{before} to {after}' for before, after in pairs)
                lines.append(f'{source}: {len(pairs):,} renamed{_first(names, old[source])}')
            elif moved := sorted(moved + [name for name, _ in pairs]):
                text = f'{len(moved):,} moved from {source} to {target}'
                lines.append(f'{text}{_first(moved, old[source])}')
    for name in SPLITS:
        lines += _changes_of_split(name, old[name], new[name], +added[name], +removed[name])
    return tuple(lines)


def _changes_of_origin(before: Mapping, now: Mapping) -> list[str]:
    lines = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            parts = [
                part for part in sorted(old.keys() | new.keys()) if old.get(part) != new.get(part)
            ]
            if parts:
                lines.append(
                    f'{", ".join(parts)}: the files have other sizes or other numbers of images'
                )
        elif old != new:
            lines.append(f'{name}: {_text(old)} before, {_text(new)} now')
    return lines


def _changes_of_split(
    name: str, old: SplitRecord, new: SplitRecord, added: Counter, removed: Counter
) -> list[str]:
    changed = _with_other_content(old, new)
    counts = [
        f'{len(keys):,} {what}{_first(keys, old if what == "removed" else new)}'
        for what, keys in (
            ('added', sorted(added.elements())),
            ('removed', sorted(removed.elements())),
            ('changed', changed),
        )
        if keys
    ]
    if counts:
        return [f'{name}: {", ".join(counts)}']
    if old.num_images != new.num_images and None in (old.digests, new.digests):
        return [f'{name}: {old.num_images:,} images before, {new.num_images:,} now']
    if _keys(old) != _keys(new):
        return []  # moved, which was said
    if old.sha256 != new.sha256:
        return [f'{name}: {"other images" if old.digests is None else "another order of images"}']
    return [f'{name}: other labels or attributes'] if old.labels != new.labels else []


def _keys(split: SplitRecord) -> Counter:
    return Counter(split.names or split.digests or ())


def _same_content(
    removed: Counter, old: SplitRecord, added: Counter, new: SplitRecord
) -> list[tuple[str, str]]:
    """Return pairs of a removed and an added name of the same content."""
    if old.names is None or new.names is None:
        return []
    places = {digest: name for name, digest in zip(old.names, old.digests or ()) if name in removed}
    return [
        (places.pop(digest), name)
        for name, digest in zip(new.names, new.digests or ())
        if name in added and digest in places
    ]


def _with_other_content(old: SplitRecord, new: SplitRecord) -> Sequence[str]:
    """Return the names of images whose content has changed."""
    if old.names is None or new.names is None:
        return ()
    before = dict(zip(old.names, old.digests or ()))
    return sorted(
        name
        for name, digest in zip(new.names, new.digests or ())
        if before.get(name, digest) != digest
    )


def _first(keys: Sequence[str], split: SplitRecord) -> str:
    """Return the first names in parentheses; '' for images without names."""
    if split.names is None:
        return ''
    return f' ({shown(keys, MAX_SHOWN)})'


def _text(value: object) -> str:
    if isinstance(value, (tuple, list)):
        parts = [str(part) for part in value[:10]]
        return ', '.join(parts) + (', ...' if len(value) > 10 else '')
    return 'none' if value is None else str(value)
