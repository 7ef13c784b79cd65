package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MeasurementSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.coordinator.data.BatchSource;
import java.io.IOException;

/** The coordinator's end of a measurement's data plane: the segment and who fills its input slots. */
record DataPlane(Segment segment, BatchFeeder feeder) implements AutoCloseable {
    /** How a measurement's segment is laid out. */
    static SegmentLayout layout(MeasurementSpec spec, Plan plan, ModelFootprint footprint) {
        return new SegmentLayout(
                spec.deviceCount(),
                spec.globalBatch(),
                plan.model().sampleFloats(),
                plan.model().classes(),
                footprint.flatParameters(),
                footprint.flatBuffers());
    }

    /**
     * Makes the segment and opens the plan's batches; blocks.
     *
     * @throws LockstepException DATA when there are no batches, ENVIRONMENT when there is no memory for the segment
     */
    static DataPlane open(MeasurementSpec spec, Plan plan, SegmentLayout layout, String runId, long epoch) {
        BatchSource source =
                BatchSource.open(plan.data(), plan.model(), plan.memoryFormat(), spec.globalBatch(), plan.seed());
        try {
            Segment segment = Segment.create(layout, runId, epoch);
            return new DataPlane(segment, new BatchFeeder(source, segment, spec.globalBatch()));
        } catch (IOException e) {
            source.close();
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "no shared memory of %d MiB for the measurement: %s"
                            .formatted(layout.size() / (1024 * 1024), e.getMessage()),
                    e);
        }
    }

    @Override
    public void close() throws IOException {
        feeder.close();
        segment.close();
    }
}
