package dev.lockstep.worker.step;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.plan.Precision;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.collective.Collective;
import dev.lockstep.worker.collective.DeviceCollectives;
import dev.lockstep.worker.collective.LogitsRecord;
import dev.lockstep.worker.collective.Participant;
import dev.lockstep.worker.collective.ReplicaMemory;
import dev.lockstep.worker.cuda.CudaFailures;
import dev.lockstep.worker.cuda.CudaGpu;
import dev.lockstep.worker.cuda.CudaRuntime;
import dev.lockstep.worker.cuda.Nccl;
import dev.lockstep.worker.cuda.NcclLibrary;
import dev.lockstep.worker.cuda.PinnedMemory;
import dev.lockstep.worker.kernel.Kernels;
import dev.lockstep.worker.libtorch.AutocastMode.DeviceType;
import dev.lockstep.worker.libtorch.GraphRecorder;
import dev.lockstep.worker.libtorch.HostAllocator;
import dev.lockstep.worker.libtorch.MathMode;
import dev.lockstep.worker.libtorch.NativeLibraries;
import dev.lockstep.worker.model.EfficientNet;
import dev.lockstep.worker.precision.Arithmetic;
import java.io.IOException;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The one NVIDIA GPU that the process sees. The replica's tensors are the GPU's own. */
final class CudaDevice implements ReplicaDevice {
    private static final Logger LOG = LoggerFactory.getLogger(CudaDevice.class);
    /** Exit status of a process whose GPU does not come to an end. */
    private static final int HUNG = 4;

    /** PyTorch's own. */
    private static final int AUTOTUNING_LIMIT = 10;

    private static final double BYTES_PER_MIB = 1024.0 * 1024.0;

    private final CudaGpu gpu;
    private final GraphRecorder graphs;
    private PinnedMemory pinned;
    private EventClock clock;

    CudaDevice(CudaGpu gpu, GraphRecorder graphs) {
        this.gpu = gpu;
        this.graphs = graphs;
    }

    @Override
    public Device place() {
        return gpu.place();
    }

    @Override
    public DeviceType type() {
        return gpu.type();
    }

    @Override
    public EngineInfo start(NDManager manager) {
        CudaGpu.Versions versions = gpu.start(manager);
        return new EngineInfo(
                Engine.getDjlVersion(),
                manager.getEngine().getVersion(),
                versions.cuda(),
                versions.cudnn(),
                JniUtils.getNumThreads(),
                HostAllocator.describe(),
                Kernels.LIBTORCH);
    }

    /** Its sizes alone: a GPU that is too small says so when it is tried, and loses nothing by it. */
    @Override
    public ModelFootprint probe(NDManager manager, TrainingSpec training) {
        return MemoryProbe.sizes(EfficientNet.create(training.model()), null, null);
    }

    @Override
    public void beginMeasurement() {
        pinned = new PinnedMemory(gpu.runtime());
        clock = new EventClock(gpu.runtime(), System::nanoTime);
        gpu.peakMemory().reset();
    }

    /** In the first step cuDNN tries its algorithms, some of which take more memory than all the rest and are not chosen. */
    @Override
    public void endFirstStep() {
        gpu.peakMemory().reset();
    }

    /** TF32 as PyTorch has it: in convolutions, not in matrix products; in neither when precision is strict. */
    @Override
    public boolean setArithmetic(Precision precision) {
        MathMode.Switches wanted =
                new MathMode.Switches(precision != Precision.FP32_STRICT, false, true, AUTOTUNING_LIMIT);
        MathMode.Switches got = MathMode.set(wanted);
        if (!got.equals(wanted)) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    "the precision '" + precision.label() + "' cannot be had: libtorch was told " + wanted
                            + " and says " + got + "; unset TORCH_ALLOW_TF32_CUBLAS_OVERRIDE if it is set");
        }
        return precision == Precision.FP32
                && got.convolutionTf32()
                && gpu.capability().hasTf32();
    }

    @Override
    public Replica replica(NDManager manager, ReplicaSpec spec, Arithmetic arithmetic, Segment segment) {
        return Replica.onDevice(manager, spec.training().model(), arithmetic);
    }

    @Override
    public Passes passes(Replica replica, TrainingSpec training, NDManager manager) {
        return training.cudaGraphs()
                ? new RecordedPasses(replica, graphs, manager, gpu::emptyCache)
                : Passes.eager(replica);
    }

    @Override
    public InputSlots inputs(NDManager manager, Segment segment, int imageSize, boolean channelsLast) {
        return new StagedInputs(new MappedInputs(segment), imageSize, channelsLast, gpu.runtime(), pinned);
    }

    @Override
    public Collective collective(ReplicaSpec spec, Segment segment, Replica replica, Duration patience)
            throws IOException {
        ReplicaMemory memory = new ReplicaMemory(
                replica.parameters().array(),
                replica.gradients().array(),
                replica.buffers().array());
        Participant participant = new Participant(
                segment,
                spec.rank(),
                memory,
                memory.parameters().getManager(),
                LogitsRecord.of(segment, spec.files().trace() != null),
                patience);
        return DeviceCollectives.create(spec, participant, gpu.runtime(), CudaDevice::nccl, CudaDevice::halt);
    }

    private static Nccl nccl() {
        return NcclLibrary.load(NativeLibraries.folder());
    }

    /** The training thread hangs in the GPU's work, so that nothing orderly would come to an end. */
    private static void halt(String reason) {
        LOG.error("{}", reason);
        Runtime.getRuntime().halt(HUNG);
    }

    @Override
    public CommunicatorId createCommunicatorId() {
        return CommunicatorId.of(nccl().createUniqueId());
    }

    @Override
    public boolean sharesParameters() {
        return false;
    }

    @Override
    public SteppedShard steppedShard(NDManager manager, ReplicaSpec spec, Segment segment, Replica replica) {
        return SteppedShard.whole(manager, replica, spec.training().optimizer());
    }

    @Override
    public PhaseClock startClock() {
        clock.restart();
        return clock;
    }

    @Override
    public MemoryUse memory() {
        CudaRuntime.DeviceMemory memory = gpu.runtime().memory();
        return new MemoryUse(
                gpu.peakMemory().peakMiB(),
                gpu.peakMemory().kind(),
                (memory.totalBytes() - memory.freeBytes()) / BYTES_PER_MIB);
    }

    /** Also gives what libtorch keeps for later back to the GPU, where other processes may want it. */
    @Override
    public void endMeasurement() {
        pinned.close();
        clock.close();
        gpu.emptyCache();
    }

    @Override
    public LockstepException failure(String what, int images, EngineException cause) {
        String text = String.valueOf(cause.getMessage());
        if (CudaFailures.isOutOfMemory(text)) {
            return CudaFailures.outOfMemory(what, images, text, cause);
        }
        if (CudaFailures.isOfDevice(text)) {
            return CudaFailures.device(what, text, cause);
        }
        String firstLine = text.lines().findFirst().orElse(text);
        return new LockstepException(FailureCategory.INTERNAL, what + " failed in libtorch: " + firstLine, cause);
    }
}
