package dev.lockstep.common.memory;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.NativeLong;
import com.sun.jna.Pointer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Objects;

/**
 * A memfd, mapped as a whole where its huge pages can serve: at an address that is a multiple of theirs. The kernel sees to that by
 * itself only where it gives shared memory huge pages, which it rarely is told to
 * ({@code /sys/kernel/mm/transparent_hugepage/shmem_enabled}). docs/adr/0023 says what it is worth.
 */
final class HugePageMapping implements MappedFile {
    private static final int O_RDWR = 2;
    private static final int O_CLOEXEC = 0x80000;
    private static final int PROT_NONE = 0;
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_SHARED = 1;
    private static final int MAP_FIXED = 0x10;
    /** {@code MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE} */
    private static final int MAP_NOTHING = 0x4022;

    private final long address;
    private final long size;

    private HugePageMapping(long address, long size) {
        this.address = address;
        this.size = size;
    }

    /** The C functions used, from libc. */
    private static final class LibC {
        static {
            Native.register(LibC.class, "c");
        }

        private LibC() {}

        static native int open(String path, int flags) throws LastErrorException;

        static native int close(int descriptor) throws LastErrorException;

        static native Pointer mmap(
                Pointer address, NativeLong bytes, int protection, int flags, int descriptor, NativeLong offset)
                throws LastErrorException;

        static native int munmap(Pointer address, NativeLong bytes) throws LastErrorException;
    }

    /**
     * Maps a memfd.
     *
     * @param size of the file in bytes, a multiple of the page size
     * @throws IOException if it is not there, or there is no room for it
     */
    static HugePageMapping of(Path path, long size) throws IOException {
        try {
            int descriptor = LibC.open(path.toString(), O_RDWR | O_CLOEXEC);
            try {
                return new HugePageMapping(map(descriptor, size), size);
            } finally {
                LibC.close(descriptor);
            }
        } catch (LastErrorException e) {
            throw new IOException("%s of %d bytes cannot be mapped: %s".formatted(path, size, e.getMessage()), e);
        }
    }

    private static long map(int descriptor, long size) {
        // More addresses than needed, to choose from.
        long room = size + HugePages.BYTES;
        long start = Pointer.nativeValue(mmap(0, room, PROT_NONE, MAP_NOTHING, -1));
        long address = start + Math.floorMod(-start, HugePages.BYTES);
        try {
            mmap(address, size, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, descriptor);
        } catch (LastErrorException e) {
            munmap(start, room);
            throw e;
        }
        munmap(start, address - start);
        munmap(address + size, start + room - (address + size));
        return address;
    }

    private static Pointer mmap(long address, long bytes, int protection, int flags, int descriptor) {
        return LibC.mmap(new Pointer(address), new NativeLong(bytes), protection, flags, descriptor, new NativeLong(0));
    }

    private static void munmap(long address, long bytes) {
        if (bytes > 0) {
            LibC.munmap(new Pointer(address), new NativeLong(bytes));
        }
    }

    /** Has the kernel put the file's bytes into huge pages, as far as it can. Some of each must be there, and what is there is copied. */
    void collapse() {
        HugePages.collapse(address, address + size);
    }

    @Override
    public ByteBuffer part(long offset, long bytes) {
        Objects.checkFromIndexSize(offset, bytes, size);
        return new Pointer(address).getByteBuffer(offset, bytes);
    }

    @Override
    public void close() throws IOException {
        try {
            munmap(address, size);
        } catch (LastErrorException e) {
            throw new IOException("%d bytes could not be unmapped: %s".formatted(size, e.getMessage()), e);
        }
    }
}
