package dev.lockstep.common.work;

import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Strategy;

/**
 * One replica's part in one measurement.
 *
 * @param runId the run; written into the segment and checked by who opens it
 * @param epoch the measurement's number within the cluster's life; likewise
 * @param rank this replica's place, 0 to {@code ranks - 1}; replica 0 owns the parameters under data-parallel
 * @param training what is trained and how
 * @param files where the state comes from and goes to
 * @param segmentPath the shared-memory file
 * @param layout how it is laid out
 * @param collective how the replicas exchange tensors
 * @param communicator what they find each other by under NCCL; null otherwise
 */
public record ReplicaSpec(
        String runId,
        long epoch,
        int rank,
        int ranks,
        Strategy strategy,
        TrainingSpec training,
        StateFiles files,
        String segmentPath,
        SegmentLayout layout,
        CollectiveKind collective,
        CommunicatorId communicator) {

    public ReplicaSpec {
        if ((collective == CollectiveKind.NCCL) != (communicator != null)) {
            throw new IllegalArgumentException("a communicator's id goes with NCCL, and NCCL does not go without");
        }
    }

    /** How the segment's input slots are laid out: NHWC when channels-last, else NCHW. */
    public boolean channelsLast() {
        return training.memoryFormat() == MemoryFormat.CHANNELS_LAST;
    }
}
