package dev.lockstep.worker.step;

import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.MemoryFormat;
import dev.lockstep.common.plan.Strategy;
import dev.lockstep.common.work.CollectiveKind;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.ReplicaSpec;
import dev.lockstep.common.work.ReplicaSummary;
import dev.lockstep.common.work.StateFiles;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.common.work.StepReport;
import dev.lockstep.common.work.TrainingSpec;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Function;
import java.util.function.Supplier;

/** The ranks of one measurement in one process: an engine each, on a training thread each, over one real segment. */
final class ReplicaGroup implements AutoCloseable {
    private static final String RUN = "test";
    private static final long EPOCH = 1;

    private final TrainingSpec training;
    private final Reduction reduction;
    private final Segment segment;
    private final List<DjlTrainingEngine> engines = new ArrayList<>();
    private final List<ExecutorService> threads = new ArrayList<>();
    private long nextStep;

    /** Data-parallel without files. */
    ReplicaGroup(TrainingSpec training, int ranks, int batch, Duration patience) throws IOException {
        this(training, Strategy.DATA_PARALLEL, StateFiles.NONE, ranks, batch, patience);
    }

    ReplicaGroup(TrainingSpec training, Strategy strategy, StateFiles files, int ranks, int batch, Duration patience)
            throws IOException {
        this(() -> new DjlTrainingEngine(1, List.of(), patience), training, strategy, files, ranks, batch);
    }

    /** @param newEngine makes one for each rank */
    ReplicaGroup(
            Supplier<DjlTrainingEngine> newEngine,
            TrainingSpec training,
            Strategy strategy,
            StateFiles files,
            int ranks,
            int batch)
            throws IOException {
        this.training = training;
        this.reduction = strategy == Strategy.ALL_REDUCE ? Reduction.SUM_TO_ALL : Reduction.SUM_TO_FIRST;
        for (int rank = 0; rank < ranks; rank++) {
            engines.add(newEngine.get());
            threads.add(Executors.newSingleThreadExecutor(runnable -> {
                Thread thread = new Thread(runnable, "training");
                thread.setDaemon(true);
                return thread;
            }));
        }
        onAll(engine -> engine.start());
        ModelFootprint footprint = on(0, engine -> engine.describe(training.model()));
        SegmentLayout layout = new SegmentLayout(
                ranks,
                batch,
                training.model().sampleFloats(),
                training.model().classes(),
                footprint.flatParameters(),
                footprint.flatBuffers());
        segment = Segment.create(layout, RUN, EPOCH);
        try {
            prepare(strategy, files);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private void prepare(Strategy strategy, StateFiles files) {
        for (int rank = 0; rank < engines.size(); rank++) {
            ReplicaSpec spec = new ReplicaSpec(
                    RUN,
                    EPOCH,
                    rank,
                    engines.size(),
                    strategy,
                    training,
                    files,
                    segment.path().toString(),
                    segment.layout(),
                    engines.size() == 1 ? CollectiveKind.NONE : CollectiveKind.SHARED_MEMORY,
                    null);
            on(rank, engine -> {
                engine.prepare(spec);
                return null;
            });
        }
    }

    Segment segment() {
        return segment;
    }

    /** Fills a slot with images in NCHW order. */
    void fill(int slot, float[] images, long[] labels) throws IOException {
        fill(segment, training.memoryFormat(), slot, images, labels);
    }

    /** Fills a slot of a segment with images in NCHW order. */
    static void fill(Segment segment, MemoryFormat format, int slot, float[] images, long[] labels) throws IOException {
        int samples = labels.length;
        int channels = 3;
        int pixels = images.length / samples / channels;
        ByteBuffer inputs = segment.inputs(slot, 0, samples);
        boolean channelsLast = format == MemoryFormat.CHANNELS_LAST;
        for (int i = 0; i < images.length; i++) {
            int sample = i / (channels * pixels);
            int channel = i / pixels % channels;
            int pixel = i % pixels;
            int at = channelsLast ? (sample * pixels + pixel) * channels + channel : i;
            inputs.putFloat(at * Float.BYTES, images[i]);
        }
        segment.labels(slot, 0, samples).asLongBuffer().put(labels);
    }

    /** Runs a step on all ranks at once; the reports are in rank order. */
    List<StepReport> step(List<Integer> chunks) {
        StepCommand command = new StepCommand(nextStep++, 0, chunks, reduction);
        return onAll(engine -> engine.runStep(command));
    }

    /** Runs a step, and asks each rank how it stands as soon as its own part is over. */
    List<ReplicaSummary> stepAndSummarise(List<Integer> chunks) {
        StepCommand command = new StepCommand(nextStep++, 0, chunks, reduction);
        return onAll(engine -> {
            engine.runStep(command);
            return engine.summarise();
        });
    }

    /** Runs several steps, each rank as soon as it can. */
    void runAhead(List<List<Integer>> chunkings) {
        List<StepCommand> commands = chunkings.stream()
                .map(chunks -> new StepCommand(nextStep++, 0, chunks, reduction))
                .toList();
        onAll(engine -> commands.stream().map(engine::runStep).toList());
    }

    <T> T on(int rank, Function<DjlTrainingEngine, T> action) {
        return get(submit(rank, action));
    }

    <T> Future<T> submit(int rank, Function<DjlTrainingEngine, T> action) {
        Callable<T> call = () -> action.apply(engines.get(rank));
        return threads.get(rank).submit(call);
    }

    <T> List<T> onAll(Function<DjlTrainingEngine, T> action) {
        List<Future<T>> futures = new ArrayList<>();
        for (int rank = 0; rank < engines.size(); rank++) {
            futures.add(submit(rank, action));
        }
        return futures.stream().map(ReplicaGroup::get).toList();
    }

    private static <T> T get(Future<T> future) {
        try {
            return future.get();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        onAll(engine -> {
            engine.release();
            return null;
        });
        threads.forEach(ExecutorService::shutdown);
        segment.close();
    }
}
