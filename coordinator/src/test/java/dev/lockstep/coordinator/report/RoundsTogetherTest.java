package dev.lockstep.coordinator.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.lockstep.common.report.Result;
import dev.lockstep.common.work.ReplicaSummary;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoundsTogetherTest {
    private static final double ROUNDING = 1e-9;

    private static RoundsTogether.Part part(SampleMeasurement sample) {
        return new RoundsTogether.Part(sample.stepsByRank, sample.summaries, sample.dataWaitMillis, null);
    }

    @Test
    void shouldHaveTheStepsOfAllRoundsInOrderAndFiguresOverAllOfThem() {
        SampleMeasurement first = SampleMeasurement.dataParallel(2, 8, 10, 20);
        SampleMeasurement second = SampleMeasurement.dataParallel(2, 8, 40, 50);
        Result together =
                RoundsTogether.result(first.spec, first.deviceIds, "shared-memory", List.of(part(first), part(second)));
        assertEquals(List.of(10.0, 20.0, 40.0, 50.0), together.samplesMillis());
        assertEquals(30, together.stepMillis().mean(), ROUNDING);
        assertEquals(8 / 0.03, together.imagesPerSecond(), ROUNDING);
        assertEquals(4, together.steps());
        assertEquals(2, together.warmupSteps());
        assertEquals(15, together.phaseMillis().backward(), ROUNDING);
        assertEquals(1.5, together.waitMillis().perDevice().get(1), ROUNDING);
        assertEquals("data-parallel-fp32-2x4", together.id());
        assertNull(together.dataWaitMillis());
    }

    @Test
    void shouldKeepThePeakOfAllRoundsAndTheEndOfTheLast() {
        SampleMeasurement first = SampleMeasurement.dataParallel(2, 8, 10, 20);
        SampleMeasurement second = SampleMeasurement.dataParallel(2, 8, 10, 20);
        first.summaries.set(0, new ReplicaSummary("0badcafe", 900.0, "peak-resident", null, false));
        second.summaries.set(0, new ReplicaSummary("00c0ffee", 800.0, "peak-resident", null, false));
        second.summaries.set(1, new ReplicaSummary("00c0ffee", 950.0, "peak-resident", null, false));
        first.dataWaitMillis = 2.0;
        second.dataWaitMillis = 4.0;
        Result together =
                RoundsTogether.result(first.spec, first.deviceIds, "shared-memory", List.of(part(first), part(second)));
        assertEquals(List.of(900.0, 1499.0), together.memoryMiB().perDevice());
        assertEquals("00c0ffee", together.parameterChecksum());
        assertEquals(3.0, together.dataWaitMillis(), ROUNDING);
    }
}
