package dev.lockstep.worker.cuda;

import com.sun.jna.Function;
import com.sun.jna.Memory;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import dev.lockstep.worker.libtorch.NativeLibraries;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;
import java.util.Set;

/**
 * The books of libtorch's caching allocator on the first GPU: {@code torch.cuda.memory_stats}. libtorch exports no function for them, only
 * the allocator, so that its virtual functions are called by their places; these were read from the symbols of the one build that
 * is named here, and no other is touched. docs/adr/0015 has the reasons.
 */
final class AllocatorStatistics {
    static final String LIBRARY = "libc10_cuda";
    /** {@code c10::cuda::CUDACachingAllocator::allocator}: an atomic pointer to the allocator. */
    static final String ALLOCATOR = "_ZN3c104cuda20CUDACachingAllocator9allocatorE";
    /** SHA-256 of the libraries whose layout this is: libc10_cuda.so of {@code pytorch-native-cu124:2.5.1:linux-x86_64}. */
    static final Set<String> KNOWN_BUILDS = Set.of("9f1828af54b414aebc950e82a385a3c25e3c6814804a98c0da0a9e4d73cb865b");

    /** {@code bool initialized()}. */
    static final int INITIALIZED = 10;
    /** {@code DeviceStats getDeviceStats(DeviceIndex)}: writes to the address that is its hidden first argument. */
    static final int GET_DEVICE_STATS = 16;
    /** {@code void resetPeakStats(DeviceIndex)}. */
    static final int RESET_PEAK_STATS = 18;

    /** {@code sizeof(DeviceStats)}. */
    static final int STATISTICS_BYTES = 976;
    /** {@code DeviceStats::allocated_bytes[AGGREGATE]}, after four arrays of three figures of four numbers. */
    static final int ALLOCATED_BYTES = 4 * 3 * 4 * Long.BYTES;

    private static final int FIRST_DEVICE = 0;
    private static final int BYTE_MASK = 0xff;

    private final Pointer allocator;
    private final Memory statistics = new Memory(STATISTICS_BYTES);

    /**
     * Bytes in tensors, rounded up to the allocator's blocks.
     *
     * @param current now
     * @param peak the most since the last {@link #resetPeak}
     */
    record AllocatedBytes(long current, long peak) {}

    /** @param allocator the allocator's address */
    AllocatorStatistics(Pointer allocator) {
        this.allocator = allocator;
    }

    /**
     * Those of the libtorch that is loaded.
     *
     * @return empty if it is another build than the known ones
     */
    static Optional<AllocatorStatistics> ofLoadedLibtorch() {
        Optional<Path> library = NativeLibraries.find(LIBRARY);
        boolean returnsByHiddenPointer = Platform.is64Bit() && Platform.isIntel() && Platform.isLinux();
        if (!returnsByHiddenPointer || library.isEmpty() || !KNOWN_BUILDS.contains(sha256(library.get()))) {
            return Optional.empty();
        }
        Pointer variable = NativeLibrary.getInstance(library.get().toString()).getGlobalVariableAddress(ALLOCATOR);
        return Optional.of(new AllocatorStatistics(variable.getPointer(0)));
    }

    private static String sha256(Path file) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file));
            return HexFormat.of().formatHex(digest);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether the allocator knows a device; until then it has no books, and asking for them would end the process. */
    boolean isInitialized() {
        // A C++ bool is one byte; the rest of the register is anything.
        return (virtual(INITIALIZED).invokeInt(new Object[] {allocator}) & BYTE_MASK) != 0;
    }

    /** The books' figure for tensors. */
    AllocatedBytes allocated() {
        requireInitialized();
        virtual(GET_DEVICE_STATS).invokePointer(new Object[] {statistics, allocator, FIRST_DEVICE});
        return new AllocatedBytes(
                statistics.getLong(ALLOCATED_BYTES), statistics.getLong(ALLOCATED_BYTES + (long) Long.BYTES));
    }

    /** Sets the peak to what is in use now. */
    void resetPeak() {
        requireInitialized();
        virtual(RESET_PEAK_STATS).invokeVoid(new Object[] {allocator, FIRST_DEVICE});
    }

    private void requireInitialized() {
        if (!isInitialized()) {
            throw new IllegalStateException("the allocator knows no device yet");
        }
    }

    private Function virtual(int place) {
        Pointer table = allocator.getPointer(0);
        return Function.getFunction(table.getPointer((long) place * Long.BYTES));
    }
}
