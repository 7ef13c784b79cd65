package dev.lockstep.coordinator.peers;

import dev.lockstep.common.plan.DataSpec;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.plan.OptimizerKind;
import dev.lockstep.common.plan.OptimizerSpec;
import dev.lockstep.common.plan.Plan;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.plan.Strategy;
import java.util.List;
import java.util.stream.IntStream;

/** Plans and specs made up for tests. */
final class Specs {
    /** That of {@link #plan}. */
    static final List<MemoryFormat> MEMORY_FORMATS = List.of(MemoryFormat.CHANNELS_LAST);

    private Specs() {}

    /** Five images over all devices. */
    static Plan plan(List<Integer> devices, List<Strategy> strategies, Precision... precisions) {
        return new Plan(
                devices,
                strategies,
                List.of(precisions),
                null,
                5,
                new ModelSpec("efficientnet_b0", 35, 64, null, null),
                2,
                1,
                new OptimizerSpec(OptimizerKind.SGD, 0.01, 0.9, 1e-4),
                MemoryFormat.CHANNELS_LAST,
                new DataSpec.Synthetic(),
                7);
    }

    static PeerSpec distributed() {
        Plan plan = plan(List.of(2), List.of(Strategy.ALL_REDUCE), Precision.AMP_BF16);
        PeerTask task = Contest.of(plan, false, MEMORY_FORMATS).get(0).peers().get(0);
        return PeerSpec.of(task, plan, devices(2), null);
    }

    static List<PeerDevice> devices(int count) {
        return IntStream.range(0, count)
                .mapToObj(index -> new PeerDevice("cpu:" + index, List.of(index)))
                .toList();
    }
}
