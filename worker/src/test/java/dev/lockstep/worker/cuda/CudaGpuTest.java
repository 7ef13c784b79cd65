package dev.lockstep.worker.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.ComputeCapability;
import dev.lockstep.worker.libtorch.LibTorch;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CudaGpuTest {
    private final FakeCudaRuntime runtime = new FakeCudaRuntime();
    private NDManager manager;

    @BeforeEach
    void open() {
        manager = LibTorch.load().newBaseManager();
        JniUtils.setGradMode(true);
    }

    @AfterEach
    void close() {
        manager.close();
    }

    @Test
    void shouldTellWhatItFound() {
        CudaGpu gpu = runtime.gpu();

        assertEquals(new CudaGpu.Versions("12.4", null), gpu.start(manager));
        assertEquals("9.0", gpu.capability().toString());
        assertTrue(gpu.capability().hasTf32());
        assertEquals(false, new ComputeCapability(7, 5).hasTf32());
        assertEquals("device-used", gpu.peakMemory().kind());
    }

    @Test
    void shouldRefuseAProcessThatSeesNoGpu() {
        runtime.deviceCount = 0;

        checkRefused(runtime.gpu(), "the process sees none");
    }

    @Test
    void shouldRefuseALibtorchWithoutCuda() {
        checkRefused(new CudaGpu(), "is not a CUDA build");
    }

    @Test
    void shouldRefuseAGpuThatDoesNotCompute() {
        // Without gradients the convolution cannot be gone back through: a failure of libtorch's own.
        JniUtils.setGradMode(false);
        try {
            checkRefused(runtime.gpu(), "do not run on this GPU of compute capability 9.0");
        } finally {
            JniUtils.setGradMode(true);
        }
    }

    private void checkRefused(CudaGpu gpu, String reason) {
        LockstepException e = assertThrows(LockstepException.class, () -> gpu.start(manager));

        assertEquals(FailureCategory.ENVIRONMENT, e.failure().category());
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        assertEquals(1, e.getMessage().lines().count());
    }

    @Test
    void shouldUnlockWhatItLocked() {
        try (PinnedMemory pinned = new PinnedMemory(runtime)) {
            pinned.pin(ByteBuffer.allocateDirect(64));
            pinned.pin(ByteBuffer.allocateDirect(32));
            assertEquals(2, runtime.locked.size());
        }
        assertEquals(0, runtime.locked.size());
    }

    @Test
    void shouldGoOnWithMemoryThatCannotBeLocked() {
        runtime.refusesToLock = true;
        try (PinnedMemory pinned = new PinnedMemory(runtime)) {
            assertTrue(pinned.pin(ByteBuffer.allocateDirect(64)) != 0);
        }
    }
}
