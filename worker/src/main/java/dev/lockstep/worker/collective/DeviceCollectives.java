package dev.lockstep.worker.collective;

import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.worker.cuda.CudaRuntime;
import dev.lockstep.worker.cuda.Nccl;
import java.io.IOException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** The collectives of replicas with device memory of their own. */
public final class DeviceCollectives {
    private DeviceCollectives() {}

    /**
     * The one that a specification names, and no other. Under NCCL it returns once all replicas are there.
     *
     * @param nccl loads the library
     * @param lastResort ends the process, told why
     * @throws IOException if the segment cannot be mapped
     * @throws dev.lockstep.common.failure.LockstepException if the replicas do not come together
     */
    public static Collective create(
            ReplicaSpec spec,
            Participant participant,
            CudaRuntime cuda,
            Supplier<Nccl> nccl,
            Consumer<String> lastResort)
            throws IOException {
        return switch (spec.collective()) {
            case NONE -> new LoneReplica(participant.logits());
            case STAGED -> new StagedCollective(participant, cuda);
            case NCCL -> new NcclCollective(participant, cuda, nccl.get(), spec.communicator(), lastResort);
            case SHARED_MEMORY ->
                throw new IllegalArgumentException(
                        "a replica with memory of its own cannot use " + CollectiveKind.SHARED_MEMORY.label());
        };
    }
}
