package dev.lockstep.coordinator.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Scaling;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.ModelFootprint;
import org.junit.jupiter.api.Test;

class MemoryBudgetTest {
    private static final long SEGMENT_BYTES = 100L * 1024 * 1024;
    private static final MeasurementSpec TWO_BY_SIXTEEN =
            MeasurementSpec.of(Strategy.DATA_PARALLEL, Precision.FP32, 2, 32, 1, 1, Scaling.WEAK);
    private static final ModelFootprint FOOTPRINT = new ModelFootprint(10, 1, 16, 16, 500.0, 160.0);

    /** 2 x 500 MiB fixed, 32 x 160 MiB of images, 100 MiB of segment. */
    private static final double NEEDED_MIB = 2 * 500 + 32 * 160 + 100;

    @Test
    void shouldPassWhatFitsExactly() {
        assertTrue(new MemoryBudget(TWO_BY_SIXTEEN, FOOTPRINT, SEGMENT_BYTES)
                .check(NEEDED_MIB)
                .isEmpty());
    }

    @Test
    void shouldRefuseWhatDoesNotFitAndSayHowMuchIsNeeded() {
        Failure failure = new MemoryBudget(TWO_BY_SIXTEEN, FOOTPRINT, SEGMENT_BYTES)
                .check(NEEDED_MIB - 1)
                .orElseThrow();
        assertEquals(FailureCategory.NOT_ENOUGH_MEMORY, failure.category());
        assertTrue(failure.message().contains("6220 MiB"), failure.message());
        assertTrue(failure.message().contains("6219 MiB"), failure.message());
    }

    @Test
    void shouldCountTheSegmentAloneWhereReplicasNeedNothingOfTheHost() {
        ModelFootprint unknown = new ModelFootprint(10, 1, 16, 16, null, null);
        assertTrue(new MemoryBudget(TWO_BY_SIXTEEN, unknown, SEGMENT_BYTES)
                .check(100)
                .isEmpty());
        assertEquals(
                "the memory that the replicas share is 100 MiB, but 99 MiB are available: use a smaller batch or a smaller image",
                new MemoryBudget(TWO_BY_SIXTEEN, unknown, SEGMENT_BYTES)
                        .check(99)
                        .orElseThrow()
                        .message());
    }
}
