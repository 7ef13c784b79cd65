package dev.lockstep.worker.collective;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.ReplicaMemory.Floats;
import dev.lockstep.worker.cuda.CudaRuntime;
import dev.lockstep.worker.cuda.CudaRuntime.Direction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Replicas with device memory of their own, over the host's: what others need is copied to the segment, {@link SharedMemoryCollective}
 * does with it what it does for CPU replicas, and the results are copied back. For GPUs that NCCL cannot serve, as two replicas on one.
 *
 * <p>A rank waits for its copies before it announces anything, so that who has seen an announcement of a rank may read what the rank
 * copied to the segment before it, and overwrite what the rank copied from there. That makes this safe where {@link
 * SharedMemoryCollective} is, and for the parameters as well: replica 0 overwrites those in the segment only once it has seen every
 * active rank's GATHERED of the step before.
 *
 * <p>All-reduce: once every shard is summed, each replica copies all sums back and steps its own copy of the parameters, as
 * {@code DistributedDataParallel} does. In the first step parameters are replica 0's; afterwards they stay equal by themselves.
 */
public final class StagedCollective implements Collective {
    private final int rank;
    private final int ranks;
    private final CudaRuntime cuda;
    private final Rendezvous rendezvous;
    private final SharedMemoryCollective host;
    private final NDManager hostManager;
    private final LogitsRecord logits;
    private final Floats parameters;
    private final Floats gradients;
    private final Floats buffers;
    private final HostMemory hostParameters;
    private final HostMemory hostGradients;
    /** Replica 0's gradients in the segment, which the sums lie in. */
    private final HostMemory hostSums;

    private final HostMemory hostBuffers;
    private StepCommand step;
    private boolean haveParameters;

    /** Memory outside the heap that stays where it is. */
    private record HostMemory(ByteBuffer bytes, long address) {
        static HostMemory of(ByteBuffer bytes) {
            return new HostMemory(bytes, Pointer.nativeValue(Native.getDirectBufferPointer(bytes)));
        }
    }

    /**
     * Pins the segment's parameters and gradients until {@link #close}.
     *
     * @throws IOException if the segment cannot be mapped
     */
    public StagedCollective(Participant participant, CudaRuntime cuda) throws IOException {
        Segment segment = participant.segment();
        this.rank = participant.rank();
        this.ranks = segment.layout().ranks();
        this.cuda = cuda;
        this.rendezvous = new Rendezvous(segment, rank, participant.patience());
        this.logits = participant.logits();
        this.parameters = Floats.of(participant.memory().parameters());
        this.gradients = Floats.of(participant.memory().gradients());
        this.buffers = Floats.of(participant.memory().buffers());
        this.hostParameters = HostMemory.of(segment.parameters());
        this.hostGradients = HostMemory.of(segment.gradients(rank));
        this.hostSums = rank == 0 ? hostGradients : HostMemory.of(segment.gradients(0));
        this.hostBuffers = HostMemory.of(
                ByteBuffer.allocateDirect(Math.toIntExact(buffers.bytes())).order(ByteOrder.nativeOrder()));
        this.hostManager = participant.manager().newSubManager(Device.cpu());
        this.host = new SharedMemoryCollective(segment, rank, hostManager, hostBuffers.bytes, participant.patience());
        cuda.hostRegister(hostParameters.address, parameters.bytes());
        cuda.hostRegister(hostGradients.address, gradients.bytes());
        if (rank != 0) {
            cuda.hostRegister(hostSums.address, gradients.bytes());
        }
    }

    @Override
    public void begin(StepCommand command) {
        step = command;
        host.begin(command);
    }

    @Override
    public void replicate() {
        boolean withParameters = isDataParallel() || !haveParameters;
        if (rank == 0) {
            if (withParameters) {
                toHost(hostParameters, parameters);
            }
            toHost(hostBuffers, buffers);
            synchronize();
            host.replicate();
        } else {
            host.replicate();
            if (withParameters) {
                toDevice(parameters, hostParameters);
            }
            toDevice(buffers, hostBuffers);
        }
        haveParameters = true;
    }

    /** An idle replica steps its own parameters under all-reduce, and so needs the first ones. */
    @Override
    public void sitOut() {
        if (!isDataParallel() && !haveParameters) {
            rendezvous.await(0, 1, Stage.REPLICATED, step.step());
            toDevice(parameters, hostParameters);
            haveParameters = true;
        }
    }

    @Override
    public NDArray gather(NDManager manager, NDArray chunkLogits) {
        try (NDManager scope = hostManager.newSubManager()) {
            NDArray gathered = host.gather(scope, toHost(scope, chunkLogits));
            return gathered == null ? null : toDevice(manager, gathered);
        }
    }

    @Override
    public NDArray scatter(NDManager manager, NDArray gradient) {
        try (NDManager scope = hostManager.newSubManager()) {
            return toDevice(manager, host.scatter(scope, gradient == null ? null : toHost(scope, gradient)));
        }
    }

    @Override
    public void reduce(NDManager manager) {
        toHost(hostGradients, gradients);
        synchronize();
        try (NDManager scope = hostManager.newSubManager()) {
            host.reduce(scope);
        }
        if (rank == 0) {
            toDevice(gradients, hostSums);
        }
    }

    @Override
    public void shareLogits(NDArray chunkLogits) {
        logits.put(step.firstSample(rank), chunkLogits);
    }

    @Override
    public Double reduceShard(NDManager manager, double lossShare) {
        if (step.isActive(rank)) {
            toHost(hostGradients, gradients);
            synchronize();
        }
        Double loss;
        try (NDManager scope = hostManager.newSubManager()) {
            loss = host.reduceShard(scope, lossShare);
        }
        rendezvous.publish(Stage.REDUCED, step.step());
        rendezvous.await(0, ranks, Stage.REDUCED, step.step());
        toDevice(gradients, hostSums);
        return loss;
    }

    @Override
    public boolean anyOverflow(boolean here) {
        return host.anyOverflow(here);
    }

    @Override
    public void awaitUpdates() {
        synchronize();
        host.awaitUpdates();
    }

    @Override
    public long takeWaitNanos() {
        return rendezvous.takeWaitNanos() + host.takeWaitNanos();
    }

    @Override
    public void end() {
        synchronize();
    }

    @Override
    public void settle() {
        if (step == null || !isDataParallel()) {
            return;
        }
        long next = step.step() + 1;
        if (rank == 0) {
            toHost(hostParameters, parameters);
            synchronize();
            rendezvous.publish(Stage.REPLICATED, next);
        } else {
            rendezvous.await(0, 1, Stage.REPLICATED, next);
            toDevice(parameters, hostParameters);
            synchronize();
        }
    }

    @Override
    public void close() {
        // Copies that are still under way use the memory.
        synchronize();
        hostManager.close();
        cuda.hostUnregister(hostParameters.address);
        cuda.hostUnregister(hostGradients.address);
        if (rank != 0) {
            cuda.hostUnregister(hostSums.address);
        }
    }

    private boolean isDataParallel() {
        return step.reduction() == Reduction.SUM_TO_FIRST;
    }

    private void toHost(HostMemory to, Floats from) {
        copy(to.address, from.address(), from.bytes(), Direction.DEVICE_TO_HOST);
    }

    private void toDevice(Floats to, HostMemory from) {
        copy(to.address(), from.address, to.bytes(), Direction.HOST_TO_DEVICE);
    }

    /** The values of a device's array, once they are there. */
    private NDArray toHost(NDManager manager, NDArray array) {
        NDArray copied = manager.create(array.getShape(), DataType.FLOAT32);
        Floats from = Floats.of(array);
        copy(Floats.of(copied).address(), from.address(), from.bytes(), Direction.DEVICE_TO_HOST);
        synchronize();
        return copied;
    }

    /** A copy on the device of an array in memory that is not pinned, which is therefore free again on return. */
    private NDArray toDevice(NDManager manager, NDArray array) {
        NDArray copied = manager.create(array.getShape(), DataType.FLOAT32);
        Floats from = Floats.of(array);
        copy(Floats.of(copied).address(), from.address(), from.bytes(), Direction.HOST_TO_DEVICE);
        return copied;
    }

    private void copy(long to, long from, long bytes, Direction direction) {
        if (bytes > 0) {
            cuda.copyAsync(to, from, bytes, direction, CudaRuntime.DEFAULT_STREAM);
        }
    }

    private void synchronize() {
        cuda.synchronize(CudaRuntime.DEFAULT_STREAM);
    }
}
