package dev.lockstep.coordinator.control;

import dev.lockstep.common.failure.Failure;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.coordinator.workers.Lease.LeasedWorker;
import java.util.List;

/**
 * Whether a measurement may train with the workers it has: exactly one of {@code dataPlane} and {@code failure} is set.
 *
 * @param dataPlane open; whoever has the admission closes it
 * @param memory what is needed and what there is, as far as it was found out
 */
record Admission(DataPlane dataPlane, MemoryNeed memory, Failure failure) {
    /** Checks that it fits into memory, and opens the data plane where it does; blocks. */
    static Admission decide(MeasurementSetting setting, List<LeasedWorker> workers, ModelFootprint footprint) {
        SegmentLayout layout = DataPlane.layout(setting.spec(), setting.plan(), footprint);
        MemoryBudget budget = new MemoryBudget(setting.spec(), footprint, layout.size());
        double available = setting.budgetMiB().applyAsDouble(workers);
        boolean onGpus = workers.stream().anyMatch(worker -> worker.engine().cudaVersion() != null);
        MemoryNeed memory =
                onGpus ? MemoryNeed.ON_GPUS : new MemoryNeed(budget.neededMiB(), available, setting.totalMemoryMiB());
        Failure tooBig = budget.check(available).orElse(null);
        if (tooBig != null) {
            return refused(memory, tooBig);
        }
        try {
            DataPlane open = DataPlane.open(setting.spec(), setting.plan(), layout, setting.runId(), setting.epoch());
            return new Admission(open, memory, null);
        } catch (LockstepException e) {
            return refused(memory, e.failure());
        }
    }

    static Admission refused(MemoryNeed memory, Failure failure) {
        return new Admission(null, memory, failure);
    }
}
