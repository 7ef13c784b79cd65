package dev.lockstep.worker.bench;

import ai.djl.ndarray.NDManager;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.lockstep.common.failure.LockstepException;
import dev.lockstep.common.memory.Segment;
import dev.lockstep.common.memory.SegmentLayout;
import dev.lockstep.common.plan.ModelSpec;
import dev.lockstep.common.work.ModelFootprint;
import dev.lockstep.common.work.Reduction;
import dev.lockstep.common.work.StepCommand;
import dev.lockstep.worker.collective.Shard;
import dev.lockstep.worker.collective.SharedMemoryCollective;
import dev.lockstep.worker.libtorch.LibTorch;
import dev.lockstep.worker.step.DjlTrainingEngine;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times the reduce of EfficientNet-B3's gradients over two processes, and beside it the copy it cannot do without. It prints one line of
 * JSON, a {@link ReduceFigures}, on standard output; logs go to standard error.
 *
 * <p>All times are rank 0's, from both ranks having met to rank 0 having seen that both are through.
 */
public final class ReduceBenchmark {
    private static final ModelSpec MODEL = new ModelSpec("efficientnet_b3", 10, 300, null, null);
    private static final String RUN = "reduce-benchmark";
    private static final int RANKS = 2;
    /** Until the Java code of the reduce is compiled, as it is in a training that has gone on for a while. */
    private static final int WARMUP = 200;

    private static final int MEASURED = 300;
    private static final int FAILED = 1;
    private static final float GRADIENT = 0.5f;
    private static final Duration PATIENCE = Duration.ofMinutes(1);

    private final int rank;
    private final NDManager manager;
    private final SharedMemoryCollective collective;
    private final ByteBuffer ownShard;
    private final ByteBuffer otherShard;
    private long step;

    private ReduceBenchmark(Segment segment, int rank, NDManager manager) throws IOException {
        this.rank = rank;
        this.manager = manager;
        SegmentLayout layout = segment.layout();
        ByteBuffer statistics = ByteBuffer.allocateDirect(Math.toIntExact(layout.flatBuffers() * Float.BYTES))
                .order(ByteOrder.nativeOrder());
        this.collective = new SharedMemoryCollective(segment, rank, manager, statistics, PATIENCE);
        ByteBuffer own = segment.gradients(rank);
        while (own.hasRemaining()) {
            own.putFloat(GRADIENT);
        }
        Shard shard = Shard.of(rank, RANKS, layout.flatParameters());
        this.ownShard = part(segment.gradients(0), shard);
        this.otherShard = part(segment.gradients(1), shard);
    }

    private static ByteBuffer part(ByteBuffer floats, Shard shard) {
        return floats.slice(Math.toIntExact(shard.from() * Float.BYTES), Math.toIntExact(shard.floats() * Float.BYTES))
                .order(ByteOrder.nativeOrder());
    }

    /**
     * Takes the threads of a rank, rank 0's processors and rank 1's, separated by commas; rank 1, which rank 0 starts, the segment too.
     */
    public static void main(String[] arguments) throws IOException, InterruptedException {
        PrintStream answers = System.out;
        System.setOut(System.err);
        try {
            int rank = arguments.length > RANKS + 1 ? 1 : 0;
            DjlTrainingEngine engine = new DjlTrainingEngine(Integer.parseInt(arguments[0]), cpus(arguments[1 + rank]));
            engine.start();
            ModelFootprint sizes = engine.describe(MODEL);
            SegmentLayout layout =
                    new SegmentLayout(RANKS, RANKS, 1, MODEL.classes(), sizes.flatParameters(), sizes.flatBuffers());
            if (rank == 1) {
                try (Segment segment = Segment.open(Path.of(arguments[RANKS + 1]), layout, RUN, 0)) {
                    measure(segment, rank, WARMUP, MEASURED);
                }
            } else {
                try (Segment segment = Segment.create(layout, RUN, 0)) {
                    ReduceFigures figures = withSecondRank(segment, arguments);
                    answers.println(new ObjectMapper().writeValueAsString(figures));
                    answers.flush();
                }
            }
        } catch (LockstepException e) {
            System.err.println(e.getMessage());
            System.exit(FAILED);
        }
        // The engine's thread pools would keep the process.
        System.exit(0);
    }

    private static List<Integer> cpus(String list) {
        return Arrays.stream(list.split(",", -1)).map(Integer::valueOf).toList();
    }

    private static ReduceFigures withSecondRank(Segment segment, String[] arguments)
            throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ReduceBenchmark.class.getName()));
        command.addAll(List.of(arguments));
        command.add(segment.path().toString());
        Process second = new ProcessBuilder(command)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        try {
            ReduceFigures figures = measure(segment, 0, WARMUP, MEASURED);
            int exit = second.waitFor();
            if (exit != 0) {
                throw new IllegalStateException("rank 1 ended with exit code " + exit);
            }
            return figures;
        } finally {
            second.destroyForcibly();
        }
    }

    /**
     * One rank's part; both must take theirs.
     *
     * @param warmup rounds before those that are timed
     * @throws IllegalStateException if the sum is not that of all ranks' gradients
     */
    static ReduceFigures measure(Segment segment, int rank, int warmup, int measured) throws IOException {
        try (NDManager manager = LibTorch.load().newBaseManager()) {
            ReduceBenchmark benchmark = new ReduceBenchmark(segment, rank, manager);
            List<Long> copies = new ArrayList<>();
            List<Long> reduces = new ArrayList<>();
            List<Long> replicates = new ArrayList<>();
            for (int round = 0; round < warmup + measured; round++) {
                long copy = benchmark.copy();
                long reduce = benchmark.reduce();
                long replicate = benchmark.replicate();
                if (round >= warmup) {
                    copies.add(copy);
                    reduces.add(reduce);
                    replicates.add(replicate);
                }
            }
            benchmark.checkSum();
            long bytes = segment.layout().flatParameters() * Float.BYTES;
            return ReduceFigures.of(bytes, RANKS, reduces, copies, replicates);
        }
    }

    /** Each rank copies its shard of rank 1's gradients over rank 0's: one read and one write of the gradients' bytes in all. */
    private long copy() {
        long start = meet();
        ownShard.put(0, otherShard, 0, otherShard.capacity());
        return meet() - start;
    }

    private long reduce() {
        long start = meet();
        next();
        try (NDManager scope = manager.newSubManager()) {
            collective.reduceShard(scope, 0);
        }
        collective.awaitUpdates();
        return System.nanoTime() - start;
    }

    private long replicate() {
        long start = meet();
        next();
        collective.replicate();
        collective.awaitUpdates();
        return System.nanoTime() - start;
    }

    /** Both ranks' end of a step; rank 1's next cannot begin before rank 0 has seen it. */
    private long meet() {
        next();
        collective.awaitUpdates();
        return System.nanoTime();
    }

    private void next() {
        collective.begin(new StepCommand(step, 0, List.of(1, 1), Reduction.SUM_TO_ALL));
        step++;
    }

    private void checkSum() {
        meet();
        for (int at = 0; at < ownShard.capacity(); at += Float.BYTES) {
            float sum = ownShard.getFloat(at);
            if (sum != GRADIENT * RANKS) {
                throw new IllegalStateException("rank " + rank + " found " + sum + " in the sum");
            }
        }
    }
}
