package dev.lockstep.coordinator.settings;

import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.work.CollectiveKind;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;

/** What the user wants GPUs to exchange tensors by. */
public enum GpuCollective {
    /** NCCL between GPUs, the staged copies where replicas share one, nothing where there is one replica. */
    AUTO,
    /** NCCL, with one replica too. */
    NCCL,
    /** Copies through the host's memory, with one replica too. */
    STAGED;

    /**
     * How the replicas of a measurement exchange tensors.
     *
     * @param gpus each replica's GPU, whatever names it; null for one on the CPU
     * @throws LockstepException USAGE if NCCL is wanted where it cannot serve
     */
    public CollectiveKind choose(List<String> gpus) {
        if (gpus.stream().anyMatch(Objects::isNull)) {
            return gpus.size() == 1 ? CollectiveKind.NONE : CollectiveKind.SHARED_MEMORY;
        }
        boolean shared = new HashSet<>(gpus).size() < gpus.size();
        return switch (this) {
            case AUTO -> {
                if (gpus.size() == 1) {
                    yield CollectiveKind.NONE;
                }
                yield shared ? CollectiveKind.STAGED : CollectiveKind.NCCL;
            }
            case NCCL -> {
                if (shared) {
                    throw new LockstepException(
                            FailureCategory.USAGE,
                            "NCCL takes one replica on each GPU, and here two share one:"
                                    + " set gpu-collective to auto or staged in lockstep.conf");
                }
                yield CollectiveKind.NCCL;
            }
            case STAGED -> CollectiveKind.STAGED;
        };
    }
}
