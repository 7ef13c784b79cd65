package dev.lockstep.worker.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CudaFailuresTest {
    /** As the allocator of libtorch 2.5.1 puts it together. */
    private static final String OUT_OF_MEMORY =
            "CUDA out of memory. Tried to allocate 98.00 MiB. GPU 0 has a total capacity of"
                    + " 79.11 GiB of which 30.94 MiB is free. Process 4711 has 79.06 GiB memory in use. Of the allocated memory 78.10 GiB"
                    + " is allocated by PyTorch, and 300.50 MiB is reserved by PyTorch but unallocated.";

    @Test
    void shouldSayWhatWasNeededAndWhatThereWas() {
        LockstepException e = CudaFailures.outOfMemory("step 3", 512, OUT_OF_MEMORY, null);

        assertTrue(CudaFailures.isOutOfMemory(OUT_OF_MEMORY));
        assertFalse(CudaFailures.isOfDevice(OUT_OF_MEMORY));
        assertEquals(FailureCategory.OUT_OF_MEMORY, e.failure().category());
        assertEquals(
                "step 3 ran out of the GPU's memory with 512 images: it needed 98.00 MiB more, 30.94 MiB of 79.11 GiB were free;"
                        + " take a smaller batch per device or an AMP precision",
                e.getMessage());
    }

    @Test
    void shouldSayWhatItDoesNotKnow() {
        String text = "CUDA out of memory. Tried to allocate more than 1EB memory.";

        LockstepException e = CudaFailures.outOfMemory("preparing replica 0", 0, text, null);

        assertEquals(
                "preparing replica 0 ran out of the GPU's memory: it needed an unknown amount more, an unknown amount of an"
                        + " unknown amount were free; take a smaller batch per device or an AMP precision",
                e.getMessage());
        assertTrue(CudaFailures.outOfMemory("step 0", 1, "CUDA out of memory. Tried to allocate 512 bytes. GPU 0", null)
                .getMessage()
                .contains("needed 512 bytes more"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be reported later",
                "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm(...)`",
                "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
                "CUDA driver error: unknown error",
                "NCCL error in: ProcessGroupNCCL.cpp: unhandled system error"
            })
    void shouldKnowWhatEndsAProcess(String text) {
        LockstepException e = CudaFailures.device("step 3", text, null);

        assertTrue(CudaFailures.isOfDevice(text));
        assertEquals(FailureCategory.DEVICE, e.failure().category());
        assertEquals(1, e.getMessage().lines().count());
        assertTrue(e.getMessage().startsWith("step 3 failed on the GPU"), e.getMessage());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "index 7 is out of bounds",
                "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory"
            })
    void shouldNotTakeOtherFailuresForTheDevices(String text) {
        assertFalse(CudaFailures.isOfDevice(text));
        assertFalse(CudaFailures.isOutOfMemory(text));
    }
}
