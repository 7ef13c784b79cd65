package dev.lockstep.worker.step;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.failure.MemoryTexts;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.collective.SharedMemoryCollective;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.HostAllocator;
import dev.lockstep.worker.libtorch.LibC;
import dev.lockstep.worker.libtorch.ResidentMemory;
import dev.lockstep.worker.precision.Arithmetic;
import java.io.IOException;
import java.time.Duration;
import java.util.OptionalDouble;

/** The machine's cores: parameters and gradients lie in the segment, and nothing is copied. */
final class CpuDevice implements ReplicaDevice {
    private static final String MEMORY_KIND = "peak-resident";

    @Override
    public Device place() {
        return Device.cpu();
    }

    @Override
    public DeviceType type() {
        return DeviceType.CPU;
    }

    @Override
    public EngineInfo start(NDManager manager) {
        return new EngineInfo(
                Engine.getDjlVersion(),
                manager.getEngine().getVersion(),
                null,
                null,
                JniUtils.getNumThreads(),
                HostAllocator.describe(),
                Kernels.describe());
    }

    @Override
    public ModelFootprint probe(NDManager manager, TrainingSpec training) {
        ModelFootprint footprint = new MemoryProbe(training).measure(this, manager);
        LibC.trimHeap();
        return footprint;
    }

    @Override
    public void beginMeasurement() {
        ResidentMemory.resetPeak();
    }

    /** By now the heap has grown to its size, over what earlier work has left of it. */
    @Override
    public void endFirstStep() {
        if (HostAllocator.usesHugePages()) {
            LibC.collapseHeap();
        }
    }

    /** There is no TF32 on a CPU. */
    @Override
    public boolean setArithmetic(Precision precision) {
        return false;
    }

    @Override
    public Replica replica(NDManager manager, ReplicaSpec spec, Arithmetic arithmetic, Segment segment)
            throws IOException {
        Replica replica = Replica.inSegment(manager, spec.training().model(), arithmetic, segment, spec.rank());
        LibC.trimHeap();
        return replica;
    }

    @Override
    public Passes passes(Replica replica, TrainingSpec training, NDManager manager) {
        return Passes.eager(replica);
    }

    @Override
    public InputSlots inputs(NDManager manager, Segment segment, int imageSize, boolean channelsLast) {
        return new SharedInputs(manager, segment, imageSize, channelsLast);
    }

    @Override
    public Collective collective(ReplicaSpec spec, Segment segment, Replica replica, Duration patience)
            throws IOException {
        return new SharedMemoryCollective(
                segment,
                spec.rank(),
                replica.buffers().array().getManager(),
                replica.buffers().bytes(),
                patience);
    }

    @Override
    public CommunicatorId createCommunicatorId() {
        throw new IllegalStateException("replicas on the CPU do not use NCCL");
    }

    @Override
    public boolean sharesParameters() {
        return true;
    }

    @Override
    public SteppedShard steppedShard(NDManager manager, ReplicaSpec spec, Segment segment, Replica replica)
            throws IOException {
        return SteppedShard.of(manager, segment, replica, spec);
    }

    @Override
    public PhaseClock startClock() {
        return new HostClock();
    }

    @Override
    public MemoryUse memory() {
        OptionalDouble peak = ResidentMemory.peakMiB();
        return peak.isPresent()
                ? new MemoryUse(peak.getAsDouble(), MEMORY_KIND, null)
                : new MemoryUse(null, null, null);
    }

    @Override
    public void endMeasurement() {
        LibC.trimHeap();
    }

    @Override
    public LockstepException failure(String what, int images, EngineException cause) {
        String text = String.valueOf(cause.getMessage());
        String firstLine = text.lines().findFirst().orElse(text);
        if (MemoryTexts.tell(text)) {
            return new LockstepException(
                    FailureCategory.OUT_OF_MEMORY,
                    what + " ran out of memory: take a smaller batch per device (" + firstLine + ")",
                    cause);
        }
        return new LockstepException(FailureCategory.INTERNAL, what + " failed in libtorch: " + firstLine, cause);
    }
}
