package dev.lockstep.worker.step;

import ai.djl.engine.Engine;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import dev.lockstep.common.failure.FailureCategory;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.threads.ThreadAffinity;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.DeviceKind;
import dev.lockstep.common.work.EngineInfo;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import dev.lockstep.worker.cuda.CudaGpu;
import dev.lockstep.worker.libtorch.CudaGraphs;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.model.EfficientNet;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;

/** Training with libtorch through DJL, on the CPU or on a GPU: every strategy, precision and optimizer there is. */
public final class DjlTrainingEngine implements TrainingEngine {
    /** How long a replica waits for another within a step unless told otherwise. */
    public static final Duration DEFAULT_PATIENCE = Duration.ofMinutes(2);

    private final ReplicaDevice device;
    private final int threads;
    private final List<Integer> cpus;
    private final Duration patience;
    private NDManager manager;
    private PreparedReplica prepared;

    /**
     * On the CPU.
     *
     * @param threads intra-op threads
     * @param cpus what the training thread and the engine's threads are pinned to; empty for no pinning
     */
    public DjlTrainingEngine(int threads, List<Integer> cpus) {
        this(threads, cpus, DEFAULT_PATIENCE);
    }

    /**
     * On the CPU.
     *
     * @param patience how long to wait for another replica within a step
     */
    public DjlTrainingEngine(int threads, List<Integer> cpus, Duration patience) {
        this(DeviceKind.CPU, threads, cpus, patience);
    }

    /**
     * @param kind what to compute on: the CPU, or the one GPU that the process sees
     */
    public DjlTrainingEngine(DeviceKind kind, int threads, List<Integer> cpus, Duration patience) {
        this(
                switch (kind) {
                    case CPU -> new CpuDevice();
                    case CUDA -> new CudaDevice(new CudaGpu(), new CudaGraphs());
                },
                threads,
                cpus,
                patience);
    }

    DjlTrainingEngine(ReplicaDevice device, int threads, List<Integer> cpus, Duration patience) {
        this.device = device;
        this.threads = threads;
        this.cpus = List.copyOf(cpus);
        this.patience = patience;
    }

    @Override
    public EngineInfo start() {
        if (!cpus.isEmpty()) {
            // Before the engine loads, so that its threads inherit it.
            ThreadAffinity.pinCaller(cpus);
        }
        Engine engine = LibTorch.load();
        JniUtils.setNumThreads(threads);
        // The mode is the thread's, and DJL turns it off in the thread that loads the engine.
        JniUtils.setGradMode(true);
        manager = engine.newBaseManager(device.place());
        return device.start(manager);
    }

    @Override
    public ModelFootprint probe(TrainingSpec training) {
        return guarded("the memory probe", 0, () -> device.probe(manager, training));
    }

    @Override
    public CommunicatorId createCommunicatorId() {
        return device.createCommunicatorId();
    }

    /**
     * A training loop without anything of Lockstep around it, for comparing.
     *
     * @throws LockstepException when there is not memory enough
     */
    public PlainTraining plain(TrainingSpec training) {
        return guarded("building the model", 0, () -> new PlainTraining(device, manager, training));
    }

    @Override
    public void prepare(ReplicaSpec replica) {
        if (prepared != null) {
            throw new IllegalStateException("a replica is prepared already");
        }
        prepared = guarded(
                "preparing replica " + replica.rank(),
                0,
                () -> PreparedReplica.create(device, manager, replica, patience));
    }

    @Override
    public StepReport runStep(StepCommand command) {
        PreparedReplica replica = prepared();
        return guarded("step " + command.step(), replica.images(command), () -> replica.run(command));
    }

    @Override
    public ReplicaSummary summarise() {
        PreparedReplica replica = prepared();
        return guarded("summing up", 0, replica::summarise);
    }

    @Override
    public void release() {
        if (prepared != null) {
            PreparedReplica released = prepared;
            prepared = null;
            released.close();
        }
    }

    private PreparedReplica prepared() {
        if (prepared == null) {
            throw new IllegalStateException("no replica is prepared");
        }
        return prepared;
    }

    /** The model, its gradients and statistics by name; for tests and traces. */
    Replica replica() {
        return prepared().replica();
    }

    /** A model's sizes, without building it; its memory is not known. */
    public ModelFootprint describe(ModelSpec model) {
        return MemoryProbe.sizes(EfficientNet.create(model), null, null);
    }

    /** Handles of native tensors that are open in this process. */
    int openHandles() {
        return manager.getParentManager().getManagedArrays().size();
    }

    private <T> T guarded(String what, int images, Supplier<T> action) {
        try {
            return action.get();
        } catch (EngineException e) {
            throw device.failure(what, images, e);
        } catch (UncheckedIOException e) {
            throw new LockstepException(
                    FailureCategory.ENVIRONMENT,
                    what + " cannot reach its shared memory: " + e.getCause().getMessage(),
                    e);
        }
    }
}
