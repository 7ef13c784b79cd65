package dev.lockstep.coordinator.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.CollectiveKind;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GpuCollectiveTest {
    @ParameterizedTest
    @CsvSource({
        "AUTO, a, NONE",
        "AUTO, a b, NCCL",
        "AUTO, a a, STAGED",
        "AUTO, a b a, STAGED",
        "NCCL, a, NCCL",
        "NCCL, a b, NCCL",
        "STAGED, a, STAGED",
        "STAGED, a b, STAGED",
        "STAGED, a a, STAGED"
    })
    void shouldServeGpus(GpuCollective wanted, String gpus, CollectiveKind expected) {
        assertEquals(expected, wanted.choose(List.of(gpus.split(" "))));
    }

    @ParameterizedTest
    @EnumSource
    void shouldLeaveTheCpuToSharedMemory(GpuCollective wanted) {
        assertEquals(CollectiveKind.NONE, wanted.choose(Arrays.asList((String) null)));
        assertEquals(CollectiveKind.SHARED_MEMORY, wanted.choose(Arrays.asList(null, null)));
    }

    @Test
    void shouldRefuseNcclForReplicasThatShareAGpu() {
        LockstepException e =
                assertThrows(LockstepException.class, () -> GpuCollective.NCCL.choose(List.of("a", "b", "a")));
        assertEquals(FailureCategory.USAGE, e.failure().category());
        assertTrue(e.getMessage().contains("gpu-collective"), e.getMessage());
    }
}
