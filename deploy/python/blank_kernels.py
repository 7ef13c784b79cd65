#!/usr/bin/env python3
"""
Blanks the GPU code in a CUDA library that a GPU of one compute capability does not need, so that the library compresses well.

A library keeps its kernels in "fatbins": a header, then one entry for each architecture it was compiled for. Machine code runs on GPUs
of the same major number and of no smaller minor number, so that an 8.6 needs that for 8.0 and 8.6 alone. The file keeps its size and its
addresses; what is blanked would never be loaded there. Code in PTX, for GPUs that are newer than the library, is blanked too.

    blank_kernels.py 9.0 IN OUT
"""
import mmap
import shutil
import struct
import sys

MAGIC = struct.pack("<I", 0xBA55ED50)
HEADER_BYTES = 16
MACHINE_CODE = 2


def blank(memory, major, minor):
    """Blanks what is not needed, and returns the bytes that stay and those that went."""
    kept = blanked = 0
    position = memory.find(MAGIC)
    while position >= 0:
        version, header_bytes = struct.unpack_from("<HH", memory, position + 4)
        (size,) = struct.unpack_from("<Q", memory, position + 8)
        end = position + HEADER_BYTES + size
        if version != 1 or header_bytes != HEADER_BYTES or end > len(memory):
            # The number stands there by chance.
            position = memory.find(MAGIC, position + 4)
            continue
        for start, stop, needed in entries(memory, position + HEADER_BYTES, end, major, minor):
            if needed:
                kept += stop - start
            else:
                memory[start:stop] = bytes(stop - start)
                blanked += stop - start
        position = memory.find(MAGIC, end)
    return kept, blanked


def entries(memory, position, end, major, minor):
    """The code of a fatbin's entries: where it starts and stops, and whether such a GPU needs it."""
    found = []
    while position < end:
        kind, _, header_bytes = struct.unpack_from("<HHI", memory, position)
        (size,) = struct.unpack_from("<Q", memory, position + 8)
        (architecture,) = struct.unpack_from("<I", memory, position + 28)
        start = position + header_bytes
        if not 32 <= header_bytes <= 4096 or start + size > end:
            raise ValueError("an entry at byte %d is not what it should be: nothing was changed in it" % position)
        needed = kind == MACHINE_CODE and architecture // 10 == major and architecture % 10 <= minor
        found.append((start, start + size, needed))
        position = start + size
    return found


def main(capability, source, target):
    major, minor = (int(number) for number in capability.split("."))
    shutil.copyfile(source, target)
    with open(target, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        kept, blanked = blank(memory, major, minor)
    print("%s: %.0f MB of GPU code kept, %.0f MB blanked" % (source, kept / 1e6, blanked / 1e6))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
