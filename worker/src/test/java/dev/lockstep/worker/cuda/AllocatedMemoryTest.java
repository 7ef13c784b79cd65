package dev.lockstep.worker.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import ai.djl.ndarray.NDManager;
import com.sun.jna.Callback;
import com.sun.jna.CallbackReference;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import dev.lockstep.worker.cuda.AllocatorStatistics.AllocatedBytes;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** The allocator's books as they are read over its virtual functions, from an object made here. */
@EnabledOnOs(value = OS.LINUX, architectures = "amd64")
class AllocatedMemoryTest {
    private static final int FUNCTIONS = 36;
    private static final long PROBE = AllocatedMemory.PROBE_ALLOCATED_BYTES;

    private final FakeCudaRuntime runtime = new FakeCudaRuntime();
    private final FakeAllocator allocator = new FakeAllocator();
    private NDManager manager;

    /** C++ object with a table of virtual functions; each reading of the books gives the next of the script. */
    static final class FakeAllocator {
        interface Initialized extends Callback {
            byte invoke(Pointer self);
        }

        interface GetDeviceStats extends Callback {
            Pointer invoke(Pointer result, Pointer self, byte device);
        }

        interface ResetPeakStats extends Callback {
            void invoke(Pointer self, byte device);
        }

        final Memory object = new Memory(Long.BYTES);
        final Memory table = new Memory((long) FUNCTIONS * Long.BYTES);
        final Deque<AllocatedBytes> script = new ArrayDeque<>();
        boolean isInitialized = true;
        int resets;

        // Callbacks live as long as something refers to them.
        final Initialized initialized = self -> (byte) (self.equals(object) && isInitialized ? 1 : 0);
        final GetDeviceStats getDeviceStats = this::write;
        final ResetPeakStats resetPeakStats = (self, device) -> resets++;

        FakeAllocator() {
            object.setPointer(0, table);
            put(AllocatorStatistics.INITIALIZED, initialized);
            put(AllocatorStatistics.GET_DEVICE_STATS, getDeviceStats);
            put(AllocatorStatistics.RESET_PEAK_STATS, resetPeakStats);
        }

        private void put(int place, Callback function) {
            table.setPointer((long) place * Long.BYTES, CallbackReference.getFunctionPointer(function));
        }

        private Pointer write(Pointer result, Pointer self, byte device) {
            for (int i = 0; i < AllocatorStatistics.STATISTICS_BYTES; i += Long.BYTES) {
                result.setLong(i, -1);
            }
            AllocatedBytes bytes = script.remove();
            // allocation, segment, active, inactive_split: three figures each of current, peak, allocated, freed.
            int place = 4 * 96;
            result.setLong(place, bytes.current());
            result.setLong(place + 8, bytes.peak());
            return result;
        }
    }

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
    }

    @AfterEach
    void close() {
        manager.close();
    }

    private PeakMemory checked(AllocatedBytes... script) {
        allocator.script.addAll(List.of(script));
        return AllocatedMemory.checked(new AllocatorStatistics(allocator.object), manager, runtime);
    }

    @Test
    void shouldReadThePeakOnceTheBooksAreProved() {
        PeakMemory memory = checked(
                new AllocatedBytes(512, 512),
                new AllocatedBytes(512 + PROBE, 512 + PROBE),
                new AllocatedBytes(512, 512 + PROBE),
                new AllocatedBytes(512, 512));
        int resets = allocator.resets;

        memory.reset();
        allocator.script.add(new AllocatedBytes(1 << 20, 5 << 20));

        assertEquals("peak-allocated", memory.kind());
        assertEquals(5, memory.peakMiB());
        assertEquals(resets + 1, allocator.resets);
    }

    @Test
    void shouldReportTheDevicesOwnFigureWhenTheBooksAreOthers() {
        // Those of reserved segments move in steps of 2 MiB.
        PeakMemory memory = checked(
                new AllocatedBytes(2 << 20, 2 << 20),
                new AllocatedBytes(68 << 20, 68 << 20),
                new AllocatedBytes(68 << 20, 68 << 20),
                new AllocatedBytes(68 << 20, 68 << 20));

        assertEquals("device-used", memory.kind());
        assertEquals(2000, memory.peakMiB());
    }

    @Test
    void shouldReportTheDevicesOwnFigureWhenThePeakDoesNotStayOrCannotBeReset() {
        AllocatedBytes before = new AllocatedBytes(0, 0);
        AllocatedBytes during = new AllocatedBytes(PROBE, PROBE);
        AllocatedBytes after = new AllocatedBytes(0, PROBE);

        assertEquals("device-used", checked(before, during, before, before).kind());
        assertEquals("device-used", checked(before, during, after, after).kind());
        assertEquals("peak-allocated", checked(before, during, after, before).kind());
    }

    @Test
    void shouldNotAskAnAllocatorThatKnowsNoDevice() {
        allocator.isInitialized = false;
        AllocatorStatistics statistics = new AllocatorStatistics(allocator.object);

        assertEquals(
                "device-used",
                AllocatedMemory.checked(statistics, manager, runtime).kind());
        assertThrows(IllegalStateException.class, statistics::allocated);
        assertThrows(IllegalStateException.class, statistics::resetPeak);
        assertEquals(0, allocator.resets);
    }

    @Test
    void shouldTouchNoBuildThatIsNotKnown() {
        assertEquals(
                "device-used", AllocatedMemory.orDeviceUsed(manager, runtime).kind());
    }
}
