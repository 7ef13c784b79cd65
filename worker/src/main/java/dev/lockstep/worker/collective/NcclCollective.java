package dev.lockstep.worker.collective;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.work.CommunicatorId;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.NcclCommunicator.Operation;
import dev.lockstep.worker.collective.NcclCommunicator.Terms;
import dev.lockstep.worker.collective.ReplicaMemory.Floats;
import dev.lockstep.worker.cuda.CudaRuntime;
import dev.lockstep.worker.cuda.CudaRuntime.Direction;
import dev.lockstep.worker.cuda.Nccl;
import dev.lockstep.worker.libtorch.LibTorch;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Replicas on GPUs of their own, over NCCL, on the stream that DJL computes on: an exchange waits for what was computed before it and
 * is waited for by what is computed after it, without the host. Each flat buffer is one operation.
 *
 * <p>NCCL needs every rank in every broadcast and reduction, so that idle ranks take part with gradients of zero. It sums in an order
 * of its own, which is not that of the ranks.
 *
 * <p>All-reduce: every replica gets all sums and steps its own copy of the parameters, as {@code DistributedDataParallel} does. In the
 * first step parameters are replica 0's; afterwards they stay equal because NCCL gives all ranks the same bits. The shares of the loss
 * and the word of an overflow go through the segment, from host to host.
 */
public final class NcclCollective implements Collective {
    private static final long STREAM = CudaRuntime.DEFAULT_STREAM;

    private final int rank;
    private final Segment segment;
    private final int ranks;
    private final CudaRuntime cuda;
    private final LogitsRecord logits;
    private final NDArray gradientArray;
    private final Floats parameters;
    private final Floats gradients;
    private final Floats buffers;
    private final Rendezvous rendezvous;
    private final NcclCommunicator communicator;
    private final NcclWatchdog watchdog;
    private StepCommand step;
    private boolean haveParameters;

    /**
     * Joins the other replicas.
     *
     * @param id what they find each other by
     * @param lastResort ends the process, told why, when even an abort does not free it from the device
     * @throws LockstepException if the library cannot, the measurement is aborted, or the others do not come in time
     */
    public NcclCollective(
            Participant participant, CudaRuntime cuda, Nccl nccl, CommunicatorId id, Consumer<String> lastResort) {
        this.rank = participant.rank();
        this.segment = participant.segment();
        this.ranks = segment.layout().ranks();
        this.cuda = cuda;
        this.logits = participant.logits();
        this.gradientArray = participant.memory().gradients();
        this.parameters = Floats.of(participant.memory().parameters());
        this.gradients = Floats.of(gradientArray);
        this.buffers = Floats.of(participant.memory().buffers());
        this.rendezvous = new Rendezvous(segment, rank, participant.patience());
        Terms terms = new Terms(
                participant.patience(),
                segment::aborted,
                this::laggards,
                abort -> daemon(abort).start(),
                System::nanoTime);
        this.communicator = NcclCommunicator.join(nccl, ranks, rank, id.bytes(), terms);
        this.watchdog = new NcclWatchdog(communicator, lastResort);
    }

    private static Thread daemon(Runnable abort) {
        Thread thread = new Thread(abort, "nccl-abort");
        thread.setDaemon(true);
        return thread;
    }

    @Override
    public void begin(StepCommand command) {
        step = command;
        communicator.begin("step " + command.step());
    }

    @Override
    public void replicate() {
        List<Operation> operations = new ArrayList<>();
        if (isDataParallel() || !haveParameters) {
            operations.add(broadcast(parameters));
        }
        if (buffers.count() > 0) {
            operations.add(broadcast(buffers));
        }
        communicator.run("the broadcast", operations);
        haveParameters = true;
        publish(Stage.REPLICATED);
    }

    @Override
    public void sitOut() {
        if (!isDataParallel()) {
            replicate();
        } else if (active() > 1) {
            replicate();
            LibTorch.zero(gradientArray);
            reduceToFirst();
        }
    }

    @Override
    public NDArray gather(NDManager manager, NDArray chunkLogits) {
        shareLogits(chunkLogits);
        Floats chunk = Floats.of(chunkLogits);
        List<Operation> operations = new ArrayList<>();
        NDArray gathered = null;
        if (rank == 0) {
            gathered = manager.create(new Shape(step.batch(), classes()), DataType.FLOAT32);
            Floats all = Floats.of(gathered);
            copy(all.address(), chunk);
            for (int other = 1; other < active(); other++) {
                Floats rows = rows(all, other);
                int from = other;
                operations.add((nccl, handle) -> nccl.receive(rows.address(), rows.count(), from, handle, STREAM));
            }
        } else {
            operations.add((nccl, handle) -> nccl.send(chunk.address(), chunk.count(), 0, handle, STREAM));
        }
        communicator.run("the gather", operations);
        publish(Stage.GATHERED);
        return gathered;
    }

    @Override
    public NDArray scatter(NDManager manager, NDArray gradient) {
        NDArray own = manager.create(new Shape(step.chunks().get(rank), classes()), DataType.FLOAT32);
        Floats chunk = Floats.of(own);
        List<Operation> operations = new ArrayList<>();
        if (rank == 0) {
            Floats all = Floats.of(gradient);
            copy(chunk.address(), rows(all, 0));
            for (int other = 1; other < active(); other++) {
                Floats rows = rows(all, other);
                int to = other;
                operations.add((nccl, handle) -> nccl.send(rows.address(), rows.count(), to, handle, STREAM));
            }
        } else {
            operations.add((nccl, handle) -> nccl.receive(chunk.address(), chunk.count(), 0, handle, STREAM));
        }
        communicator.run("the scatter", operations);
        publish(Stage.LOSS_DONE);
        return own;
    }

    @Override
    public void reduce(NDManager manager) {
        reduceToFirst();
    }

    private void reduceToFirst() {
        communicator.run(
                "the reduction",
                List.of((nccl, handle) -> nccl.reduce(gradients.address(), gradients.count(), 0, handle, STREAM)));
        publish(Stage.REDUCED);
    }

    @Override
    public void shareLogits(NDArray chunkLogits) {
        logits.put(step.firstSample(rank), chunkLogits);
    }

    @Override
    public Double reduceShard(NDManager manager, double lossShare) {
        if (!step.isActive(rank)) {
            LibTorch.zero(gradientArray);
        }
        communicator.run(
                "the reduction",
                List.of((nccl, handle) -> nccl.allReduce(gradients.address(), gradients.count(), handle, STREAM)));
        segment.putLossShare(rank, lossShare);
        publish(Stage.BACKWARD_DONE);
        rendezvous.await(0, active(), Stage.BACKWARD_DONE, step.step());
        return rank == 0 ? segment.loss(active()) : null;
    }

    @Override
    public boolean anyOverflow(boolean here) {
        segment.publishOverflow(rank, here);
        publish(Stage.CHECKED);
        rendezvous.await(0, ranks, Stage.CHECKED, step.step());
        return segment.overflow(ranks);
    }

    /** The parameters need no exchange, but the words in the segment are free for the next step only once all have read them. */
    @Override
    public void awaitUpdates() {
        publish(Stage.UPDATED);
        rendezvous.await(0, ranks, Stage.UPDATED, step.step());
    }

    /** From host to host alone: that the device waits for other devices, the host does not see. */
    @Override
    public long takeWaitNanos() {
        return rendezvous.takeWaitNanos();
    }

    @Override
    public void end() {
        try {
            cuda.synchronize(STREAM);
        } catch (LockstepException e) {
            if (!communicator.hasFailed()) {
                throw e;
            }
            // What the abort left behind is no news: the reason for it is.
        }
        communicator.end();
    }

    @Override
    public void settle() {
        if (step != null && isDataParallel()) {
            communicator.begin("the exchange after step " + step.step());
            communicator.run("the broadcast", List.of(broadcast(parameters)));
            end();
        }
    }

    @Override
    public void close() {
        communicator.close();
        watchdog.close();
    }

    private boolean isDataParallel() {
        return step.reduction() == Reduction.SUM_TO_FIRST;
    }

    private int active() {
        return step.chunks().size();
    }

    private int classes() {
        return segment.layout().classes();
    }

    private Operation broadcast(Floats floats) {
        return (nccl, handle) -> nccl.broadcast(floats.address(), floats.count(), 0, handle, STREAM);
    }

    /** A rank's rows of a batch [batch, classes]. */
    private Floats rows(Floats batch, int of) {
        long first = (long) step.firstSample(of) * classes();
        return new Floats(
                batch.address() + first * Float.BYTES, (long) step.chunks().get(of) * classes());
    }

    private void copy(long to, Floats from) {
        cuda.copyAsync(to, from.address(), from.bytes(), Direction.DEVICE_TO_DEVICE, STREAM);
    }

    /** Tells the others' watchdogs how far this host is; they need it for nothing else, but under all-reduce. */
    private void publish(Stage stage) {
        rendezvous.publish(stage, step.step());
    }

    private String laggards() {
        long own = segment.progress(rank);
        String behind = IntStream.range(0, ranks)
                .filter(other -> segment.progress(other) < own)
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(", "));
        return behind.isEmpty()
                ? "no other replica is behind it, so that a GPU or a link between GPUs may hang: nvidia-smi may say more"
                : "it is ahead of replica " + behind + ", whose worker's log may say why";
    }
}
