"""MP4 (ISO 14496-12 and 14496-14) with iTunes' metadata list: M4A, M4B, MP4."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mutagen._util import DictProxy
from mutagen.mp4 import AtomDataType, MP4Info, MP4Tags
from mutagen.mp4._atom import Atom, Atoms

from soniquescan.messages import ErrorKind
from soniquescan.tags.content import Block, Content, Problem, UnreadableError, attempt, opened, stream
from soniquescan.tags.freeform import add_freeform
from soniquescan.tags.mapping import MP4_ATOMS, MP4_FREEFORM
from soniquescan.tags.source import Source

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator

    from soniquescan.messages import AudioStream

_CONTAINERS: Final = (b"moov", b"udta", b"trak", b"mdia", b"meta", b"ilst", b"stbl", b"minf", b"moof", b"traf")
MAX_DEPTH: Final = 16  # honest files nest six deep
FULL_ATOM_BYTES: Final = 4  # version and flags, which QuickTime's own `meta` has not got
ILST: Final = (b"moov", b"udta", b"meta", b"ilst")
ATOM_HEADER_BYTES: Final = 8
DATA_HEADER_BYTES: Final = 16
_ITUNES: Final = "com.apple.itunes"
PAIRS: Final = {"trkn": ("tracknumber", "totaltracks"), "disk": ("discnumber", "totaldiscs")}
ZERO_IS_UNSET: Final = ("tmpo",)

# Codecs as MPEG-4 and mutagen name them → as ffmpeg does. Object types: https://mp4ra.org/registered-types/object-types
CODECS: Final = {
    "mp4a": "aac",
    "mp4a.40": "aac",
    "mp4a.66": "aac",
    "mp4a.67": "aac",
    "mp4a.68": "aac",
    "mp4a.69": "mp3",
    "mp4a.6B": "mp3",
    "mp4a.A5": "ac3",
    "mp4a.A6": "eac3",
    "mp4a.A9": "dts",
    "mp4a.AD": "opus",
    "mp4a.DD": "vorbis",
    "mp4a.40.36": "mp4als",
    "alac": "alac",
    "ac-3": "ac3",
    "ec-3": "eac3",
    "fLaC": "flac",
    "Opus": "opus",
    "samr": "amr_nb",
    "sawb": "amr_wb",
}
LOSSLESS: Final = ("alac", "flac", "mp4als", "pcm")


class _Tree(Atoms):
    """mutagen's tree of atoms, built from what there is of them: mutagen's own way gives up at a truncated one."""

    def __init__(self, source: Source) -> None:
        self.atoms: list[Atom] = list(_atoms_within(source, source.around.start, source.size_bytes))


class _Items(MP4Tags):
    """mutagen's metadata list, which would also render each value that it reads: a third of the time it takes."""

    __setitem__ = DictProxy.__setitem__


def _atoms_within(source: Source, start: int, end: int, depth: int = 0) -> Iterator[Atom]:
    """Yield the atoms between two offsets, with their children where they hold any."""
    while start < end:
        raw = source.pread(2 * ATOM_HEADER_BYTES, start)
        if len(raw) < ATOM_HEADER_BYTES:
            return
        size, name, header_bytes = int.from_bytes(raw[:4]), raw[4:8], ATOM_HEADER_BYTES
        if size == 1:
            size, header_bytes = int.from_bytes(raw[8:16]), 2 * ATOM_HEADER_BYTES
        elif size == 0:  # up to the end of the file
            size = source.size_bytes - start
        if size < header_bytes:
            return
        atom = Atom.__new__(Atom)
        atom.name, atom.offset, atom.length, atom._dataoffset = name, start, size, start + header_bytes  # noqa: SLF001
        if name in _CONTAINERS and depth < MAX_DEPTH:
            content = start + header_bytes + (FULL_ATOM_BYTES if name == b"meta" and raw[12:16] != b"hdlr" else 0)
            atom.children = list(_atoms_within(source, content, min(start + size, source.size_bytes), depth + 1))
        yield atom
        start += size


def read_mp4(source: Source) -> Content:
    """Return what an MP4 file says."""
    content = Content("mp4")
    file = opened(source, whole=True)  # the tree has the offsets in the file
    atoms = _Tree(source)
    _note_truncation(source, atoms, content)
    content.add_stream(lambda: _stream(source, atoms, file))
    if MP4Tags._can_load(atoms):  # noqa: SLF001
        content.add_tags(lambda: _tags(atoms, file))
    return content


def _note_truncation(source: Source, atoms: Atoms, content: Content) -> None:
    for atom in atoms.atoms:
        if atom.offset + atom.length > source.size_bytes:
            name = atom.name.decode("latin-1")
            message = f"the atom {name} ends {atom.offset + atom.length - source.size_bytes} bytes after the file"
            content.problem(ErrorKind.TRUNCATED, message)


def _stream(source: Source, atoms: Atoms, file: io.BufferedReader) -> AudioStream:
    info = MP4Info(atoms, file)
    if not info.codec:
        raise UnreadableError("no audio track")
    codec = CODECS.get(info.codec) or CODECS.get(info.codec.rpartition(".")[0]) or info.codec.strip().lower()
    return stream(
        source,
        "mp4",
        codec,
        length_s=info.length,
        bitrate_bps=info.bitrate,
        sample_rate_hz=info.sample_rate,
        bits_per_sample=info.bits_per_sample if codec in LOSSLESS else None,
        channels=info.channels,
    )


def _tags(atoms: Atoms, file: io.BufferedReader) -> Block:
    """Return the metadata list; pictures in it are not read."""
    ilst = atoms.path(*ILST)[-1]
    has_cover = any(
        atom.name == b"covr" and atom.length > ATOM_HEADER_BYTES + DATA_HEADER_BYTES for atom in ilst.children
    )
    items = [atom for atom in ilst.children if atom.name != b"covr"]
    values: dict[str, list[str]] = {}
    free: list[tuple[str, list[str]]] = []
    problems = []
    try:
        ilst.children = items
        _add_items(_items(atoms, file), values, free)
    except UnreadableError:
        problems = [problem for atom in items if (problem := _add_alone(atoms, ilst, atom, file, values, free))]
    add_freeform(values, free, MP4_FREEFORM, "----")
    return Block(values, has_cover, tuple(problems))


def _items(atoms: Atoms, file: io.BufferedReader) -> MP4Tags:
    return attempt(partial(_Items, atoms, file))


def _add_alone(  # noqa: PLR0913
    atoms: Atoms,
    ilst: Atom,
    item: Atom,
    file: io.BufferedReader,
    values: dict[str, list[str]],
    free: list[tuple[str, list[str]]],
) -> Problem | None:
    """Add one item of a list that cannot be read as a whole."""
    ilst.children = [item]
    try:
        _add_items(_items(atoms, file), values, free)
    except UnreadableError as exc:
        return Problem(ErrorKind.MALFORMED_TAGS, f"the atom {item.name.decode('latin-1')} cannot be read: {exc}")
    return None


def _add_items(tags: MP4Tags, values: dict[str, list[str]], free: list[tuple[str, list[str]]]) -> None:
    for key, items in tags.items():
        if key.startswith("----:"):
            name = freeform_name(key)
            free.append((name, [text for item in items if (text := freeform_text(item)) is not None]))
        elif key in PAIRS:
            for name, numbers in zip(PAIRS[key], zip(*items, strict=True), strict=True):
                _add(values, name, [str(number) for number in numbers if number])
        else:
            _add(values, MP4_ATOMS.get(key, key), [str(item) for item in _plain(key, items)])
    # Known atoms whose text is no UTF-8: mutagen keeps their bytes aside.
    for key, datas in tags._failed_atoms.items():  # noqa: SLF001
        if key in MP4_ATOMS and key not in PAIRS:
            _add(values, MP4_ATOMS[key], [data[DATA_HEADER_BYTES:].decode("utf-8", "replace") for data in datas])


def _add(values: dict[str, list[str]], name: str, texts: list[str]) -> None:
    values.setdefault(name, []).extend(texts)


def _plain(key: str, items: Any) -> list[Any]:  # noqa: ANN401  mutagen's values are of many types
    """Return an atom's items as a list; a flag is 1 or 0."""
    if isinstance(items, bool):
        return [int(items)]
    return [item for item in items if item or key not in ZERO_IS_UNSET]


def freeform_name(key: str) -> str:
    """Return NAME of ----:com.apple.iTunes:NAME, or SPACE:NAME where the name space is another's."""
    space, _, name = key.removeprefix("----:").replace("\x00", "").partition(":")
    return name if name and space.casefold() == _ITUNES else f"{space}:{name}"


def freeform_text(item: Any) -> str | None:  # noqa: ANN401
    """Return the text of a ---- item, or None for binary data."""
    if item.dataformat == AtomDataType.UTF16:
        return bytes(item).decode("utf-16-be", "replace")
    if item.dataformat == AtomDataType.INTEGER:
        return str(int.from_bytes(item, signed=True))
    if item.dataformat == AtomDataType.UTF8 or (item.dataformat == AtomDataType.IMPLICIT and b"\x00" not in item):
        return bytes(item).decode("utf-8", "replace")
    return None
